import { LRUCache } from "lru-cache";
import type { Soon } from "../core/async.ts";
import type { CacheKey } from "../core/cache-key.ts";
import type { Clock } from "../core/clock.ts";
import { type EntryMatch, matchesEntry, type PurgeProgress, tagged } from "../core/entry-match.ts";
import type { AudioStore, CallOptions, StoredSpeech } from "../core/ports.ts";

export type MemoryAudioStoreOptions = {
  readonly clock: Clock;
  /** Bound of the sum of all entries, metadata included. 0 keeps nothing. */
  readonly maxBytes: number;
  /** A larger entry is not kept: it would push out many for one. Default: an eighth of `maxBytes`. */
  readonly maxEntryBytes?: number;
  /** How much longer an entry is kept than its ttl, for `getStale` only. Default 0. */
  readonly graceMs?: number;
};

/**
 * What an entry takes beside its audio: objects, strings, the key, the cache's own lists. Measured: 660, and 90 a
 * word.
 */
const ENTRY_OVERHEAD_BYTES = 768;
const WORD_BYTES = 96;
const TAG_BYTES = 96;
/** A view into a buffer this much larger is copied before it is kept. */
const PINNING_FACTOR = 1.1;

type Entry = { readonly speech: StoredSpeech; readonly audioBytes: number };

/**
 * The store in this process: least recently used goes first, bounded in bytes. `get` gives the same object for the
 * same entry each time. Nothing here waits, so the signal is only looked at on entry.
 */
export class MemoryAudioStore implements AudioStore {
  readonly #entries: LRUCache<CacheKey, Entry>;
  readonly #maxEntryBytes: number;
  readonly #graceMs: number;
  readonly #clock: Clock;
  /** One reading of the clock for all that the cache asks within one call: on a hit each of them is felt. */
  #now = 0;

  constructor({ clock, maxBytes, maxEntryBytes = Math.floor(maxBytes / 8), graceMs = 0 }: MemoryAudioStoreOptions) {
    this.#clock = clock;
    this.#graceMs = graceMs;
    this.#maxEntryBytes = Math.min(maxEntryBytes, maxBytes);
    this.#entries = new LRUCache({
      maxSize: Math.max(1, Math.floor(maxBytes)), // 0 would mean unbounded
      sizeCalculation: sizeOf,
      updateAgeOnGet: true,
      ttlResolution: 0, // else it remembers `now` for a while by a real timer, whatever the clock says
      perf: { now: () => this.#now },
    });
  }

  /** Of all entries, metadata estimated. Expired ones count until they are touched or pushed out. */
  get bytes(): number {
    return this.#entries.calculatedSize;
  }
  get count(): number {
    return this.#entries.size;
  }

  get(key: CacheKey, { signal }: CallOptions): Soon<StoredSpeech | undefined> {
    if (signal.aborted) return Promise.reject(signal.reason);
    this.#look();
    return this.#isFresh(key) ? this.#intact(key, this.#entries.get(key)) : undefined;
  }

  async getStale(key: CacheKey, { signal }: CallOptions): Promise<StoredSpeech | undefined> {
    signal.throwIfAborted();
    this.#look();
    return this.#intact(key, this.#entries.peek(key));
  }

  #look(): void {
    this.#now = this.#clock.monotonic() + 1; // the cache takes a start of 0 for "no ttl"
  }

  /** With grace, what is past its ttl must not be renewed by being looked at. */
  #isFresh(key: CacheKey): boolean {
    return this.#graceMs === 0 || this.#entries.getRemainingTTL(key) > this.#graceMs;
  }

  #intact(key: CacheKey, entry: Entry | undefined): StoredSpeech | undefined {
    if (!entry) return undefined;
    if (entry.speech.audio.byteLength === entry.audioBytes) return entry.speech;
    this.#entries.delete(key); // somebody handed the buffer to a worker: it is detached, and empty
    return undefined;
  }

  async set(key: CacheKey, speech: StoredSpeech, { signal, ttlMs }: CallOptions & { ttlMs: number }): Promise<void> {
    signal.throwIfAborted();
    if (speech.audio.byteLength === 0) throw new RangeError("an entry needs audio");
    const audioBytes = speech.audio.byteLength;
    if (sizeOf({ speech, audioBytes }) > this.#maxEntryBytes) {
      this.#entries.delete(key);
      return;
    }
    this.#look();
    const entry: Entry = { speech: { metadata: speech.metadata, audio: unpinned(speech.audio) }, audioBytes };
    this.#entries.set(key, entry, { ttl: Math.max(1, Math.ceil(ttlMs + this.#graceMs)) });
  }

  async has(keys: readonly CacheKey[], { signal }: CallOptions): Promise<boolean[]> {
    signal.throwIfAborted();
    this.#look();
    return keys.map((key) => this.#entries.has(key) && this.#isFresh(key));
  }

  async delete(key: CacheKey, { signal }: CallOptions): Promise<boolean> {
    signal.throwIfAborted();
    this.#look();
    const was = this.#entries.has(key); // false for an expired one, which `delete` would call true
    this.#entries.delete(key);
    return was;
  }

  async tag(key: CacheKey, tags: readonly string[], options: CallOptions & { readonly ttlMs: number }): Promise<void> {
    options.signal.throwIfAborted();
    const entry = this.#entries.peek(key);
    const metadata = entry && tagged(entry.speech.metadata, tags);
    if (entry !== undefined && metadata !== undefined) await this.set(key, { ...entry.speech, metadata }, options);
  }

  async purge(
    match: EntryMatch,
    { signal, onProgress }: CallOptions & { readonly onProgress?: (progress: PurgeProgress) => void },
  ): Promise<number> {
    signal.throwIfAborted();
    const entries = [...this.#entries.entries()];
    const chosen = entries.filter(([, { speech }]) => matchesEntry(speech.metadata, match));
    for (const [key] of chosen) this.#entries.delete(key);
    onProgress?.({ seen: entries.length, removed: chosen.length });
    return chosen.length;
  }

  async clear({ signal }: CallOptions): Promise<void> {
    signal.throwIfAborted();
    this.#entries.clear();
  }

  async close(): Promise<void> {
    this.#entries.clear();
  }
}

function sizeOf({ speech: { metadata }, audioBytes }: Entry): number {
  const { words = [], tags = [] } = metadata;
  return audioBytes + ENTRY_OVERHEAD_BYTES + words.length * WORD_BYTES + tags.length * TAG_BYTES;
}

/**
 * The same bytes in a buffer of their own if they are a small part of a large one. What comes out of a socket is a
 * slice of a 64 KiB read; kept as it is, 3 KB of audio would hold 10 times its size. Not `Buffer.from`: that pools.
 */
function unpinned(audio: Uint8Array): Uint8Array {
  if (audio.buffer.byteLength <= PINNING_FACTOR * audio.byteLength) return audio;
  const copy = Buffer.allocUnsafeSlow(audio.byteLength);
  copy.set(audio);
  return copy;
}
