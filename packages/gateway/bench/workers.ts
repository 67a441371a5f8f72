/**
 * Cached answers by `mynah serve --workers N`, each count of workers in turn within one run: how many a second, and what one costs.
 * The load comes from the same machine and takes a part of it, so that the last core never adds a whole core's worth.
 * The cache is shared through Redis, and so are limits: at the end one user with a limit is counted over all workers.
 */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { cpus } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { startRedis } from "../test/support/redis-process.ts";
import { load } from "./support/load.ts";
import { fixed, median, table } from "./support/report.ts";

const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 5);
const SECONDS = Number(process.env.BENCH_SECONDS ?? 1.5);
const CONNECTIONS = 64;
const PATH = "/v1/audio/speech";
const BIN = fileURLToPath(new URL("../bin/mynah.mjs", import.meta.url));
const NO_LIMIT = 0;
const COUNTED_LIMIT = 30;
const COUNTED_ASKS = 100;
const counts = [...new Set([1, 2, cpus().length])].sort((a, b) => a - b);
const input = "This sentence is said to everybody who asks, by whichever process happens to be asked.";

type Server = {
  readonly workers: number;
  readonly process: ChildProcess;
  readonly port: number;
  readonly body: string;
  readonly expected: Buffer;
  readonly perSecond: number[];
  readonly cpuUs: number[];
  errors: number;
};

const redis = await startRedis();
const limits = (perMinute: number) => ({ RATE_LIMIT_PER_MINUTE: `${perMinute}`, RATE_LIMIT_PER_HOUR: "0" });
const servers: Server[] = [];
for (const workers of counts) servers.push(await start(workers));
for (let round = 0; round < ROUNDS; round++) for (const server of servers) await measure(server);
for (const { process } of servers) await stop(process);

const base = median(servers[0]!.perSecond);
process.stdout.write(
  `\nCached answers of ${servers[0]!.expected.byteLength} bytes, ${CONNECTIONS} connections, no limits, ${ROUNDS} × ${SECONDS} s each in turn, medians; ${cpus().length} cores, which the load and Redis share\n\n`,
);
process.stdout.write(
  table(
    ["workers", "req/s", "of one worker", "CPU µs/req", "errors"],
    servers.map(({ workers, perSecond, cpuUs, errors }) => [
      workers,
      fixed(median(perSecond), 0),
      `${fixed(median(perSecond) / base, 2)} ×`,
      fixed(median(cpuUs)),
      errors,
    ]),
  ),
);
process.stdout.write(
  `\nA user with ${COUNTED_LIMIT} a minute, ${COUNTED_ASKS} requests at once over new connections\n\n`,
);
process.stdout.write(table(["workers", "admitted"], [[counts.at(-1)!, await admittedOver(counts.at(-1)!)]]));
await redis.stop();

async function start(workers: number, perMinute = NO_LIMIT): Promise<Server> {
  const child = spawn(process.execPath, [BIN, "serve", "--port", "0", "--workers", String(workers)], {
    env: { ...process.env, REDIS_URL: redis.url, REDIS_TIMEOUT_MS: "2000", LOG_LEVEL: "warn", ...limits(perMinute) },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const port = await portOf(child);
  const body = JSON.stringify({ model: "auto", voice: "slt", input, response_format: "mp3" });
  let expected: Buffer = Buffer.alloc(0);
  // Each worker is to have it in its own memory.
  for (let hits = 0; hits < 20 * workers; ) {
    const { answer, status } = await ask(port, body);
    expected = answer;
    if (status === "mynah; hit") hits++;
    if (perMinute !== NO_LIMIT) break;
  }
  return { workers, process: child, port, body, expected, perSecond: [], cpuUs: [], errors: 0 };
}

async function portOf(child: ChildProcess): Promise<number> {
  let said = "";
  child.stdout!.setEncoding("utf8").on("data", (piece: string) => {
    said += piece;
  });
  while (child.exitCode === null) {
    const port = /API +http:\S+?:(\d+)\/v1/.exec(said)?.[1];
    await sleep(port === undefined ? 50 : 1_000); // the last worker may still be starting
    if (port !== undefined) return Number(port);
  }
  throw new Error(`mynah serve ended at its start: ${said}`);
}

async function ask(port: number, body: string): Promise<{ readonly answer: Buffer; readonly status: string | null }> {
  const headers = { "content-type": "application/json", connection: "close" };
  const response = await fetch(`http://127.0.0.1:${port}${PATH}`, { method: "POST", headers, body });
  return { answer: Buffer.from(await response.arrayBuffer()), status: response.headers.get("cache-status") };
}

async function measure(server: Server): Promise<void> {
  const { port, body, expected } = server;
  const before = cpuMs(server.process);
  const asked = { port, path: PATH, body, expected, connections: CONNECTIONS, seconds: SECONDS };
  const { requests, errors, perSecond } = await load(asked);
  server.perSecond.push(perSecond);
  server.cpuUs.push(((cpuMs(server.process) - before) * 1000) / requests);
  server.errors += errors;
}

/** Processor time of the supervisor and its workers. From /proc: `ps` tells it in whole seconds. */
function cpuMs({ pid }: ChildProcess): number {
  const clockTicks = Number(execFileSync("getconf", ["CLK_TCK"], { encoding: "utf8" }));
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim();
  const ticks = [String(pid), ...(children === "" ? [] : children.split(" "))].map(ticksOf);
  return (ticks.reduce((sum, one) => sum + one, 0) * 1000) / clockTicks;
}

/** User and system time (proc(5): the 14th and 15th fields; the second may hold spaces). */
function ticksOf(pid: string): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return Number(fields[11]) + Number(fields[12]);
}

async function admittedOver(workers: number): Promise<number> {
  const server = await start(workers, COUNTED_LIMIT);
  const body = JSON.stringify({ ...(JSON.parse(server.body) as object), user: "counted" });
  const answers = await Promise.all(
    Array.from({ length: COUNTED_ASKS }, async () => {
      const headers = { "content-type": "application/json", connection: "close" };
      const response = await fetch(`http://127.0.0.1:${server.port}${PATH}`, { method: "POST", headers, body });
      await response.arrayBuffer();
      return response.status;
    }),
  );
  await stop(server.process);
  return answers.filter((status) => status === 200).length;
}

async function stop(child: ChildProcess): Promise<void> {
  child.kill();
  await once(child, "exit");
}
