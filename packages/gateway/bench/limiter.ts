/**
 * Decisions per second and bytes per user, beside a plain sorted-set log (the usual exact way) and rate-limiter-flexible
 * (not exact: fixed windows), on the same Redis in one run. Users ask at 500 an hour, so that logs are as long as they
 * get. Both exact logs do the same job through the same bare client; then ours through the client that the gateway
 * uses, and what limits on characters, streams and tenants cost. The time is told to all that can be told it, since an
 * hour has to pass; it saves each of them the same TIME command. The server's own time per call is Redis's (`INFO commandstats`); decisions per second are what one connection of
 * this process gets through, which includes the client. BENCH_MILLION=0 leaves out the million users.
 */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { Redis } from "ioredis";
import { RateLimiterRedis, RateLimiterUnion } from "rate-limiter-flexible";
import { systemClock } from "../src/core/clock.ts";
import { type Allowance, type Cost, ONE_REQUEST } from "../src/core/quota.ts";
import { MemoryRateLimiter } from "../src/limits/memory-rate-limiter.ts";
import { Questions } from "../src/limits/question.ts";
import { loadTakeScript, RedisRateLimiter } from "../src/limits/redis-rate-limiter.ts";
import { openRedis } from "../src/redis/redis-port.ts";
import { startRedis } from "../test/support/redis-process.ts";
import { fixed, median, table } from "./support/report.ts";

const USERS = Number(process.env.BENCH_USERS ?? 300);
const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 15);
const DECISIONS = Number(process.env.BENCH_DECISIONS ?? 6_000);
const IN_FLIGHT = 64;
/** For all the same, so that none is measured on a log that others find shorter. */
const startMs = Date.now();
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
  readonly client: string;
  /** One decision, at `nowMs` if it can be told the time. Rejects unless the user is admitted, if it can tell. */
  readonly take: (user: string, nowMs: number) => Promise<unknown>;
  /** Redis keys of one user. */
  readonly keys: (user: string) => Promise<string[]>;
};

/**
 * Check and add in one script, a sorted set with a member per request: what tutorials write, completed to do the whole
 * job of ours: nothing is done after the deadline, a refusal consumes nothing, and the answer has what is left in each
 * window and when one more fits.
 */
const SORTED_SET = `
local now = tonumber(ARGV[1])
if not now then
  local time = redis.call('TIME')
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end
if ARGV[2] ~= '0' and now > tonumber(ARGV[2]) then return {-1, now} end
local key = KEYS[1]
redis.call('ZREMRANGEBYSCORE', key, '-inf', now - 3600000)
local hour = redis.call('ZCARD', key)
local minute = redis.call('ZCOUNT', key, now - 59999, '+inf')
local function opens(limit, length) -- when the entry leaves that holds the last place
  local entry = redis.call('ZRANGE', key, -limit, -limit, 'WITHSCORES')
  return entry[2] + length - now
end
if hour >= 500 or minute >= 30 then
  return {0, now, math.max(0, 30 - minute), minute >= 30 and opens(30, 60000) or 0,
    math.max(0, 500 - hour), hour >= 500 and opens(500, 3600000) or 0}
end
redis.call('ZADD', key, now, ARGV[3])
redis.call('PEXPIRE', key, '3600000')
return {1, now, 29 - minute, minute == 29 and opens(30, 60000) or 0, 499 - hour, hour == 499 and opens(500, 3600000) or 0}`;

const server = await startRedis();
const raw = new Redis(server.url);
const port = openRedis({ url: server.url, clock: systemClock, readTimeoutMs: 60_000 });
await port.whenUp({ signal });

let nowMs = 0;
const limiterWith = (of: Allowance) =>
  new RedisRateLimiter({ redis: port, clock: systemClock, testTimeMs: () => nowMs, allowanceOf: () => of });
