/**
 * What viewers of the dashboard cost: processor time of a gateway with eight engines that is asked ten times a second, while
 * nobody looks, ten do, and as many as may, in turns. Told of the round that others on the machine disturbed least.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { type Child, startChild } from "./support/child.ts";
import { fixed, table } from "./support/report.ts";

const VIEWERS = [0, 10, 64] as const;
const SECONDS = Number(process.env.BENCH_SECONDS ?? 10);
const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 5);
const ASKS_PER_SECOND = 10;
/** Of a core. */
const ALLOWED_SHARE = 0.01;
const engines = Array.from({ length: 8 }, (_, n) => ({ name: `engine-${n}`, type: "flite" }));

const child = await startChild(new URL("support/bench-gateway.ts", import.meta.url), {
  BENCH_CONFIG: JSON.stringify({ engines }),
});
const base = `http://127.0.0.1:${child.port}`;
const stop = new AbortController();
let received = 0;
try {
  const asking = ask(stop.signal);
  await sleep(5_000); // until everything that is asked is cached, and compiled
  const shares = new Map(VIEWERS.map((viewers) => [viewers, [] as number[]]));
  for (let round = 0; round < ROUNDS; round++) {
    for (const viewers of VIEWERS) {
      const leave = await watch(viewers);
      await sleep(1_000);
      shares.get(viewers)!.push(await share(child));
      leave();
    }
  }
  stop.abort();
  await asking;
  report(new Map([...shares].map(([viewers, all]) => [viewers, Math.min(...all)])));
} finally {
  await child.stop();
}

/** Of a core, over some seconds. */
async function share({ usage }: Child): Promise<number> {
  const before = await usage();
  const begun = performance.now();
  await sleep(SECONDS * 1000);
  const after = await usage();
  return (after.cpuMs - before.cpuMs) / (performance.now() - begun);
}

async function watch(viewers: number): Promise<() => void> {
  const abort = new AbortController();
  for (let n = 0; n < viewers; n++) {
    const { body, status } = await fetch(`${base}/v1/stats/stream`, { signal: abort.signal });
    if (status !== 200 || body === null) throw new Error(`the stream answered ${status}`);
    void read(body);
  }
  return () => abort.abort();
}

async function read(body: ReadableStream<Uint8Array>): Promise<void> {
  try {
    for await (const chunk of body) received += chunk.byteLength;
  } catch {
    // left
  }
}

async function ask(signal: AbortSignal): Promise<void> {
  for (let n = 0; !signal.aborted; n++) {
    const body = JSON.stringify({ model: "auto", voice: "slt", input: `Phrase ${n % 40} was said before.` });
    const headers = { "content-type": "application/json" };
    const answer = await fetch(`${base}/v1/audio/speech`, { method: "POST", headers, body });
    await answer.arrayBuffer();
    await sleep(1000 / ASKS_PER_SECOND);
  }
}

function report(shares: ReadonlyMap<number, number>): void {
  const percent = (value: number) => `${fixed(value * 100, 2)} %`;
  const alone = shares.get(0)!;
  const rows = [...shares].map(([viewers, of]) => [viewers, percent(of), viewers === 0 ? "" : percent(of - alone)]);
  const each = received / (ROUNDS * (SECONDS + 1)) / VIEWERS.reduce<number>((sum, viewers) => sum + viewers, 0);
  const cost = shares.get(10)! - alone;
  process.stdout.write(
    [
      `\nDashboard, ${engines.length} engines, ${ASKS_PER_SECOND} answers/s, best of ${ROUNDS} × ${SECONDS} s\n`,
      table(["viewers", "of a core", "more than with none"], rows),
      `A viewer reads ${fixed(each / 1000)} kB/s.`,
      `Ten cost ${percent(cost)} of a core (allowed: ${ALLOWED_SHARE * 100} %): ${cost < ALLOWED_SHARE ? "held" : "NOT HELD"}\n`,
    ].join("\n"),
  );
}
