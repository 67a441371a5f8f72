import { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { describeRateLimiter } from "../../test/conformance/rate-limiter.ts";
import { matchesQuotaModel } from "../../test/support/quota-model.ts";
import { type RedisProcess, startRedis } from "../../test/support/redis-process.ts";
import { systemClock } from "../core/clock.ts";
import { type Allowance, type Cost, ONE_REQUEST, type Subject, type Window } from "../core/quota.ts";
import { rateKey } from "../redis/keys.ts";
import { openRedis, type RedisPort } from "../redis/redis-port.ts";
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
      { runs: 150, limitsChange: true },
    );
  });
});
