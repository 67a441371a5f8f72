/**
 * Real assistant replies through HTTP, with the embedded engine and a real Redis: what repeats, what is saved, and
 * whether every answer is audio of a plausible length. BENCH_LINES says how many replies, BENCH_FORMAT in which format.
 */
import { createTranscoder } from "../src/audio/transcode.ts";
import type { AudioFormatName } from "../src/core/audio-format.ts";
import { startRedis } from "../test/support/redis-process.ts";
import { FORMATS } from "../test/support/speech-rig.ts";
import { startChild } from "./support/child.ts";
import { fixed, table } from "./support/report.ts";
import { readTrace } from "./support/trace.ts";

const LINES = Number(process.env.BENCH_LINES ?? 2000);
const format = (process.env.BENCH_FORMAT ?? "mp3") as AudioFormatName;
const CONCURRENCY = 4;
/** Seconds a character takes, between a hurried number and a lone "OK". */
const PLAUSIBLE = { fewest: 0.025, most: 0.3, fixedSeconds: 1 };

const replies = readTrace(LINES);
const redis = await startRedis();
const gateway = await startChild(new URL("support/bench-gateway.ts", import.meta.url), {
  BENCH_CONFIG: JSON.stringify({ redisUrl: redis.url }),
});
const transcoder = createTranscoder({ workers: 1 });
const base = `http://127.0.0.1:${gateway.port}`;
const tally = {
  failed: 0,
  undecodable: 0,
  implausible: 0,
  hits: 0,
  partial: 0,
  bytes: 0,
  hitBytes: 0,
  seconds: 0,
  hitSeconds: 0,
};

const startedAt = performance.now();
const queue = replies.entries();
await Promise.all(Array.from({ length: CONCURRENCY }, work));
const elapsed = (performance.now() - startedAt) / 1000;
const stats = (await (await fetch(`${base}/v1/stats`)).json()) as Stats;
await Promise.all([gateway.stop(), redis.stop(), transcoder.close()]);
process.stderr.write("\n");
process.stdout.write(
  `\n${replies.length} replies as ${format}, in ${fixed(elapsed, 0)} s, embedded engine, Redis ${redis.url}\n\n`,
);
process.stdout.write(table(["", ""], rows()));

type Stats = {
  segments: { hits: number; misses: number; coalesced: number };
  syntheses: { started: number; failed: number };
  saved: { characters: number; audioSeconds: number };
};

function rows(): [string, string][] {
  const { hits, misses, coalesced } = stats.segments;
  const share = (part: number, whole: number) => `${fixed((100 * part) / whole)} %`;
  return [
    ["failed requests", String(tally.failed)],
    ["answers that do not decode", String(tally.undecodable)],
    ["answers of an implausible length", String(tally.implausible)],
    ["whole replies from the cache", share(tally.hits, replies.length)],
    ["replies partly from the cache", share(tally.partial, replies.length)],
    ["segments", String(hits + misses + coalesced)],
    ["segments from the cache or shared", share(hits + coalesced, hits + misses + coalesced)],
    ["syntheses", `${stats.syntheses.started} (${stats.syntheses.failed} failed)`],
    ["audio delivered", `${fixed(tally.seconds / 60)} min, ${fixed(tally.bytes / 1e6)} MB`],
    ["audio of whole replies from the cache", `${fixed(tally.hitSeconds / 60)} min, ${fixed(tally.hitBytes / 1e6)} MB`],
    ["seconds of speech not synthesized again", fixed(stats.saved.audioSeconds, 0)],
    ["characters not synthesized again", String(stats.saved.characters)],
  ];
}

async function work(): Promise<void> {
  for (const [at, input] of queue) {
    if (at % 25 === 0) process.stderr.write(`\r${at}/${replies.length} replies`);
    await speak(input);
  }
}

async function speak(input: string): Promise<void> {
  try {
    const response = await fetch(`${base}/v1/audio/speech`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ model: "flite", voice: "slt", input, response_format: format }),
    });
    const audio = new Uint8Array(await response.arrayBuffer());
    if (response.status !== 200) throw new Error(`${response.status}: ${Buffer.from(audio).toString()}`);
    await examine(input, audio, response.headers.get("cache-status") ?? "");
  } catch (error) {
    tally.failed++;
    process.stderr.write(`\n${String(error)}\n`);
  }
}

async function examine(input: string, audio: Uint8Array, status: string): Promise<void> {
  let seconds = 0;
  try {
    seconds =
      (await transcoder.inspect(audio, FORMATS[format], { signal: new AbortController().signal })).durationMs / 1000;
  } catch {
    tally.undecodable++;
    return;
  }
  const { fewest, most, fixedSeconds } = PLAUSIBLE;
  if (seconds < input.length * fewest || seconds > input.length * most + fixedSeconds) {
    tally.implausible++;
    process.stderr.write(`\n${fixed(seconds, 2)} s for ${input.length} characters\n`);
  }
  tally.bytes += audio.byteLength;
  tally.seconds += seconds;
  if (status.includes("fwd=partial")) tally.partial++;
  if (!status.startsWith("mynah; hit")) return;
  tally.hits++;
  tally.hitBytes += audio.byteLength;
  tally.hitSeconds += seconds;
}
