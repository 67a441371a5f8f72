import { afterEach, describe, expect, it } from "vitest";
import { systemClock } from "../../src/core/clock.ts";
import { type Allowance, type Decision, ONE_REQUEST } from "../../src/core/quota.ts";
import { RedisRateLimiter } from "../../src/limits/redis-rate-limiter.ts";
import { ResilientRateLimiter } from "../../src/limits/resilient-rate-limiter.ts";
import { openRedis, type RedisPort } from "../../src/redis/redis-port.ts";
import { startRedis } from "../support/redis-process.ts";

const { signal } = new AbortController();
const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

const allowance: Allowance = { user: [{ name: "minute", limit: 10, lengthMs: 60_000 }], tenant: [] };

async function servers(number: number) {
  const redis = await startRedis();
  cleanups.push(() => redis.stop());
  const all = await Promise.all(Array.from({ length: number }, () => server(redis.url, number)));
  return { redis, all };
}

async function server(url: string, number: number) {
  let calls = 0;
  const port = openRedis({ url, clock: systemClock, readTimeoutMs: 200 });
  const counted: RedisPort = Object.create(port, {
    runScript: {
      value: (...args: Parameters<RedisPort["runScript"]>) => {
        calls++;
        return port.runScript(...args);
      },
    },
  });
  const limiter = new ResilientRateLimiter({
    shared: new RedisRateLimiter({
      redis: counted,
      clock: systemClock,
      allowanceOf: () => allowance,
    }),
    clock: systemClock,
    servers: () => number,
    isUp: () => port.state === "up",
  });
  cleanups.push(async () => {
    await limiter.close();
    await port.close();
  });
  await port.whenUp({ signal: AbortSignal.timeout(10_000) });
  return { limiter, port, calls: () => calls };
}

const take = async ({ limiter }: { limiter: ResilientRateLimiter }): Promise<Decision> =>
  limiter.take({ user: "ann" }, ONE_REQUEST, { signal });

async function admittedOf(one: { limiter: ResilientRateLimiter }, times: number): Promise<number> {
  let admitted = 0;
  for (let n = 0; n < times; n++) admitted += (await take(one)).admitted ? 1 : 0;
  return admitted;
}

describe("Limits and Redis", () => {
  it("a refused user costs Redis no further call", async () => {
    const { all } = await servers(1);
    expect(await admittedOf(all[0]!, 12)).toBe(10);
    expect(all[0]!.calls()).toBe(11);
    await admittedOf(all[0]!, 100);
    expect(all[0]!.calls()).toBe(11);
  });

  it.each(["kill", "freeze"] as const)(
    "%s: no request fails, each server admits its share, and afterwards all of it counts",
    async (fault) => {
      const { redis, all } = await servers(2);
      const [one, two] = [all[0]!, all[1]!];
      expect(await admittedOf(one, 3)).toBe(3);
      if (fault === "kill") await redis.kill();
      else redis.freeze();
      const startedAt = performance.now();
      expect(await admittedOf(one, 20)).toBe(2); // a share of 5, of which 3 are used
      expect(await admittedOf(two, 20)).toBe(5);
      expect(performance.now() - startedAt).toBeLessThan(2_000);
      expect(one.limiter.untold + two.limiter.untold).toBe(7);
      if (fault === "kill") await redis.restart();
      else redis.thaw();
      await Promise.all(all.map(({ port }) => port.whenUp({ signal: AbortSignal.timeout(15_000) })));
      await two.limiter.reconcile();
      expect(two.limiter.untold).toBe(0);
      const fresh = await server(redis.url, 2);
      // Thawed, Redis remembers the first three; restarted, it does not. Server one tells its two before it asks.
      await one.limiter.reconcile();
      expect(await admittedOf(fresh, 20)).toBe(fault === "kill" ? 3 : 0);
    },
  );
});