const limiter = limiterWith(allowance);
const general = limiterWith({
  user: [
    ...windows,
    { name: "characters", unit: "characters", limit: 1_000_000_000, lengthMs: HOUR_MS },
    { name: "streams", unit: "streams", limit: 4, lengthMs: 0 },
  ],
  tenant: [{ name: "tenant", limit: 1_000_000_000, lengthMs: 60_000 }],
});
const spoken: Cost = { requests: 1, characters: 80, streams: 1 };
/** What the script is asked, as the limiter writes it. */
const question = new Questions().of(allowance, false).short!;
const bareSha1 = await loaded(loadTakeScript().source);
const sortedSetSha1 = await loaded(SORTED_SET);
let request = 0;
const contenders: Contender[] = [
  {
    name: "Mynah, packed log",
    exact: "yes",
    client: "bare",
    take: async (user, at) => admitted(await raw.evalsha(bareSha1, 1, `rate:tts:bare:${user}:`, at, 0, ...question)),
    keys: async (user) => [`rate:tts:bare:${user}:`],
  },
  {
    name: "sorted-set log",
    exact: "yes",
    client: "bare",
    take: async (user, at) =>
      admitted(await raw.evalsha(sortedSetSha1, 1, `zset:${user}`, at, 0, `${process.pid}-${request++}`)),
    keys: async (user) => [`zset:${user}`],
  },
  {
    name: "Mynah, packed log",
    exact: "yes",
    client: "ours: deadline, breaker",
    async take(user, at) {
      nowMs = at;
      if (!(await limiter.take({ user }, ONE_REQUEST, { signal })).admitted) throw new Error("refused");
    },
    keys: (user) => raw.keys(`rate:tts:{:${user}:}*`),
  },
  {
    name: "Mynah: characters, streams, tenant",
    exact: "yes",
    client: "ours, two calls: taken, settled",
    async take(user, at) {
      nowMs = at;
      const decision = await general.take({ user, tenant: `tenant-of-${user}` }, spoken, { signal });
      if (!decision.admitted) throw new Error("refused");
      await decision.charge.settle({ characters: 10 });
    },
    keys: (user) => raw.keys(`rate:tts:{tenant-of-${user}}*`),
  },
  flexible(),
];

process.stdout.write(
  `\nLimits 30 a minute and 500 an hour, ${USERS} users at 500 an hour each, ${IN_FLIGHT} in flight\n\n`,
);
const rows: string[][] = [];
const measured = new Map<Contender, { perSecond: number[]; us: number[]; bytes: number[] }>();
for (const contender of contenders) {
  await fill(contender.take);
  measured.set(contender, { perSecond: [], us: [], bytes: [] });
}
// In turns, so that a busy moment of the machine hits all of them, and each time another one first.
for (let round = 0; round < ROUNDS; round++) {
  for (let turn = 0; turn < contenders.length; turn++) {
    const contender = contenders[(round + turn) % contenders.length]!;
    const { perSecond, us } = await measure(contender.take, round);
    const figures = measured.get(contender)!;
    figures.perSecond.push(perSecond);
    figures.us.push(us);
    figures.bytes.push(await bytesOf(await contender.keys("user7")));
  }
}
for (const [{ name, exact, client }, { perSecond, us, bytes }] of measured) {
  rows.push([
    name,
    client,
    exact,
    `${fixed(median(perSecond), 0)} (${fixed(Math.max(...perSecond), 0)})`,
    `${fixed(median(us), 1)} (${fixed(Math.min(...us), 1)})`,
    String(Math.max(...bytes)),
  ]);
}
const heads = ["limiter", "client", "exact", "decisions/s", "µs in Redis per decision", "bytes per user, most"];
process.stdout.write(`Medians of ${ROUNDS} rounds, the best of them in brackets\n\n${table(heads, rows)}`);
await memoryOfMany();
await Promise.all([limiter.close(), general.close()]);
await port.close();
raw.disconnect();
await server.stop();

/** An hour of requests at exactly the hour's limit. */
async function fill(take: Contender["take"]): Promise<void> {
  const users = Array.from({ length: USERS }, (_, n) => `user${n}`);
  const step = HOUR_MS / 500;
  for (let n = 0; n < 500; n++) await Promise.all(users.map((user) => take(user, startMs - HOUR_MS + n * step)));
}

async function bytesOf(keys: readonly string[]): Promise<number> {
  let bytes = 0;
  for (const key of keys) bytes += (await raw.memory("USAGE", key, "SAMPLES", 0)) ?? 0;
  return bytes;
}

async function loaded(source: string): Promise<string> {
  return String(await raw.script("LOAD", source));
}

function admitted(reply: unknown): void {
  if ((reply as number[])[0] !== 1) throw new Error("refused");
}

async function measure(take: Contender["take"], round: number): Promise<{ perSecond: number; us: number }> {
  await raw.config("RESETSTAT");
  const from = startMs + round * Math.ceil(DECISIONS / USERS) * 7_200;
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

function flexible(): Contender {
  const of = (keyPrefix: string, points: number, duration: number) =>
    new RateLimiterRedis({ storeClient: raw, keyPrefix, points, duration });
  const union = new RateLimiterUnion(of("rlf-minute", 30, 60), of("rlf-hour", 500, 3_600));
  return {
    name: "rate-limiter-flexible, two fixed windows",
    client: "bare",
    exact: "no",
    take: (user) => union.consume(user).catch((refused: unknown) => refused),
    keys: (user) => raw.keys(`rlf-*:${user}`),
  };
}

function collectGarbage(): void {
  setFlagsFromString("--expose-gc");
  (runInNewContext("gc") as () => void)();
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
  collectGarbage();
  const heapBefore = process.memoryUsage();
  for (let n = 0; n < many; n++) await alone.take({ user: `user-${n}` }, ONE_REQUEST, { signal });
  collectGarbage();
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
