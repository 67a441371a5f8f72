/**
 * What metrics and a log line a request cost a cached answer of 20 KB: neither, each and both, turned on and off in one
 * process, in any order, many times. Logs go to a file. "Neither" is measured twice: what the two differ by is the machine's
 * noise. Processes of their own would differ by more than what is asked about.
 */
import { closeSync, mkdtempSync, openSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Observed } from "./support/bench-observed.ts";
import { startChild } from "./support/child.ts";
import { load } from "./support/load.ts";
import { fixed, median, table } from "./support/report.ts";

const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 40);
const SECONDS = Number(process.env.BENCH_SECONDS ?? 0.25);
const WARM_UP_REQUESTS = 100_000;
const CONNECTIONS = 64;
/** Of the cost of both, in processor time. */
const ALLOWED_SHARE = 0.1;
const input = `This sentence is as long as it needs to be, ${"word ".repeat(25).trim()}`;
const body = JSON.stringify({ model: "auto", voice: "one", input, response_format: "mp3", speed: 1 });

type Variant = Observed & { readonly name: string; readonly cpuUs: number[]; readonly perSecond: number[] };
const variant = (name: string, metrics: boolean, logs: boolean): Variant => ({
  ...{ name, metrics, logs },
  cpuUs: [],
  perSecond: [],
});
const both = variant("metrics and logs", true, true);
const neither = variant("neither", false, false);
const variants = [
  neither,
  variant("neither, again", false, false),
  variant("metrics", true, false),
  variant("logs", false, true),
  both,
];

const directory = mkdtempSync(join(tmpdir(), "mynah-bench-"));
const file = join(directory, "log");
const stdout = openSync(file, "w");
const child = await startChild(new URL("support/bench-observed.ts", import.meta.url), {}, { stdout });
closeSync(stdout);
let logged = 0;
try {
  const expected = await warm();
  await child.ask(both);
  for (let asked = 0; asked < WARM_UP_REQUESTS; ) asked += (await ask(expected, 1)).requests;
  for (let round = 0; round < ROUNDS; round++) for (const one of shuffled(variants)) await measure(one, expected);
  await report(expected.length);
} finally {
  await child.stop();
  rmSync(directory, { recursive: true });
}

async function measure({ metrics, logs, cpuUs, perSecond }: Variant, expected: Buffer): Promise<void> {
  await child.ask({ metrics, logs });
  const before = await child.usage();
  const result = await ask(expected, SECONDS);
  const after = await child.usage();
  perSecond.push(result.perSecond);
  cpuUs.push(((after.cpuMs - before.cpuMs) * 1000) / result.requests);
  if (logs) logged += result.requests;
}

async function ask(expected: Buffer, seconds: number) {
  const { port } = child;
  const result = await load({ port, path: "/v1/audio/speech", body, connections: CONNECTIONS, seconds, expected });
  if (result.errors > 0) throw new Error(`${result.errors} wrong answers`);
  return result;
}

/** Asks until the answer comes from the cache. */
async function warm(): Promise<Buffer> {
  for (;;) {
    const headers = { "content-type": "application/json" };
    const url = `http://127.0.0.1:${child.port}/v1/audio/speech`;
    const response = await fetch(url, { method: "POST", headers, body });
    const bytes = Buffer.from(await response.arrayBuffer());
    if (response.headers.get("cache-status") === "mynah; hit") return bytes;
  }
}

function shuffled<Item>(items: readonly Item[]): Item[] {
  return items
    .map((item) => ({ item, at: Math.random() }))
    .sort((a, b) => a.at - b.at)
    .map(({ item }) => item);
}

/** Of the quarter of the rounds that others on the machine disturbed least. */
function quiet({ cpuUs }: Variant): number {
  const sorted = cpuUs.toSorted((a, b) => a - b);
  return median(sorted.slice(0, Math.ceil(sorted.length / 4)));
}

async function scrapeMs(): Promise<number> {
  await child.ask(both);
  const times: number[] = [];
  for (let n = 0; n < 20; n++) {
    const before = await child.usage();
    await child.ask("scrape");
    times.push((await child.usage()).cpuMs - before.cpuMs);
  }
  return median(times);
}

async function report(bytes: number): Promise<void> {
  const rows = variants.map((one) => [
    one.name,
    fixed(quiet(one)),
    `${fixed(quiet(one) / quiet(neither), 3)} ×`,
    fixed(median(one.cpuUs)),
    fixed(median(one.perSecond), 0),
  ]);
  const head = ["with", "CPU µs/req, quieter quarter", "to neither", "CPU µs/req, median", "req/s, median"];
  const cost = quiet(both) / quiet(neither) - 1;
  process.stdout.write(
    [
      `\nCached answer of ${bytes} bytes, ${CONNECTIONS} connections, ${ROUNDS} × ${SECONDS} s each in any order, one process\n`,
      table(head, rows),
      `A scrape takes ${fixed(await scrapeMs())} ms of processor time; a line has about ${fixed(statSync(file).size / Math.max(1, logged + WARM_UP_REQUESTS), 0)} bytes.`,
      `Metrics and logs cost ${fixed(cost * 100)} % (allowed: ${ALLOWED_SHARE * 100} %): ${cost < ALLOWED_SHARE ? "held" : "NOT HELD"}\n`,
    ].join("\n"),
  );
}
