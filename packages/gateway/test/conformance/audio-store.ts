import { createHash } from "node:crypto";
import { afterEach, describe, expect, it } from "vitest";
import type { CacheKey } from "../../src/core/cache-key.ts";
import type { AudioStore, SpeechMetadata, StoredSpeech } from "../../src/core/ports.ts";

/** The ttl that `create` must give a store whose `get` renews by a setting of its own. */
export const CONFORMANCE_TTL_MS = 60_000;
/** And its grace, where it has one. */
export const CONFORMANCE_GRACE_MS = 30_000;

export type AudioStoreUnderTest = {
  readonly store: AudioStore;
  /** Makes every entry of the store older by this much. */
  readonly advance: (ms: number) => Promise<void>;
  /** Called after each test; closes the store and whatever it stands on. */
  close(): Promise<void>;
};

const PLAIN: SpeechMetadata = {
  format: { name: "mp3", sampleRateHz: 24_000, bitrateBps: 48_000 },
  durationMs: 1234.5,
  engine: "flite",
  voice: "slt",
  characters: 17,
  createdAtMs: 1_700_000_000_000,
  generation: 0,
};
const WITH_WORDS: SpeechMetadata = {
  ...PLAIN,
  format: { name: "pcm", sampleRateHz: 24_000 },
  voice: 'Frøya "2" \u2028 🎙',
  generation: 1,
  soundMs: 1188.375,
  words: [
    { from: 0, to: 5, startMs: 0, endMs: 312.25 },
    { from: 6, to: 14, startMs: 312.25, endMs: 700 },
  ],
};

/** A key as real ones are: 64 hex digits of a SHA-256. */
export function keyFor(name: string): CacheKey {
  return createHash("sha256").update(name).digest("hex") as CacheKey;
}

/** Speech with every byte value in it (text encodings do not survive that), `bytes` long. */
export function speechOf(bytes = 256, metadata: SpeechMetadata = PLAIN): StoredSpeech {
  return { metadata, audio: Uint8Array.from({ length: bytes }, (_, index) => (index * 7 + (index >> 8)) & 0xff) };
}

/**
 * What every AudioStore must do. A rule learnt from a bug in one store belongs here, so that all stores get it.
 * Bytes are lent, not given, so nobody writes into them and no test does; but what was set must stay what it was
 * even if it came as a view into something larger.
 */
