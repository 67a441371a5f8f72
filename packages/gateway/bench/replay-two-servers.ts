/**
 * Two gateways and one Redis under fire: the lines of a trace, every other one to each gateway, while Redis and one of the
 * gateways are killed, frozen and restarted. Every answer is compared with a reference synthesis of its segments. Callers
 * do what callers do: where a server does not answer or cuts them off, they ask the other one.
 *
 *     MYNAH_TRACE   a file of lines, gzipped or not; default: the shared trace beside the repository
 *     BENCH_LINES   how many of them; default 5000
 *
 * Ends with 1 if any audio was wrong, or a request failed on the gateway that was left alone.
 */
import { existsSync, readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { gunzipSync } from "node:zlib";
import { isSpeakable, prepareText } from "../src/core/text/prepare.ts";
import { splitSegments } from "../src/core/text/segment.ts";
import { call, type GatewayProcess, startGatewayProcess } from "../test/support/gateway-process.ts";
import { startRedis } from "../test/support/redis-process.ts";
import { toneAudio } from "../test/support/stand-in-engine.ts";
import { fixed, table } from "./support/report.ts";

const LINES = Number(process.env.BENCH_LINES ?? 5_000);
const CALLERS_PER_SERVER = 12;
const ENGINE = { firstByteMs: 25, chunkMs: 4, chunkDurationMs: 200, durationMsPerChar: 20, maxChars: 4096 };
const MEMORY_BYTES = 8 * 1024 * 1024; // less than the trace takes, so that Redis is needed
const PATIENCE_MS = 20_000;
const ATTEMPTS = 40;
const RETRY_MS = 100;

const file = traceFile();
if (file === undefined) {
  process.stdout.write("There is no trace; name one in MYNAH_TRACE.\n");
  process.exit(0);
}
const lines = linesOf(file);
const segments = new Map<string, readonly string[]>(lines.map((line) => [line, segmentsOf(line)]));
const distinct = new Set([...segments.values()].flat()).size;

const redis = await startRedis();
const config = { redisUrl: redis.url, cacheMemoryMaxBytes: MEMORY_BYTES };
const [hit, spared] = await Promise.all([startGatewayProcess(config, ENGINE), startGatewayProcess(config, ENGINE)]);
const seen = { right: 0, wrong: 0, failed: 0, retried: 0, failedOnSpared: 0 };
const latencies: number[] = [];
/** Of gateways that were killed: their counts went with them. */
let synthesesBefore = 0;
const reasons = new Map<string, number>();

const from = performance.now();
const progress = setInterval(showProgress, 500);
try {
  const replayed = Promise.all([replay(0, hit, spared), replay(1, spared, hit)]);
  await Promise.race([replayed, attack()]);
  await replayed;
} finally {
  clearInterval(progress);
}
const seconds = (performance.now() - from) / 1000;
const syntheses = synthesesBefore + (await hit.syntheses()) + (await spared.syntheses());
await Promise.all([hit.stop(), spared.stop()]);
await redis.stop();
report();
process.exitCode = seen.wrong + seen.failed + seen.failedOnSpared > 0 ? 1 : 0;

/** Each fault in its turn, spread over the replay. */
async function attack(): Promise<void> {
  const turns: [string, () => Promise<void> | void][] = [
    ["redis killed", () => redis.kill()],
    ["redis back, and empty", () => redis.restart()],
    ["redis frozen", () => redis.freeze()],
    ["redis thawed", () => redis.thaw()],
    ["gateway frozen", () => hit.freeze()],
    ["gateway thawed", () => hit.thaw()],
    ["gateway killed", killGateway],
    ["gateway back", () => hit.restart()],
    ["redis killed and restarted", () => redis.restart()],
    ["gateway killed", killGateway],
    ["redis frozen", () => redis.freeze()],
    ["gateway back", () => hit.restart()],
    ["redis thawed", () => redis.thaw()],
  ];
  for (const [at, [name, strike]] of turns.entries()) {
    const due = (lines.length * (at + 1)) / (turns.length + 2);
    while (answered() < due) await sleep(20);
    process.stderr.write(`\r${" ".repeat(78)}\r${fixed((performance.now() - from) / 1000)} s: ${name}\n`);
    await strike();
    await sleep(1_500); // a frozen one is noticed, a dead one replaced
  }
}

async function killGateway(): Promise<void> {
  synthesesBefore += await hit.syntheses();
  await hit.kill();
}

async function replay(start: number, own: GatewayProcess, other: GatewayProcess): Promise<void> {
  let next = start;
  const caller = async (): Promise<void> => {
    while (next < lines.length) {
      const line = lines[next]!;
      next += 2;
      await say(line, own, other);
    }
  };
  await Promise.all(Array.from({ length: CALLERS_PER_SERVER }, caller));
}

async function say(line: string, own: GatewayProcess, other: GatewayProcess): Promise<void> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const server = attempt % 2 === 0 ? own : other;
    const askedAt = performance.now();
    try {
      const audio = await withPatience(call(server.port, { input: line }).audio);
      latencies.push(performance.now() - askedAt);
      if (audio.equals(reference(line))) seen.right++;
      else seen.wrong++;
      return;
    } catch (error) {
      const reason = `${server === hit ? "hit" : "spared"}: ${error instanceof Error ? error.message.slice(0, 200) : "?"}`;
      reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
      seen.retried++;
      if (server === spared) seen.failedOnSpared++;
      await sleep(RETRY_MS);
    }
  }
  seen.failed++;
}

