import { Redis } from "ioredis";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import {
  CONFORMANCE_GRACE_MS,
  CONFORMANCE_TTL_MS,
  describeAudioGrace,
  describeAudioStore,
  keyFor,
  speechOf,
} from "../../test/conformance/audio-store.ts";
import { manualClock } from "../../test/support/manual-clock.ts";
import { type RedisProcess, startRedis } from "../../test/support/redis-process.ts";
import { systemClock } from "../core/clock.ts";
import { audioKey } from "../redis/keys.ts";
import { openRedis, type RedisPort } from "../redis/redis-port.ts";
import type { BadEntryReason } from "./entry.ts";
import { MemoryAudioStore } from "./memory-audio-store.ts";
import { RedisAudioStore, type RedisAudioStoreEvent } from "./redis-audio-store.ts";
import { TieredAudioStore } from "./tiered-audio-store.ts";

const { signal } = new AbortController();
const ttlMs = CONFORMANCE_TTL_MS;
const key = keyFor("one");
let server: RedisProcess;
let raw: Redis;
let redis: RedisPort;

beforeAll(async () => {
  server = await startRedis();
  raw = new Redis(server.url);
  // Long deadlines: what is tested here is what is stored, not how fast a noisy machine is.
  redis = openRedis({ url: server.url, clock: systemClock, readTimeoutMs: 5000, writeTimeoutMs: 5000 });
  await redis.whenUp({ signal: AbortSignal.timeout(10_000) });
});
beforeEach(async () => void (await raw.flushall()));
afterAll(async () => {
  await redis?.close();
  raw?.disconnect();
  await server?.stop();
});

/** Makes every key in Redis older: the real expiry, without the waiting. */
async function age(ms: number): Promise<void> {
  for (const one of await raw.keys("*")) {
    const leftMs = await raw.pttl(one);
    await (leftMs > ms ? raw.pexpire(one, leftMs - ms) : raw.del(one));
  }
}

describeAudioStore("redis", async () => {
  const store = new RedisAudioStore({ redis, ttlMs, compressionLevel: 6 });
  return { store, advance: age, close: () => store.close() };
});

const withGrace = async () => {
  const store = new RedisAudioStore({ redis, ttlMs, graceMs: CONFORMANCE_GRACE_MS, compressionLevel: 6 });
  return { store, advance: age, close: () => store.close() };
};
describeAudioStore("redis with grace", withGrace);
describeAudioGrace("redis", withGrace);

describeAudioGrace("memory before redis", async () => {
  const clock = manualClock();
  const graceMs = CONFORMANCE_GRACE_MS;
  const store = new TieredAudioStore({
    memory: new MemoryAudioStore({ clock, maxBytes: 64 << 20, graceMs }),
    redis: new RedisAudioStore({ redis, ttlMs, graceMs, compressionLevel: 6 }),
    clock,
    ttlMs,
    onFailure: ({ error }) => {
      throw error;
    },
  });
  const advance = async (ms: number) => {
    await clock.advance(ms);
    await age(ms);
  };
  return { store, advance, close: () => store.close() };
});

describeAudioStore("memory before redis", async () => {
  const clock = manualClock();
  const onFailure = ({ error }: { error: unknown }) => {
    throw error;
  };
  const store = new TieredAudioStore({
    memory: new MemoryAudioStore({ clock, maxBytes: 64 << 20 }),
    redis: new RedisAudioStore({ redis, ttlMs, compressionLevel: 6 }),
    clock,
    ttlMs,
    onFailure,
  });
  const advance = async (ms: number) => {
    await clock.advance(ms);
    await age(ms);
  };
  return { store, advance, close: () => store.close() };
});

