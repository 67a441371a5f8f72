/**
 * Decisions per second and bytes per user, beside a plain sorted-set log (the usual exact way) and rate-limiter-flexible
 * (not exact: fixed windows), on the same Redis in one run. Users ask at 500 an hour, so that logs are as long as they
 * get. The server's own time per call is Redis's (`INFO commandstats`); decisions per second are what one connection of
 * this process gets through, which includes the client. BENCH_RLF names where rate-limiter-flexible is installed if not
 * beside us; BENCH_MILLION=0 leaves out the million users.
 */
import { createHash } from "node:crypto";
import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { Redis } from "ioredis";
import { systemClock } from "../src/core/clock.ts";
import { ONE_REQUEST } from "../src/core/quota.ts";
import { MemoryRateLimiter } from "../src/limits/memory-rate-limiter.ts";
import { RedisRateLimiter } from "../src/limits/redis-rate-limiter.ts";
import { openRedis } from "../src/redis/redis-port.ts";
import { startRedis } from "../test/support/redis-process.ts";
import { fixed, median, table } from "./support/report.ts";

const USERS = Number(process.env.BENCH_USERS ?? 100);
const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 5);
const DECISIONS = Number(process.env.BENCH_DECISIONS ?? 10_000);
const IN_FLIGHT = 64;
const HOUR_MS = 3_600_000;
const windows = [
  { name: "minute", limit: 30, lengthMs: 60_000 },
  { name: "hour", limit: 500, lengthMs: HOUR_MS },
];
const allowance = { user: windows, tenant: [] };
const { signal } = new AbortController();

/** One limiter as it is measured. */
type Contender = {
  readonly name: string;
  readonly exact: string;
  /** One decision, at `nowMs` if it can be told the time. */
  readonly take: (user: string, nowMs: number) => Promise<unknown>;
  /** Redis keys of one user. */
  readonly keys: (user: string) => Promise<string[]>;
};

/** Check and add in one script, a sorted set with a member per request: what tutorials write. */
const SORTED_SET = `
local now = tonumber(ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - 3600000)
local hour = redis.call('ZCARD', KEYS[1])
local minute = redis.call('ZCOUNT', KEYS[1], '(' .. string.format('%.0f', now - 60000), '+inf')
if hour >= 500 or minute >= 30 then
  local first = redis.call('ZRANGE', KEYS[1], 0, 0, 'WITHSCORES')
  return {0, first[2]}
end
redis.call('ZADD', KEYS[1], now, ARGV[2])
redis.call('PEXPIRE', KEYS[1], 3600000)
return {1, 499 - hour, 29 - minute}`;

const server = await startRedis();
const raw = new Redis(server.url);
const port = openRedis({ url: server.url, clock: systemClock, readTimeoutMs: 60_000 });
await port.whenUp({ signal });

let nowMs = 0;
const limiter = new RedisRateLimiter({
  redis: port,
  clock: systemClock,
  testTimeMs: () => nowMs,
  allowanceOf: () => allowance,
});
const sha1 = createHash("sha1").update(SORTED_SET).digest("hex");
await raw.script("LOAD", SORTED_SET);
let request = 0;
const contenders: Contender[] = [
  {
    name: "Mynah, packed log",
    exact: "yes",
    take(user, at) {
      nowMs = at;
      return limiter.take({ user }, ONE_REQUEST, { signal });
    },
    keys: (user) => raw.keys(`rate:tts:*:${user}:*`),
  },
  {
    name: "sorted-set log",
    exact: "yes",
    take: (user, at) => raw.evalsha(sha1, 1, `zset:${user}`, at, `${process.pid}-${request++}-${user}`),
    keys: async (user) => [`zset:${user}`],
  },
  ...(await flexible()),
];

process.stdout.write(
  `\nLimits 30 a minute and 500 an hour, ${USERS} users at 500 an hour each, ${IN_FLIGHT} in flight\n\n`,
);
const rows: string[][] = [];
for (const { name, take } of contenders) await fill(name, take);
const measured = new Map<string, { perSecond: number[]; us: number[] }>(
  contenders.map(({ name }) => [name, { perSecond: [], us: [] }]),
);
// In turns, so that a busy moment of the machine hits all of them.
for (let round = 0; round < ROUNDS; round++) {
  for (const { name, take } of contenders) {
    const { perSecond, us } = await measure(take, round);
    measured.get(name)!.perSecond.push(perSecond);
    measured.get(name)!.us.push(us);
  }
}
for (const { name, exact, keys } of contenders) {
  const { perSecond, us } = measured.get(name)!;
  let bytes = 0;
  for (const key of await keys("user7")) bytes += (await raw.memory("USAGE", key, "SAMPLES", 0)) ?? 0;
  rows.push([name, exact, fixed(median(perSecond), 0), fixed(median(us), 1), String(bytes)]);
}
process.stdout.write(
  table(["limiter", "exact", "decisions/s, median", "µs in Redis per decision", "bytes per user"], rows),
);
await memoryOfMany();
await limiter.close();
await port.close();
raw.disconnect();
await server.stop();