export function describeAudioStore(name: string, create: () => Promise<AudioStoreUnderTest>): void {
  describe(`AudioStore: ${name}`, () => {
    const { signal } = new AbortController();
    const key = keyFor("hello");
    const ttlMs = CONFORMANCE_TTL_MS;
    let current: AudioStoreUnderTest | undefined;
    const open = async (): Promise<AudioStoreUnderTest> => (current = await create());
    afterEach(async () => {
      await current?.close();
      current = undefined;
    });

    it("get() returns exactly the bytes and the metadata that were set", async () => {
      const { store } = await open();
      for (const [index, speech] of [speechOf(256), speechOf(1), speechOf(5000, WITH_WORDS)].entries()) {
        await store.set(keyFor(`k${index}`), speech, { ttlMs, signal });
        const stored = await store.get(keyFor(`k${index}`), { signal });
        expect(stored?.metadata).toEqual(speech.metadata);
        expect(new Uint8Array(stored!.audio)).toEqual(speech.audio);
      }
    });

    it("get() of a key never set is undefined", async () => {
      const { store } = await open();
      expect(await store.get(key, { signal })).toBeUndefined();
    });

    it("set() takes a view into a larger buffer and keeps only the view", async () => {
      const { store } = await open();
      const large = speechOf(1 << 20).audio;
      const audio = large.subarray(1000, 4000);
      await store.set(key, { metadata: PLAIN, audio }, { ttlMs, signal });
      const stored = await store.get(key, { signal });
      expect(new Uint8Array(stored!.audio)).toEqual(new Uint8Array(audio));
    });

    it("set() keeps entries of a megabyte", async () => {
      const { store } = await open();
      const speech = speechOf(1_000_000, WITH_WORDS);
      await store.set(key, speech, { ttlMs, signal });
      const stored = await store.get(key, { signal });
      expect(stored?.audio.byteLength).toBe(1_000_000);
      expect(Buffer.compare(stored!.audio, speech.audio)).toBe(0);
    });

    it("set() replaces what was there", async () => {
      const { store } = await open();
      await store.set(key, speechOf(300), { ttlMs, signal });
      await store.set(key, speechOf(20, WITH_WORDS), { ttlMs, signal });
      expect(await store.get(key, { signal })).toMatchObject({ metadata: WITH_WORDS });
    });

    it("set() refuses empty audio and keeps the entry that was there", async () => {
      const { store } = await open();
      await store.set(key, speechOf(), { ttlMs, signal });
      await expect(store.set(key, speechOf(0), { ttlMs, signal })).rejects.toThrow(RangeError);
      expect((await store.get(key, { signal }))?.audio.byteLength).toBe(256);
    });

    it("get() forgets at the ttl and not before", async () => {
      const { store, advance } = await open();
      await store.set(key, speechOf(), { ttlMs, signal });
      await advance(ttlMs * 0.7);
      expect(await store.has([key], { signal })).toEqual([true]);
      await advance(ttlMs * 0.4);
      expect(await store.has([key], { signal })).toEqual([false]);
      expect(await store.get(key, { signal })).toBeUndefined();
    });

    it("get() renews the ttl, has() does not", async () => {
      const { store, advance } = await open();
      await store.set(key, speechOf(), { ttlMs, signal });
      for (let hit = 0; hit < 3; hit++) {
        await advance(ttlMs * 0.7);
        expect(await store.get(key, { signal })).toBeDefined();
      }
      await advance(ttlMs * 0.7);
      expect(await store.has([key], { signal })).toEqual([true]);
      await advance(ttlMs * 0.7);
      expect(await store.get(key, { signal })).toBeUndefined();
    });

    it("has() answers for each key at its place", async () => {
      const { store } = await open();
      await store.set(keyFor("a"), speechOf(), { ttlMs, signal });
      await store.set(keyFor("c"), speechOf(), { ttlMs, signal });
      const keys = ["a", "b", "c", "a"].map(keyFor);
      expect(await store.has(keys, { signal })).toEqual([true, false, true, true]);
      expect(await store.has([], { signal })).toEqual([]);
    });

    it("delete() removes one entry and says whether it was there", async () => {
      const { store, advance } = await open();
      await store.set(key, speechOf(), { ttlMs, signal });
      await store.set(keyFor("other"), speechOf(), { ttlMs, signal });
      expect(await store.delete(key, { signal })).toBe(true);
      expect(await store.delete(key, { signal })).toBe(false);
      expect(await store.get(key, { signal })).toBeUndefined();
      expect(await store.get(keyFor("other"), { signal })).toBeDefined();
      await advance(ttlMs * 1.1 + CONFORMANCE_GRACE_MS);
      expect(await store.delete(keyFor("other"), { signal })).toBe(false);
    });

    it("clear() removes every entry", async () => {
      const { store } = await open();
      const keys = Array.from({ length: 30 }, (_, index) => keyFor(`many ${index}`));
      for (const one of keys) await store.set(one, speechOf(), { ttlMs, signal });
      await store.clear({ signal });
      expect(await store.has(keys, { signal })).toEqual(keys.map(() => false));
    });

    it("every method rejects with the reason of a signal that is aborted already, and changes nothing", async () => {
      const { store } = await open();
      const reason = new Error("shutting down");
      const aborted = AbortSignal.abort(reason);
      await expect(store.set(key, speechOf(), { ttlMs, signal: aborted })).rejects.toBe(reason);
      expect(await store.get(key, { signal })).toBeUndefined();
      await store.set(key, speechOf(), { ttlMs, signal });
      await expect(store.get(key, { signal: aborted })).rejects.toBe(reason);
      await expect(store.has([key], { signal: aborted })).rejects.toBe(reason);
      await expect(store.delete(key, { signal: aborted })).rejects.toBe(reason);
      await expect(store.clear({ signal: aborted })).rejects.toBe(reason);
      expect(await store.has([key], { signal })).toEqual([true]);
    });

    it("purge() removes what fits all that is named, tells how many, and leaves the rest", async () => {
      const { store } = await open();
      const kept: Record<string, Partial<SpeechMetadata>> = {
        plain: {},
        tagged: { tags: ["spring", "b"] },
        elsewhere: { engine: "edge", tags: ["spring"] },
        // Thousands of words make a head that is longer than what is read of an entry at first.
        wordy: {
          tags: ["spring"],
          words: Array.from({ length: 500 }, (_, at) => ({ ...WITH_WORDS.words![0]!, from: at })),
        },
        full: { voice: "kal", tags: ["*"] },
      };
      const left = async () => {
        const has = await store.has(Object.keys(kept).map(keyFor), { signal });
        return Object.keys(kept).filter((_, at) => has[at]);
      };
      for (const [name, changes] of Object.entries(kept))
        await store.set(keyFor(name), speechOf(300, { ...PLAIN, ...changes }), { ttlMs, signal });
      const told: number[] = [];
      const onProgress = ({ removed }: { removed: number }) => void told.push(removed);
      expect(await store.purge({ tag: "summer", voice: "slt" }, { signal })).toBe(0);
      expect(await store.purge({ tag: "spring", engine: "flite" }, { signal, onProgress })).toBe(3);
      if (told.length > 0) expect(told.at(-1)).toBe(3);
      expect(await left()).toEqual(["plain", "elsewhere"]);
      expect(await store.purge({ voice: "slt", engine: "edge" }, { signal })).toBe(1);
      expect(await store.purge({}, { signal })).toBe(1);
      expect(await left()).toEqual([]);
    });

    it("tag() names what is there, and brings nothing back", async () => {
      const { store } = await open();
      await store.tag(key, ["spring"], { ttlMs, signal });
      expect(await store.has([key], { signal })).toEqual([false]);
      await store.set(key, speechOf(), { ttlMs, signal });
      for (const tags of [["spring"], ["spring", "news"]]) await store.tag(key, tags, { ttlMs, signal });
      const stored = await store.get(key, { signal });
      expect(stored?.metadata).toEqual({ ...PLAIN, tags: ["spring", "news"] });
      expect(new Uint8Array(stored!.audio)).toEqual(speechOf().audio);
    });

    it("many calls at once each get their own entry", async () => {
      const { store } = await open();
      const names = Array.from({ length: 50 }, (_, index) => `n${index}`);
      await Promise.all(names.map((one, index) => store.set(keyFor(one), speechOf(100 + index), { ttlMs, signal })));
      const stored = await Promise.all(names.map(async (one) => store.get(keyFor(one), { signal })));
      expect(stored.map((speech) => speech?.audio.byteLength)).toEqual(names.map((_, index) => 100 + index));
    });
  });
}

