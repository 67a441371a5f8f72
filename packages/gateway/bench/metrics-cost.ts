/**
 * What metrics and a log line a request cost a cached answer of 20 KB: gateways with neither, with each and with both, in
 * turn, in one run, each in a process of its own. Logs go to a file, as under systemd or Docker. One gateway with neither
 * runs twice: what the two differ by is the machine's noise. Processor time per request is what to trust on a busy one.
 */
import { closeSync, mkdtempSync, openSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Child, startChild } from "./support/child.ts";
import { load } from "./support/load.ts";
import { fixed, median, table } from "./support/report.ts";

const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 24);
const SECONDS = Number(process.env.BENCH_SECONDS ?? 0.3);
/** Compilers find what is hot by how often it ran; on a busy machine, time says little about that. */
const WARM_UP_REQUESTS = 60_000;
const CONNECTIONS = 64;
/** Of the cost of both, in processor time. */
const ALLOWED_SHARE = 0.1;
const input = `This sentence is as long as it needs to be, ${"word ".repeat(25).trim()}`;
const body = JSON.stringify({ model: "auto", voice: "one", input, response_format: "mp3", speed: 1 });

type Variant = { readonly name: string; readonly metricsEnabled: boolean; readonly logs: boolean };
const VARIANTS: readonly Variant[] = [
  { name: "neither", metricsEnabled: false, logs: false },
  { name: "neither, again", metricsEnabled: false, logs: false },
  { name: "metrics", metricsEnabled: true, logs: false },
  { name: "logs", metricsEnabled: false, logs: true },
  { name: "metrics and logs", metricsEnabled: true, logs: true },
];
type Running = Variant & {
  readonly child: Child;
  readonly file: string;
  readonly expected: Buffer;
  readonly cpuUs: number[];
  readonly perSecond: number[];
  readonly scrapeMs: number[];
  asked: number;
};

const directory = mkdtempSync(join(tmpdir(), "mynah-bench-"));
const servers: Running[] = [];
try {
  for (const variant of VARIANTS) servers.push(await started(variant));
  for (const server of servers) while (server.asked < WARM_UP_REQUESTS) await ask(server, 1);
  for (let round = 0; round < ROUNDS; round++) {
    // In any order: who comes after whom matters more than what is measured.
    for (const server of shuffled(servers)) await measure(server);
  }
  report();
} finally {
  await Promise.all(servers.map(({ child }) => child.stop()));
  rmSync(directory, { recursive: true });
}

async function started({ name, metricsEnabled, logs }: Variant): Promise<Running> {
  const file = join(directory, name);
  const stdout = openSync(file, "w");
  const child = await startChild(
    new URL("support/bench-gateway.ts", import.meta.url),
    { BENCH_ENGINE: "{}", BENCH_CONFIG: JSON.stringify({ metricsEnabled }), BENCH_LOG: logs ? "info" : "silent" },
    { stdout },
  );
  closeSync(stdout);
  const expected = await warm(child.port);
  return { name, metricsEnabled, logs, child, file, expected, cpuUs: [], perSecond: [], scrapeMs: [], asked: 0 };
}

async function measure(server: Running): Promise<void> {
  const before = await server.child.usage();
  const result = await ask(server, SECONDS);
  const after = await server.child.usage();
  if (server.metricsEnabled) await scrape(server);
  server.perSecond.push(result.perSecond);
  server.cpuUs.push(((after.cpuMs - before.cpuMs) * 1000) / result.requests);
}

async function ask(server: Running, seconds: number) {
  const { port } = server.child;
  const { expected } = server;
  const result = await load({ port, path: "/v1/audio/speech", body, connections: CONNECTIONS, seconds, expected });
  if (result.errors > 0) throw new Error(`${server.name}: ${result.errors} wrong answers`);
  server.asked += result.requests;
  return result;
}

async function scrape({ child, scrapeMs }: Running): Promise<void> {
  const before = await child.usage();
  const text = await (await fetch(`http://127.0.0.1:${child.port}/metrics`)).text();
  scrapeMs.push((await child.usage()).cpuMs - before.cpuMs);
  if (!text.includes("mynah_requests_total")) throw new Error("no metrics came");
}

/** Asks until the answer comes from the cache. */
async function warm(port: number): Promise<Buffer> {
  for (;;) {
    const headers = { "content-type": "application/json" };
    const response = await fetch(`http://127.0.0.1:${port}/v1/audio/speech`, { method: "POST", headers, body });
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
function quiet(of: "cpuUs" | "perSecond", server: Running): number {
  const sorted = [...server[of]].sort((a, b) => (of === "cpuUs" ? a - b : b - a));
  return median(sorted.slice(0, Math.ceil(sorted.length / 4)));
}

function report(): void {
  const [neither] = servers;
  const share = (of: "cpuUs" | "perSecond", server: Running): number => quiet(of, server) / quiet(of, neither!);
  const rows = servers.map((server) => [
    server.name,
    fixed(quiet("cpuUs", server)),
    `${fixed(share("cpuUs", server), 3)} ×`,
    fixed(quiet("perSecond", server), 0),
    `${fixed(share("perSecond", server), 3)} ×`,
    server.logs ? fixed(statSync(server.file).size / server.asked, 0) : "",
    server.scrapeMs.length > 0 ? fixed(median(server.scrapeMs)) : "",
  ]);
  process.stdout.write(
    `\nCached answer of ${neither!.expected.length} bytes, ${CONNECTIONS} connections, ${ROUNDS} × ${SECONDS} s each in turn, the quieter quarter\n\n`,
  );
  const head = [
    "with",
    "CPU µs/req",
    "CPU to neither",
    "req/s",
    "req/s to neither",
    "log bytes/req",
    "a scrape, CPU ms",
  ];
  process.stdout.write(table(head, rows));
  const cost = share("cpuUs", servers.at(-1)!) - 1;
  process.stdout.write(
    `\nMetrics and logs cost ${fixed(cost * 100)} % (allowed: ${ALLOWED_SHARE * 100} %): ${cost < ALLOWED_SHARE ? "held" : "NOT HELD"}\n`,
  );
}
