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
  const answer = redis.run((client) => client.blpop("nothing", 0.1), { signal, timeoutMs: 300 });
  const until = performance.now() + 400;
  while (performance.now() < until); // other callers of the same turn
  expect(await answer).toBeNull(); // which Redis says after a tenth of a second
});

it("run() rejects when the answer is late all the same", async () => {
  const answer = redis.run((client) => client.blpop("nothing", 1), { signal, timeoutMs: 100 });
  await expect(answer).rejects.toThrow(/within 100 ms/);
});