/** What a store made with CONFORMANCE_GRACE_MS must do with entries past their ttl. */
export function describeAudioGrace(name: string, create: () => Promise<AudioStoreUnderTest>): void {
  describe(`AudioStore with grace: ${name}`, () => {
    const { signal } = new AbortController();
    const key = keyFor("hello");
    const ttlMs = CONFORMANCE_TTL_MS;
    let current: AudioStoreUnderTest | undefined;
    const open = async (): Promise<AudioStoreUnderTest> => (current = await create());
    afterEach(async () => {
      await current?.close();
      current = undefined;
    });

    it("get() and has() know an expired entry no more, getStale() does until its grace is over", async () => {
      const { store, advance } = await open();
      await store.set(key, speechOf(), { ttlMs, signal });
      await advance(ttlMs * 0.9);
      expect((await store.getStale(key, { signal }))?.audio.byteLength).toBe(256);
      await advance(ttlMs * 0.1 + CONFORMANCE_GRACE_MS * 0.3);
      for (let look = 0; look < 3; look++) {
        expect(await store.get(key, { signal })).toBeUndefined();
        expect(await store.has([key], { signal })).toEqual([false]);
        expect(await store.getStale(key, { signal })).toMatchObject({ metadata: PLAIN });
      }
      await advance(CONFORMANCE_GRACE_MS * 0.8); // none of these looks renewed it
      expect(await store.getStale(key, { signal })).toBeUndefined();
    });

    it("get() renews the whole ttl, not the grace alone", async () => {
      const { store, advance } = await open();
      await store.set(key, speechOf(), { ttlMs, signal });
      for (let hit = 0; hit < 3; hit++) {
        await advance(ttlMs * 0.8);
        expect(await store.get(key, { signal })).toBeDefined();
      }
    });

    it("set() makes an expired entry fresh, delete() and clear() remove it", async () => {
      const { store, advance } = await open();
      await store.set(key, speechOf(), { ttlMs, signal });
      await advance(ttlMs * 1.1);
      await store.set(key, speechOf(300), { ttlMs, signal });
      expect((await store.get(key, { signal }))?.audio.byteLength).toBe(300);
      for (const remove of [() => store.delete(key, { signal }), () => store.clear({ signal })]) {
        await store.set(key, speechOf(), { ttlMs, signal });
        await advance(ttlMs * 1.1);
        await remove();
        expect(await store.getStale(key, { signal })).toBeUndefined();
      }
    });
  });
}
