import { describe, expect, it } from "vitest";
import { CONFORMANCE_TTL_MS, describeAudioStore, keyFor, speechOf } from "../../test/conformance/audio-store.ts";
import { manualClock } from "../../test/support/manual-clock.ts";
import type { AudioStore } from "../core/ports.ts";
import { MemoryAudioStore } from "./memory-audio-store.ts";
import { type SharedAudioStore, TieredAudioStore, type TierFailure } from "./tiered-audio-store.ts";

const { signal } = new AbortController();
const ttlMs = CONFORMANCE_TTL_MS;
const key = keyFor("tiered");
const broken = new Error("this tier is broken");

/**
 * Two stores in memory as tiers: what is tested here is only how they stand together. Real Redis:
 * redis-audio-store.test.ts.
 */
function tiers(change: { near?: Partial<AudioStore>; far?: Partial<SharedAudioStore> } = {}) {
  const clock = manualClock();
  const failures: TierFailure[] = [];
  const near = Object.assign(new MemoryAudioStore({ clock, maxBytes: 16 << 20 }), change.near);
  const far: MemoryAudioStore & SharedAudioStore = Object.assign(
    new MemoryAudioStore({ clock, maxBytes: 16 << 20 }),
    change.far,
  );
  const onFailure = (failure: TierFailure) => void failures.push(failure);
  const store = new TieredAudioStore({ memory: near, redis: far, clock, ttlMs, onFailure });
  return { clock, near, far, store, failures };
}

describeAudioStore("tiered", async () => {
  const { store, clock } = tiers();
  return { store, advance: async (ms) => clock.advance(ms), close: () => store.close() };
});

const fails = () => Promise.reject(broken);
const allBroken = { get: fails, set: fails, has: fails, delete: fails, clear: fails };

describe("TieredAudioStore", () => {
  it("set() writes both tiers", async () => {
    const { store, near, far } = tiers();
    await store.set(key, speechOf(), { ttlMs, signal });
    expect([near.count, far.count]).toEqual([1, 1]);
  });

  it("get() brings an entry from Redis into memory and asks Redis no more", async () => {
    const { store, near, far } = tiers();
    await far.set(key, speechOf(), { ttlMs, signal });
    expect(await store.get(key, { signal })).toMatchObject(speechOf());
    expect(near.count).toBe(1);
    await far.clear({ signal });
    expect(await store.get(key, { signal })).toBeDefined();
  });

  it("a broken Redis is an empty one, and is reported", async () => {
    const { store, failures } = tiers({ far: allBroken });
    await store.set(key, speechOf(), { ttlMs, signal });
    expect(await store.get(key, { signal })).toBeDefined();
    expect(await store.get(keyFor("other"), { signal })).toBeUndefined();
    expect(await store.has([key, keyFor("other")], { signal })).toEqual([true, false]);
    expect(failures.map(({ tier, operation }) => `${tier} ${operation}`)).toEqual([
      "redis set",
      "redis get",
      "redis has",
    ]);
    expect(failures.every(({ error }) => error === broken)).toBe(true);
  });

  it("a broken memory is an empty one, and is reported", async () => {
    const { store, failures } = tiers({ near: allBroken });
    await store.set(key, speechOf(), { ttlMs, signal });
    expect(await store.get(key, { signal })).toBeDefined();
    expect(await store.has([key], { signal })).toEqual([true]);
    expect(failures.map(({ tier, operation }) => `${tier} ${operation}`)).toEqual([
      "memory set",
      "memory get",
      "memory set",
      "memory has",
    ]);
  });

  it("delete() and clear() empty the tier that works and then say that the other did not", async () => {
    const { store, near, failures } = tiers({ far: allBroken });
    await store.set(key, speechOf(), { ttlMs, signal });
    await expect(store.delete(key, { signal })).rejects.toBe(broken);
    expect(near.count).toBe(0);
    await store.set(key, speechOf(), { ttlMs, signal });
    await expect(store.clear({ signal })).rejects.toBe(broken);
    expect(near.count).toBe(0);
    expect(failures).toHaveLength(4);
  });

  it("get() given up while Redis is asked rejects with the reason and reports nothing", async () => {
    const controller = new AbortController();
    const asked = (_: unknown, options: { signal: AbortSignal }) =>
      new Promise<undefined>((_, reject) =>
        options.signal.addEventListener("abort", () => reject(options.signal.reason)),
      );
    const { store, failures } = tiers({ far: { get: asked } });
    const reason = new Error("caller left");
    const answer = store.get(key, { signal: controller.signal });
    setImmediate(() => controller.abort(reason));
    await expect(answer).rejects.toBe(reason);
    expect(failures).toEqual([]);
  });

  it("get() from memory renews the entry in Redis a few times per ttl, and brings it back if Redis lost it", async () => {
    let renewals = 0;
    const harness = tiers({
      far: {
        async renew(one, options) {
          renewals++;
          return (await harness.far.get(one, options)) !== undefined;
        },
      },
    });
    const { store, far, clock } = harness;
    await store.set(key, speechOf(), { ttlMs, signal });
    for (let hit = 0; hit < 100; hit++) {
      await clock.advance(ttlMs / 50);
      await store.get(key, { signal });
    }
    expect(renewals).toBeGreaterThanOrEqual(7); // 2 ttl long, 4 a ttl
    expect(renewals).toBeLessThanOrEqual(9);
    expect(await far.has([key], { signal })).toEqual([true]);

    await far.clear({ signal });
    await clock.advance(ttlMs / 3);
    await store.get(key, { signal });
    await new Promise(setImmediate);
    expect(await far.has([key], { signal })).toEqual([true]);
  });

  it("a renewal or a get() that was under way when the store was purged brings nothing back", async () => {
    const gate = Promise.withResolvers<void>();
    const harness = tiers({
      far: {
        async get() {
          await gate.promise;
          return speechOf();
        },
        async renew() {
          await gate.promise;
          return false;
        },
      },
    });
    const { store, near, far } = harness;
    await near.set(key, speechOf(), { ttlMs, signal });
    await store.get(key, { signal }); // starts a renewal
    const late = store.get(keyFor("late"), { signal });
    await store.clear({ signal });
    gate.resolve();
    expect(await late).toBeDefined();
    await new Promise(setImmediate);
    expect([near.count, far.count]).toEqual([0, 0]);
  });
});
