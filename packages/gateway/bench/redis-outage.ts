/**
 * 500 requests a second (PCM: no encoder is what is measured) at an even pace, whatever the answers do, while Redis is killed and later restarted empty. Of
 * every 50 requests 49 repeat one of 200 texts and one is new. Latency counts from when a request was due.
 */
import { Agent, request } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { startRedis } from "../test/support/redis-process.ts";
import { startChild } from "./support/child.ts";
import { fixed, table } from "./support/report.ts";

const PER_SECOND = Number(process.env.BENCH_RATE ?? 500);
const PHASE_SECONDS = Number(process.env.BENCH_SECONDS ?? 5);
const TICK_MS = 10;
const TEXTS = 200;
const NEW_EVERY = 50;

type Answer = { readonly atMs: number; readonly ms: number; readonly ok: boolean };

const server = await startRedis();
const gateway = await startChild(new URL("support/bench-gateway.ts", import.meta.url), {
  BENCH_ENGINE: JSON.stringify({ nearlyFree: true }),
  BENCH_CONFIG: JSON.stringify({ redisUrl: server.url }),
});
const agent = new Agent({ keepAlive: true, maxSockets: 256 });
const known = new Map<string, Buffer>();
for (let index = 0; index < TEXTS; index++) await warm(`Repeated text number ${index}.`);

const answers: Answer[] = [];
const running = new Set<Promise<void>>();
const startedAt = performance.now();
const totalMs = 3 * PHASE_SECONDS * 1000;
const faults = (async () => {
  await sleep(PHASE_SECONDS * 1000);
  await server.kill();
  const killedMs = performance.now() - startedAt;
  await sleep(PHASE_SECONDS * 1000);
  await server.restart();
  return { killedMs, restartedMs: performance.now() - startedAt };
})();
for (let sent = 0, dueMs = 0; dueMs < totalMs; dueMs += TICK_MS) {
  await sleep(Math.max(0, startedAt + dueMs - performance.now()));
  for (; sent < (dueMs * PER_SECOND) / 1000; sent++) send(sent, dueMs);
}
const { killedMs, restartedMs } = await faults;
await Promise.all(running);
agent.destroy();
await gateway.stop();
await server.stop();

const phases: [name: string, fromMs: number, toMs: number][] = [
  ["before", 0, killedMs],
  ["first second without Redis", killedMs, killedMs + 1000],
  ["the rest without Redis", killedMs + 1000, restartedMs],
  ["Redis back, empty", restartedMs, totalMs],
];
const rows = phases.map(([name, fromMs, toMs]) => {
  const of = answers.filter(({ atMs }) => atMs >= fromMs && atMs < toMs);
  const times = of.map(({ ms }) => ms).sort((a, b) => a - b);
  const at = (share: number) =>
    fixed(times[Math.min(times.length - 1, Math.floor(times.length * share))] ?? Number.NaN);
  return [name, of.length, of.filter(({ ok }) => !ok).length, at(0.5), at(0.99), at(1)];
});
process.stdout.write(`\n${PER_SECOND} requests/s, open loop, bodies compared; Redis killed, then restarted empty\n\n`);
process.stdout.write(table(["phase", "requests", "failed", "p50 ms", "p99 ms", "worst ms"], rows));

function send(index: number, dueMs: number): void {
  const text = index % NEW_EVERY === 0 ? `Something new, number ${index}.` : `Repeated text number ${index % TEXTS}.`;
  const one = ask(text)
    .catch(() => undefined)
    .then((bytes) => {
      const expected = known.get(text);
      const ok = bytes !== undefined && (expected ? expected.equals(bytes) : bytes.length > 1000);
      answers.push({ atMs: dueMs, ms: performance.now() - startedAt - dueMs, ok });
    })
    .finally(() => running.delete(one));
  running.add(one);
}

function ask(input: string, onHeaders?: (status: string) => void): Promise<Buffer> {
  const body = JSON.stringify({ model: "auto", voice: "one", input, response_format: "pcm" });
  const headers = { "content-type": "application/json", "content-length": Buffer.byteLength(body) };
  return new Promise((resolve, reject) => {
    const sent = request(
      { port: gateway.port, path: "/v1/audio/speech", method: "POST", agent, headers },
      (response) => {
        const chunks: Buffer[] = [];
        onHeaders?.(String(response.headers["cache-status"]));
        response.on("data", (chunk: Buffer) => chunks.push(chunk));
        response.on("error", reject);
        response.on("end", () =>
          response.statusCode === 200 ? resolve(Buffer.concat(chunks)) : reject(new Error(`${response.statusCode}`)),
        );
      },
    );
    sent.on("error", reject);
    sent.end(body);
  });
}

/** Asks until the answer comes from the cache: those bytes are the right ones from then on. */
async function warm(text: string): Promise<void> {
  for (let status = ""; status !== "mynah; hit"; ) {
    const bytes = await ask(text, (told) => {
      status = told;
    });
    known.set(text, bytes);
  }
}
