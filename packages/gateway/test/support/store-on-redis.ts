import { Redis } from "ioredis";
import { afterEach, expect } from "vitest";
import { systemClock } from "../../src/core/clock.ts";
import type { RedisStateChange } from "../../src/redis/health.ts";
import { openRedis, type RedisPort } from "../../src/redis/redis-port.ts";
import { MemoryAudioStore } from "../../src/stores/memory-audio-store.ts";
import { RedisAudioStore } from "../../src/stores/redis-audio-store.ts";
import { TieredAudioStore, type TierFailure } from "../../src/stores/tiered-audio-store.ts";
import { keyFor, speechOf } from "../conformance/audio-store.ts";
import { type FaultProxy, startFaultProxy } from "./fault-proxy.ts";
import { type RedisProcess, startRedis } from "./redis-process.ts";

/** The store as the gateway has it, on a real Redis that can be broken. Everything ends with the test that made it. */
const { signal } = new AbortController();
export const ttlMs = 60_000;
export const inMemory = keyFor("in memory");
export const onlyInRedis = keyFor("only in redis");

export const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

export async function redisServer(args: readonly string[] = []): Promise<RedisProcess> {
  const server = await startRedis({ args });
  cleanups.push(() => server.stop());
  return server;
}

export async function proxyTo(targetPort: number): Promise<FaultProxy> {
  const proxy = await startFaultProxy({ targetPort });
  cleanups.push(() => proxy.close());
  return proxy;
}

export async function client(url: string): Promise<Redis> {
  const raw = new Redis(url);
  cleanups.push(async () => raw.disconnect());
  return raw;
}

export type Gateway = {
  store: TieredAudioStore;
  redis: RedisPort;
  changes: RedisStateChange["state"][];
  failures: TierFailure[];
  reasons: string[];
};

export function gateway(url: string): Gateway {
  const changes: RedisStateChange["state"][] = [];
  const reasons: string[] = [];
  const failures: TierFailure[] = [];
  const redis = openRedis({
    url,
    clock: systemClock,
    onStateChange(change) {
      changes.push(change.state);
      if (change.state === "down") reasons.push(change.reason.message);
    },
  });
  cleanups.push(() => redis.close());
  const store = new TieredAudioStore({
    memory: new MemoryAudioStore({ clock: systemClock, maxBytes: 16 << 20 }),
    redis: new RedisAudioStore({ redis, ttlMs, compressionLevel: 6 }),
    clock: systemClock,
    ttlMs,
    onFailure: (failure) => void failures.push(failure),
  });
  return { store, redis, changes, failures, reasons };
}

/** A gateway that is up, with one entry in memory and one more that only Redis has. */
export async function warmGateway(url: string, seedUrl = url): Promise<Gateway> {
  const seed = gateway(seedUrl);
  await up(seed);
  await seed.store.set(onlyInRedis, speechOf(20_000), { ttlMs, signal });
  const warm = gateway(url);
  await up(warm);
  await warm.store.set(inMemory, speechOf(20_000), { ttlMs, signal });
  expect(warm.failures).toEqual([]);
  return warm;
}

export const up = ({ redis }: Gateway): Promise<void> => redis.whenUp({ signal: AbortSignal.timeout(10_000) });