describe("RedisAudioStore", () => {
  let events: RedisAudioStoreEvent[];
  let store: RedisAudioStore;
  const open = (change: { maxEntryBytes?: number } = {}) => {
    events = [];
    const onEvent = (event: RedisAudioStoreEvent) => void events.push(event);
    store = new RedisAudioStore({ redis, ttlMs, compressionLevel: 6, onEvent, ...change });
  };
  beforeEach(() => open());
  afterEach(() => store.close());
  const gone = async () => expect.poll(() => raw.exists(audioKey(key)), { timeout: 5000 }).toBe(0);

  it("set() writes one string under the documented key, with a ttl and without any text", async () => {
    await store.set(key, speechOf(), { ttlMs, signal });
    expect(await raw.keys("*")).toEqual([`tts:audio:${key.slice(0, 32)}`]);
    expect(await raw.type(audioKey(key))).toBe("string");
    const leftMs = await raw.pttl(audioKey(key));
    expect(leftMs).toBeGreaterThan(ttlMs - 10_000);
    expect(leftMs).toBeLessThanOrEqual(ttlMs);
  });

  it("the entry really goes at its ttl", async () => {
    await store.set(key, speechOf(), { ttlMs: 30, signal });
    await gone();
    expect(await store.get(key, { signal })).toBeUndefined();
  });

  it("get() and has() cost a look each, whatever the number of keys in Redis", async () => {
    await store.set(key, speechOf(), { ttlMs, signal });
    await raw.config("RESETSTAT");
    await store.get(key, { signal });
    await store.has([key], { signal });
    const stats = await raw.info("commandstats");
    expect(stats).toMatch(/cmdstat_get:calls=1,/);
    expect(stats).toMatch(/cmdstat_pttl:calls=2,/);
    expect(stats).not.toMatch(/cmdstat_(scan|keys|getex|set|pexpire|eval|evalsha):/);
  });

  it("get() of an entry with grace writes nothing, and so works on a replica as well", async () => {
    const graceful = new RedisAudioStore({ redis, ttlMs, graceMs: 30_000, compressionLevel: 6 });
    await graceful.set(key, speechOf(), { ttlMs, signal });
    expect(await raw.pttl(audioKey(key))).toBeGreaterThan(ttlMs + 20_000);
    expect((await graceful.get(key, { signal }))?.audio.byteLength).toBe(256);
    await raw.replicaof("127.0.0.1", 1);
    try {
      await expect
        .poll(async () => (await graceful.get(key, { signal }).catch(() => undefined))?.audio.byteLength, {
          timeout: 5_000,
        })
        .toBe(256);
    } finally {
      await raw.replicaof("NO", "ONE");
      await redis.whenUp({ signal: AbortSignal.timeout(5_000) });
    }
  });

  it("set() over an entry that somebody tagged keeps its tags", async () => {
    await store.set(key, speechOf(), { ttlMs, signal });
    await store.tag(key, ["spring"], { ttlMs, signal });
    await store.set(key, speechOf(300), { ttlMs, signal });
    expect(await store.get(key, { signal })).toMatchObject({
      metadata: { tags: ["spring"] },
      audio: { byteLength: 300 },
    });
  });

  it("set() over another entry says so", async () => {
    await store.set(key, speechOf(), { ttlMs, signal });
    expect(events).toEqual([]);
    await store.set(key, speechOf(300), { ttlMs, signal });
    expect(events).toEqual([{ type: "entry.replaced", key }]);
  });

  const spoilt: [BadEntryReason, () => Promise<unknown>][] = [
    ["corrupt", async () => raw.setrange(audioKey(key), 400, "\u0001\u0002\u0003")],
    ["corrupt", async () => raw.set(audioKey(key), (await raw.getBuffer(audioKey(key)))!.subarray(0, -1))],
    ["foreign", async () => raw.set(audioKey(key), "somebody else's value, and rather long so that it is no stub")],
    ["foreign", async () => raw.set(audioKey(key), "")],
    ["foreign", async () => (await raw.del(audioKey(key))) && raw.hset(audioKey(key), "a", "1")],
    [
      "mismatch",
      async () => {
        await store.set(keyFor("two"), speechOf(), { ttlMs, signal });
        await raw.copy(audioKey(keyFor("two")), audioKey(key), "REPLACE");
      },
    ],
  ];
  it.each(spoilt)("get() of a %s entry is a miss, reported and deleted", async (reason, spoil) => {
    await store.set(key, speechOf(500), { ttlMs, signal });
    await spoil();
    expect(await store.get(key, { signal })).toBeUndefined();
    expect(events).toEqual([{ type: "entry.bad", reason }]);
    await gone();
    await store.set(key, speechOf(), { ttlMs, signal });
    expect(await store.get(key, { signal })).toBeDefined();
  });

  it("set() does not store an entry above maxEntryBytes", async () => {
    open({ maxEntryBytes: 10_000 });
    await store.set(key, speechOf(20_000), { ttlMs, signal });
    expect(await raw.dbsize()).toBe(0);
    expect(events).toEqual([{ type: "entry.skipped", bytes: expect.any(Number) }]);
  });

  it("clear() removes all of ours, thousands too, and nothing else", async () => {
    const pipeline = raw.pipeline();
    for (let index = 0; index < 3000; index++) pipeline.set(audioKey(keyFor(`${index}`)), "x");
    await pipeline.set("rate:tts:ann", "1").set("tts:stats", "1").exec();
    await store.clear({ signal });
    expect((await raw.keys("*")).sort()).toEqual(["rate:tts:ann", "tts:stats"]);
  });
});