/** An hour of requests at exactly the hour's limit. */
async function fill(name: string, take: Contender["take"]): Promise<void> {
  const users = Array.from({ length: USERS }, (_, n) => `user${n}`);
  const step = HOUR_MS / 500;
  const startedAt = Date.now() - HOUR_MS;
  for (let n = 0; n < 500; n++) await Promise.all(users.map((user) => take(user, startedAt + n * step)));
  process.stdout.write(`filled: ${name}\n`);
}

async function measure(take: Contender["take"], round: number): Promise<{ perSecond: number; us: number }> {
  await raw.config("RESETSTAT");
  const from = Date.now() + round * Math.ceil(DECISIONS / USERS) * 7_200;
  const startedAt = performance.now();
  let next = 0;
  const ask = async (): Promise<void> => {
    for (let n = next++; n < DECISIONS; n = next++)
      await take(`user${n % USERS}`, from + Math.floor(n / USERS) * 7_200);
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, ask));
  const seconds = (performance.now() - startedAt) / 1000;
  const stats = await raw.info("commandstats");
  let us = 0;
  // Scripts count their inner commands as well; the time of the script is the whole.
  for (const [, command, usec] of stats.matchAll(/cmdstat_(\w+):calls=\d+,usec=(\d+)/g)) {
    if (command === "evalsha" || command === "eval") us += Number(usec);
  }
  return { perSecond: DECISIONS / seconds, us: us / DECISIONS };
}

async function flexible(): Promise<Contender[]> {
  try {
    const from = process.env.BENCH_RLF
      ? pathToFileURL(join(process.env.BENCH_RLF, "package.json")).href
      : import.meta.url;
    const { RateLimiterRedis, RateLimiterUnion } = createRequire(from)("rate-limiter-flexible");
    const of = (keyPrefix: string, points: number, duration: number) =>
      new RateLimiterRedis({ storeClient: raw, keyPrefix, points, duration });
    const union = new RateLimiterUnion(of("rlf-minute", 30, 60), of("rlf-hour", 500, 3_600));
    return [
      {
        name: "rate-limiter-flexible, two fixed windows",
        exact: "no",
        take: (user) => union.consume(user).catch((refused: unknown) => refused),
        keys: (user) => raw.keys(`rlf-*:${user}`),
      },
    ];
  } catch {
    process.stdout.write(
      "rate-limiter-flexible: not installed here, left out (BENCH_RLF=<directory> says where it is)\n",
    );
    return [];
  }
}

/** A million users with one request each: what a flood of names costs. */
async function memoryOfMany(): Promise<void> {
  const many = Number(process.env.BENCH_MILLION ?? 1_000_000);
  if (many === 0) return;
  await raw.flushall();
  const used = async () => Number(/used_memory:(\d+)/.exec(await raw.info("memory"))![1]);
  const before = await used();
  nowMs = Date.now();
  let next = 0;
  const ask = async (): Promise<void> => {
    for (let n = next++; n < many; n = next++) await limiter.take({ user: `user-${n}` }, ONE_REQUEST, { signal });
  };
  await Promise.all(Array.from({ length: 256 }, ask));
  const bytes = (await used()) - before;
  const alone = new MemoryRateLimiter({ clock: systemClock, allowanceOf: () => allowance });
  global.gc?.();
  const heapBefore = process.memoryUsage();
  for (let n = 0; n < many; n++) await alone.take({ user: `user-${n}` }, ONE_REQUEST, { signal });
  global.gc?.();
  const heap = process.memoryUsage();
  const own = heap.heapUsed + heap.arrayBuffers - heapBefore.heapUsed - heapBefore.arrayBuffers;
  await alone.close(); // and so it was still in use when its memory was measured
  const mib = (size: number) => fixed(size / 1024 / 1024);
  process.stdout.write(`\n${many} users with one request each\n\n`);
  process.stdout.write(
    table(
      ["where", "MiB in all", "bytes per user"],
      [
        ["Redis", mib(bytes), fixed(bytes / many, 0)],
        ["one server without Redis (remembers 50,000)", mib(own), fixed(own / 50_000, 0)],
      ],
    ),
  );
}
