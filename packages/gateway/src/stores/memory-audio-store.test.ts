import { describe, expect, it } from "vitest";
import {
  CONFORMANCE_GRACE_MS,
  CONFORMANCE_TTL_MS,
  describeAudioGrace,
  describeAudioStore,
  keyFor,
  speechOf,
} from "../../test/conformance/audio-store.ts";
import { manualClock } from "../../test/support/manual-clock.ts";
import { MemoryAudioStore } from "./memory-audio-store.ts";

const { signal } = new AbortController();
const ttlMs = CONFORMANCE_TTL_MS;

describeAudioStore("memory", async () => {
  const clock = manualClock();
  const store = new MemoryAudioStore({ clock, maxBytes: 64 << 20 });
  return { store, advance: async (ms) => clock.advance(ms), close: () => store.close() };
});

describeAudioGrace("memory", async () => {
  const clock = manualClock();
  const store = new MemoryAudioStore({ clock, maxBytes: 64 << 20, graceMs: CONFORMANCE_GRACE_MS });
  return { store, advance: async (ms) => clock.advance(ms), close: () => store.close() };
});

describe("MemoryAudioStore", () => {
  it("holds its bound in bytes and lets the least recently used go first", async () => {
    const store = new MemoryAudioStore({ clock: manualClock(), maxBytes: 100_000 });
    for (let index = 0; index < 100; index++) {
      await store.set(keyFor(`${index}`), speechOf(8000), { ttlMs, signal });
      await store.get(keyFor("0"), { signal });
      expect(store.bytes).toBeLessThanOrEqual(100_000);
    }
    expect(store.count).toBe(11); // 8000 bytes and the estimate for the rest, in 100,000
    expect(await store.has(["0", "1", "98", "99"].map(keyFor), { signal })).toEqual([true, false, true, true]);
  });

  it("set() does not keep an entry above maxEntryBytes, nor the smaller one it replaces", async () => {
    const store = new MemoryAudioStore({ clock: manualClock(), maxBytes: 80_000 });
    await store.set(keyFor("a"), speechOf(5000), { ttlMs, signal });
    await store.set(keyFor("a"), speechOf(12_000), { ttlMs, signal });
    expect([store.count, store.bytes]).toEqual([0, 0]);
  });

  it("keeps nothing when maxBytes is 0", async () => {
    const store = new MemoryAudioStore({ clock: manualClock(), maxBytes: 0 });
    await store.set(keyFor("a"), speechOf(1), { ttlMs, signal });
    expect(await store.get(keyFor("a"), { signal })).toBeUndefined();
  });

  it("set() does not hold on to the large buffer that the audio is a slice of", async () => {
    const store = new MemoryAudioStore({ clock: manualClock(), maxBytes: 10 << 20 });
    const socketRead = new Uint8Array(65_536);
    const { metadata } = speechOf();
    await store.set(keyFor("a"), { metadata, audio: socketRead.subarray(100, 3100) }, { ttlMs, signal });
    await store.set(keyFor("b"), { metadata, audio: Buffer.from("pooled by node") }, { ttlMs, signal });
    expect((await store.get(keyFor("a"), { signal }))?.audio.buffer.byteLength).toBe(3000);
    expect((await store.get(keyFor("b"), { signal }))?.audio.buffer.byteLength).toBe(14);
  });

  it("get() lends the same object each time, without copying", async () => {
    const store = new MemoryAudioStore({ clock: manualClock(), maxBytes: 10 << 20 });
    const speech = speechOf(20_000);
    await store.set(keyFor("a"), speech, { ttlMs, signal });
    const first = await store.get(keyFor("a"), { signal });
    expect(first?.audio).toBe(speech.audio);
    expect(await store.get(keyFor("a"), { signal })).toBe(first);
  });

  it("get() misses when somebody has given the lent buffer away", async () => {
    const store = new MemoryAudioStore({ clock: manualClock(), maxBytes: 10 << 20 });
    const speech = speechOf(20_000);
    await store.set(keyFor("a"), speech, { ttlMs, signal });
    structuredClone(speech.audio, { transfer: [speech.audio.buffer] });
    expect(await store.get(keyFor("a"), { signal })).toBeUndefined();
    expect(store.count).toBe(0);
  });
});
