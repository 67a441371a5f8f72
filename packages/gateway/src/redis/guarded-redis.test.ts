import { afterAll, beforeAll, expect, it } from "vitest";
import { type RedisProcess, startRedis } from "../../test/support/redis-process.ts";
import { systemClock } from "../core/clock.ts";
import { GuardedRedis } from "./guarded-redis.ts";

const { signal } = new AbortController();
let server: RedisProcess;
let redis: GuardedRedis;

beforeAll(async () => {
  server = await startRedis();
  redis = new GuardedRedis({ url: server.url, clock: systemClock });
  await redis.whenUp({ signal: AbortSignal.timeout(10_000) });
});
afterAll(async () => {
  await redis?.close();
  await server?.stop();
});

it("run() counts its deadline from when the question left, not from a turn that hundreds of callers fill", async () => {
  await redis.run((client) => client.ping(), { signal, timeoutMs: 5_000 });
  server.freeze();
  const answer = redis.run((client) => client.ping(), { signal, timeoutMs: 1_000 });
  const until = performance.now() + 1_100;
  while (performance.now() < until); // other callers of the same turn
  setTimeout(() => server.thaw(), 100);
  expect(await answer).toBe("PONG");
});

it("run() rejects when the answer is late all the same", async () => {
  server.freeze();
  await expect(redis.run((client) => client.ping(), { signal, timeoutMs: 100 })).rejects.toThrow(/within 100 ms/);
  server.thaw();
});
