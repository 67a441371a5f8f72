import { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { describeRateLimiter } from "../../test/conformance/rate-limiter.ts";
import { matchesQuotaModel } from "../../test/support/quota-model.ts";
import { type RedisProcess, startRedis } from "../../test/support/redis-process.ts";
import { systemClock } from "../core/clock.ts";
import { type Allowance, type Cost, ONE_REQUEST, type Subject, type Window } from "../core/quota.ts";
import { rateKey } from "../redis/keys.ts";
import { openRedis, type RedisPort } from "../redis/redis-port.ts";
import { MemoryRateLimiter } from "./memory-rate-limiter.ts";
import { RedisRateLimiter } from "./redis-rate-limiter.ts";

const { signal } = new AbortController();
let server: RedisProcess;
let redis: RedisPort;
let raw: Redis;
beforeAll(async () => {
  server = await startRedis();
  raw = new Redis(server.url);
  redis = openRedis({ url: server.url, clock: systemClock, readTimeoutMs: 5_000 });
  await redis.whenUp({ signal: AbortSignal.timeout(10_000) });
});
afterAll(async () => {
  await redis?.close();
  raw?.disconnect();
  await server?.stop();
});

/** Time that stands still until moved. Begins near where the 32 bits of a log turn over. */
function movedTime(allowanceOf: (subject: Subject) => Allowance) {
  let nowMs = 417 * 2 ** 32 - 150;
  const limiter = new RedisRateLimiter({ redis, clock: systemClock, testTimeMs: () => nowMs, allowanceOf });
  return {
    limiter,
    advance: async (ms: number) => {
      nowMs += ms;
    },
  };
}

const all = (windows: readonly Window[]) => () => ({ user: windows, tenant: [] });

describeRateLimiter(
  "redis, moved time",
  async (windows) => {
    await raw.flushdb();
    const { limiter, advance } = movedTime(all(windows));
    return { limiter, advance, close: () => limiter.close() };
  },
  { modelRuns: 100 },
);

describeRateLimiter(
  "redis, its own time",
  async (windows) => {
    await raw.flushdb();
    const limiter = new RedisRateLimiter({ redis, clock: systemClock, allowanceOf: all(windows) });
    return { limiter, advance: (ms) => systemClock.sleep(ms, signal), close: () => limiter.close() };
  },
  { realTime: true },
);

describe("RedisRateLimiter", () => {
  it("take() decides like the definition for all units, users, tenants and servers, with refunds and changing limits", async () => {
    await matchesQuotaModel(
      async () => {
        await raw.flushdb();
        let allowance: Allowance = { user: [], tenant: [] };
        let nowMs = 417 * 2 ** 32 - 150;
        const allowanceOf = ({ tenant }: Subject) => (tenant === undefined ? { ...allowance, tenant: [] } : allowance);
        const options = { redis, clock: systemClock, testTimeMs: () => nowMs, allowanceOf };
        const servers = [new RedisRateLimiter(options), new RedisRateLimiter(options)];
        return {
          servers,
          advance: (ms) => {
            nowMs += ms;
          },
          setAllowance: (next) => {
            allowance = next;
          },
          close: async () => void (await Promise.all(servers.map((one) => one.close()))),
        };
      },
      { runs: 400, limitsChange: true },
    );
  });
});

describe("RedisRateLimiter at its edges", () => {
  const hourly: Window[] = [
    { name: "minute", limit: 30, lengthMs: 60_000 },
    { name: "hour", limit: 500, lengthMs: 3_600_000 },
  ];
  const ask = (limiter: RedisRateLimiter, user: string, cost: Cost = ONE_REQUEST) =>
    limiter.take({ user }, cost, { signal });

  it("keeps a user's hour of 500 requests in less than a tenth of a sorted set, and drops what has left", async () => {
    await raw.flushdb();
    const { limiter, advance } = movedTime(all(hourly));
    for (let n = 0; n < 1_200; n++) {
      expect((await ask(limiter, "ann")).admitted).toBe(true);
      await advance(7_200); // 500 an hour, exactly
    }
    expect((await ask(limiter, "ann")).states.map(({ remaining }) => remaining)).toEqual([21, 0]);
    const key = rateKey({ user: "ann" });
    expect(await raw.strlen(key)).toBeLessThan(3 + 4 * (500 + 65));
    expect(await raw.memory("USAGE", key)).toBeLessThan(5_176);
    expect(await raw.keys("rate:tts:*:ann:*")).toEqual([key]);
  });

  it("decides like the limiter in memory on logs that are longer than what is read of them", async () => {
    await raw.flushdb();
    const short = { name: "short", unit: "requests", limit: 90, lengthMs: 1_000 } as const;
    const middle = { name: "middle", limit: 260, lengthMs: 5_000 };
    const long = { name: "long", limit: 700, lengthMs: 30_000 };
    const allowances = [
      [short, middle, long],
      [middle, long, { ...short, limit: 7 }], // lowered: more are in it than may be
      [{ ...long, limit: 300 }, middle],
    ].map((user) => ({ user, tenant: [] }));
    let allowance = allowances[0]!;
    let nowMs = 417 * 2 ** 32 - 40_000; // the 32 bits of a log turn over on the way
    const startMs = nowMs;
    const clock = { ...systemClock, monotonic: () => nowMs - startMs };
    const limiter = new RedisRateLimiter({ redis, clock, testTimeMs: () => nowMs, allowanceOf: () => allowance });
    const definition = new MemoryRateLimiter({ clock, allowanceOf: () => allowance });
    let seed = 42;
    const random = (below: number): number => {
      seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31;
      return Math.floor((seed / 2 ** 31) * below);
    };
    let refusals = 0;
    for (let n = 0; n < 6_000; n++) {
      if (n % 1_500 === 1_499) allowance = allowances[random(3)]!;
      const expected = await definition.take({ user: "ann" }, ONE_REQUEST, { signal });
      const { charge: _, ...decision } = { charge: undefined, ...(await ask(limiter, "ann")) };
      const { charge: __, ...wanted } = { charge: undefined, ...expected };
      expect(decision, `request ${n}`).toEqual(wanted);
      if (!expected.admitted) refusals++;
      nowMs += random(20) === 0 ? random(1_500) : random(24);
      if (!expected.admitted && random(3) === 0) nowMs += expected.retryAfterMs;
    }
    expect(refusals).toBeGreaterThan(100);
    expect(await raw.strlen(rateKey({ user: "ann" }))).toBeLessThan(3 + 4 * (700 + 65));
  });

  it("makes keys of hostile names that match nobody else", async () => {
    await raw.flushdb();
    const { limiter } = movedTime(all([{ name: "minute", limit: 1, lengthMs: 60_000 }]));
    const names = [
      "ann",
      "*",
      "a*",
      "{ann}",
      "ann}",
      ":ann:",
      "ann:",
      "%61nn",
      "__proto__",
      "\u{1f600}",
      "\ud800",
      "\ufffd",
      "x".repeat(10_240),
      "",
      "é",
      "e\u0301",
    ];
    for (const user of names)
      for (const tenant of [undefined, "ann", "*", "a:b"]) {
        const subject = { user, ...(tenant !== undefined && { tenant }) };
        expect(
          (await limiter.take(subject, ONE_REQUEST, { signal })).admitted,
          JSON.stringify(subject).slice(0, 60),
        ).toBe(true);
      }
    const keys = await raw.keys("*");
    expect(keys.length).toBe(names.length * 4);
    for (const key of keys) expect(key).toMatch(/^rate:tts:\{[\w.@%~:-]*\}[\w.@%~:-]*$/);
    expect(Math.max(...keys.map((key) => key.length))).toBeLessThan(220);
    expect((await raw.keys("rate:tts:*:ann:*")).length).toBe(4);
  });

  it("does nothing when it is carried out too late, and is asked again when only the clocks disagree", async () => {
    await raw.flushdb();
    const limiter = new RedisRateLimiter({ redis, clock: systemClock, allowanceOf: all(hourly), lateAfterMs: 60 });
    const impatient = openRedis({ url: server.url, clock: systemClock, readTimeoutMs: 50 });
    await impatient.whenUp({ signal: AbortSignal.timeout(5_000) });
    const frozen = new RedisRateLimiter({
      redis: impatient,
      clock: systemClock,
      allowanceOf: all(hourly),
      lateAfterMs: 60,
    });
    await ask(frozen, "bob"); // learns Redis's clock
    server.freeze();
    await expect(ask(frozen, "bob")).rejects.toThrow();
    await systemClock.sleep(150, signal);
    server.thaw();
    expect((await limiter.peek({ user: "bob" }, { signal })).map(({ remaining }) => remaining)).toEqual([29, 499]);
    await impatient.close();
    // A gateway whose idea of Redis's clock is an hour old, as after a failover.
    let skewMs = 0;
    const clock = { ...systemClock, monotonic: () => systemClock.monotonic() + skewMs };
    const skewed = new RedisRateLimiter({ redis, clock, allowanceOf: all(hourly), lateAfterMs: 60 });
    expect((await ask(skewed, "cy")).admitted).toBe(true);
    skewMs = -3_600_000;
    expect((await ask(skewed, "cy")).states[0]!.remaining).toBe(28);
  });

  it("frees the streams of a server that died, and keeps those of one that lives", async () => {
    await raw.flushdb();
    let nowMs = 1_000_000;
    const wakes: (() => void)[] = [];
    const clock = { ...systemClock, sleep: () => new Promise<void>((resolve) => void wakes.push(resolve)) };
    const allowanceOf = all([{ name: "streams", unit: "streams", limit: 1, lengthMs: 0 }]);
    const options = { redis, clock, allowanceOf, testTimeMs: () => nowMs };
    const [dead, alive] = [new RedisRateLimiter(options), new RedisRateLimiter(options)];
    const stream = { requests: 0, characters: 0, streams: 1 };
    expect((await ask(dead, "ann", stream)).admitted).toBe(true);
    expect((await ask(alive, "bob", stream)).admitted).toBe(true);
    for (let beats = 0; beats < 5; beats++) {
      nowMs += 5_000;
      wakes.at(-1)!(); // only `alive` still beats
      await systemClock.sleep(30, signal);
    }
    expect((await ask(alive, "ann", stream)).admitted).toBe(true);
    expect((await ask(alive, "bob", stream)).admitted).toBe(false);
    await Promise.all([dead.close(), alive.close()]);
  });

  it("lets time stand still, and nobody through, while Redis's clock is set back", async () => {
    await raw.flushdb();
    const { limiter, advance } = movedTime(all([{ name: "minute", limit: 2, lengthMs: 60_000 }]));
    await ask(limiter, "ann");
    await ask(limiter, "ann");
    await advance(-10_000);
    expect(await ask(limiter, "ann")).toMatchObject({ admitted: false, retryAfterMs: 70_000 });
    await advance(69_999);
    expect((await ask(limiter, "ann")).admitted).toBe(false);
    await advance(1);
    expect((await ask(limiter, "ann")).admitted).toBe(true);
  });

  it("writes down what was admitted without it, in its place", async () => {
    await raw.flushdb();
    const { limiter, advance } = movedTime(all([{ name: "minute", limit: 4, lengthMs: 60_000 }]));
    await ask(limiter, "ann");
    await advance(30_000);
    await ask(limiter, "ann");
    await limiter.merge(
      { user: "ann" },
      [20_000, 10_000, 90_000].map((ageMs) => ({ ageMs, cost: ONE_REQUEST })),
      { signal },
    );
    expect(await ask(limiter, "ann")).toMatchObject({ admitted: false, retryAfterMs: 30_000 });
    await advance(30_000);
    expect((await ask(limiter, "ann")).admitted).toBe(true);
    expect(await ask(limiter, "ann")).toMatchObject({ admitted: false, retryAfterMs: 10_000 });
  });
});
