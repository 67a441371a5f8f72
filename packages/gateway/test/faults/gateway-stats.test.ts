import { describe, expect, it } from "vitest";
import { systemClock } from "../../src/core/clock.ts";
import { GuardedRedis } from "../../src/redis/guarded-redis.ts";
import { measureMemory } from "../../src/redis/memory-use.ts";
import { RedisStats } from "../../src/redis/redis-stats.ts";
import { type GatewayOnRedis, gatewayOn, keep, ready, say, told } from "../support/gateway-on-redis.ts";
import { cleanups, client, redisServer } from "../support/store-on-redis.ts";

const { signal } = new AbortController();

type Stats = {
  segments: { hits: number; misses: number };
  allServers?: {
    segments: { hits: number; misses: number; hitRate: number };
    totalCached: number;
    saved: { bytes: number };
  };
  redis?: { audio: string; keys?: number; bytes?: number };
};
const statsOf = async ({ url }: GatewayOnRedis): Promise<Stats> =>
  (await (await fetch(`${url}/v1/stats`)).json()) as Stats;

async function guarded(url: string): Promise<GuardedRedis> {
  const redis = new GuardedRedis({ url, clock: systemClock, readTimeoutMs: 2_000, writeTimeoutMs: 2_000 });
  cleanups.push(() => redis.close());
  await redis.whenUp({ signal: AbortSignal.timeout(5_000) });
  return redis;
}

describe("statistics over all servers", () => {
  it("add up, outlive the servers, and are told by each", async () => {
    const server = await redisServer();
    const [one, two] = [await gatewayOn(server.url), await gatewayOn(server.url)];
    await keep(one, "Counted on one server."); // stored before the other asks, else both store it
    await expect.poll(async () => (await say(two, "Counted on one server.")).cache).toBe("hit");
    for (let hit = 0; hit < 5; hit++) await say(two, "Counted on one server.");
    const local = [await statsOf(one), await statsOf(two)].map(({ segments }) => segments);
    await one.close();
    await two.close(); // what was not sent yet is sent now
    const raw = await client(server.url);
    const sums = await raw.hgetall("tts:stats");
    const sum = (field: "hits" | "misses") => String(local[0]![field] + local[1]![field]);
    expect(sums).toMatchObject({ hits: sum("hits"), misses: sum("misses"), total_cached: "1", syntheses: "1" });
    expect(Number(sums.bytes_saved)).toBe(Number(sums.hits) * 22 * 20 * 48);
    const third = await gatewayOn(server.url);
    await expect
      .poll(async () => (await statsOf(third)).allServers, { timeout: 6_000 })
      .toMatchObject({
        segments: { hits: Number(sums.hits), misses: Number(sums.misses) },
        totalCached: 1,
        saved: { bytes: Number(sums.bytes_saved) },
      });
    expect((await statsOf(third)).segments).toMatchObject({ hits: 0, misses: 0 });
  });

  it("tell that the Redis of state is full, and that it is no more, with nothing purged meanwhile", async () => {
    const [audio, state] = [await redisServer(), await redisServer()];
    const gateway = await gatewayOn(audio.url, { redisStateUrl: state.url });
    const raw = await client(state.url);
    const stateNow = async () => {
      await say(gateway, "There is something to be counted.");
      return (await ready(gateway)).parts.redisState;
    };
    await raw.config("SET", "maxmemory", "1");
    await expect
      .poll(stateNow, { timeout: 10_000 })
      .toMatchObject({ status: "degraded", detail: expect.stringContaining("OOM") as string });
    await raw.config("SET", "maxmemory", "0");
    await expect.poll(stateNow, { timeout: 10_000 }).toMatchObject({ status: "ok" });
    expect(told(gateway)).toMatchObject({ downs: 0, refusals: 1 });
  });

  it("lose nothing that happens while Redis is down", async () => {
    const server = await redisServer();
    const gateway = await gatewayOn(server.url);
    const raw = await client(server.url);
    await keep(gateway, "Said before, during and after.");
    server.freeze();
    for (let hit = 0; hit < 30; hit++) await say(gateway, "Said before, during and after.");
    await systemClock.sleep(1_500, signal); // a batch is sent in vain, and may be carried out when it thaws
    server.thaw();
    const hits = async () => Number(await raw.hget("tts:stats", "hits"));
    await expect.poll(hits, { timeout: 10_000 }).toBe((await statsOf(gateway)).segments.hits);
    await systemClock.sleep(1_200, signal);
    expect(await hits()).toBe((await statsOf(gateway)).segments.hits);
  });

  it("tell our memory in Redis, without KEYS, INFO or a request that waits for it", async () => {
    const server = await redisServer();
    const raw = await client(server.url);
    const gateway = await gatewayOn(server.url);
    for (const name of ["one", "two", "three", "four"]) await keep(gateway, `Stored in Redis, ${name}.`);
    await raw.set("foreign", Buffer.alloc(500_000));
    await raw.config("RESETSTAT");
    await expect.poll(async () => (await statsOf(gateway)).redis?.keys, { timeout: 15_000 }).toBeGreaterThanOrEqual(5);
    const { bytes } = (await statsOf(gateway)).redis!;
    expect(bytes).toBeGreaterThan(5_000);
    expect(bytes).toBeLessThan(400_000);
    const commands = String(await raw.info("commandstats"));
    expect(commands).toMatch(/cmdstat_memory\|usage/);
    expect(commands).not.toMatch(/cmdstat_(keys|info):/);
  });
});

describe("RedisStats", () => {
  it("add() counts a batch once, however often it is sent", async () => {
    const server = await redisServer();
    const stats = new RedisStats({ redis: await guarded(server.url) });
    const batch = { number: 1, counts: { hits: 3, bytes_saved: 9_007_199_254_740_991 } };
    for (let sent = 0; sent < 3; sent++) await stats.add(batch, { signal });
    await stats.add({ number: 2, counts: { hits: 1 } }, { signal });
    expect(await stats.read({ signal })).toEqual({ hits: 4, bytes_saved: 9_007_199_254_740_991 });
  });
});

describe("measureMemory()", () => {
  it("is close to the truth among many foreign keys", async () => {
    const server = await redisServer();
    const raw = await client(server.url);
    const pipeline = raw.pipeline();
    for (let index = 0; index < 3_000; index++) pipeline.set(`foreign:tts:${index}`, "x".repeat(2_000));
    for (let index = 0; index < 1_000; index++) pipeline.set(`tts:audio:${index}`, Buffer.alloc(1_000));
    for (let index = 0; index < 100; index++) pipeline.set(`rate:tts:${index}`, "1");
    await pipeline.exec();
    const { keys, bytes } = await measureMemory(await guarded(server.url), signal);
    expect(keys).toBe(1_100);
    expect(bytes / (1_000 * 1_100)).toBeGreaterThan(0.8);
    expect(bytes / (1_000 * 1_100)).toBeLessThan(1.4);
  });
});