async function withPatience(audio: Promise<Buffer>): Promise<Buffer> {
  const late = new AbortController();
  const timeout = sleep(PATIENCE_MS, undefined, { signal: late.signal }).then(() => {
    throw new Error(`no answer within ${PATIENCE_MS} ms`);
  });
  timeout.catch(() => {});
  return Promise.race([audio, timeout]).finally(() => late.abort());
}

function reference(line: string): Buffer {
  const wanted = { name: "pcm", sampleRateHz: 24_000 } as const;
  const sound = { voice: "one", speed: 1, pitch: 1, volume: 1, wanted };
  return Buffer.concat(segments.get(line)!.map((text) => toneAudio({ ...sound, text }, ENGINE)));
}

function segmentsOf(line: string): readonly string[] {
  return splitSegments(prepareText(line), { maxChars: ENGINE.maxChars });
}

function traceFile(): string | undefined {
  const shared = fileURLToPath(new URL("../../../../shared/traces/sgd-system-utterances.txt.gz", import.meta.url));
  return [process.env.MYNAH_TRACE, shared].find((path) => path !== undefined && existsSync(path));
}

function linesOf(path: string): string[] {
  const raw = readFileSync(path);
  const text = (path.endsWith(".gz") ? gunzipSync(raw) : raw).toString("utf8");
  return text
    .split("\n")
    .filter((line) => isSpeakable(prepareText(line)))
    .slice(0, LINES);
}

function answered(): number {
  return seen.right + seen.wrong + seen.failed;
}

function showProgress(): void {
  process.stderr.write(`\r${answered()}/${lines.length} answered, ${seen.wrong} wrong, ${seen.retried} asked again `);
}

function report(): void {
  latencies.sort((a, b) => a - b);
  const at = (share: number): string => fixed(latencies[Math.floor((latencies.length - 1) * share)] ?? Number.NaN);
  process.stderr.write("\n");
  process.stdout.write(
    `\n${lines.length} lines to two gateways and one Redis in ${fixed(seconds)} s, under faults\n\n`,
  );
  process.stdout.write(
    table(
      ["what", "count"],
      [
        ["audio right, byte for byte", seen.right],
        ["audio wrong", seen.wrong],
        ["never answered", seen.failed],
        ["asked again because a server was dead or cut the answer", seen.retried],
        ["of these on the gateway that was left alone", seen.failedOnSpared],
        ["segments said", [...lines].reduce((sum, line) => sum + segments.get(line)!.length, 0)],
        ["distinct segments", distinct],
        ["syntheses, those lost with a kill estimated", syntheses],
        ["answer complete after ms: median, p99, last", `${at(0.5)}, ${at(0.99)}, ${at(1)}`],
      ],
    ),
  );
  for (const [reason, count] of reasons) process.stderr.write(`${count} × ${reason}\n`);
}
