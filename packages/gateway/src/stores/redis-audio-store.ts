import type { CacheKey } from "../core/cache-key.ts";
import { type EntryMatch, matchesEntry, matchesEverything, type PurgeProgress, tagged } from "../core/entry-match.ts";
import type { CallOptions, StoredSpeech } from "../core/ports.ts";
import { AUDIO_KEY_PATTERN, audioKey } from "../redis/keys.ts";
import { RedisError } from "../redis/redis-error.ts";
import type { RedisPort } from "../redis/redis-port.ts";
import { type BadEntryReason, decodeEntry, encodeEntry, peekEntry } from "./entry.ts";
import type { SharedAudioStore } from "./tiered-audio-store.ts";

export type RedisAudioStoreEvent =
  /** An entry could not be used; it counts as a miss and is being deleted. */
  | { readonly type: "entry.bad"; readonly reason: BadEntryReason }
  /** An entry was not stored because it would be larger than `maxEntryBytes`. */
  | { readonly type: "entry.skipped"; readonly bytes: number }
  /** An entry took the place of another, which other servers may still have in memory. */
  | { readonly type: "entry.replaced"; readonly key: CacheKey };

export type RedisAudioStoreOptions = {
  readonly redis: RedisPort;
  /** What a hit renews an entry to. */
  readonly ttlMs: number;
  /** How much longer an entry is kept, for `getStale` only. Default 0. */
  readonly graceMs?: number;
  /** zlib's level for PCM and WAV; 0 is off. */
  readonly compressionLevel: number;
  /** Larger entries are not stored: reading one would hold up everybody behind it on the connection. */
  readonly maxEntryBytes?: number;
  /** Must not throw. */
  readonly onEvent?: (event: RedisAudioStoreEvent) => void;
};

/** Of an entry, when all that is wanted is its metadata. */
const FRONT_BYTES = 2048;

/**
 * The store that all servers share. Rejects when Redis fails; what it gives is whole and belongs to the key, or it is
 * `undefined`. A hit is a view into what came out of the socket: who keeps it for long copies it. `close` leaves the
 * connection to its owner.
 */
export class RedisAudioStore implements SharedAudioStore {
  readonly #redis: RedisPort;
  readonly #ttlMs: number;
  readonly #graceMs: number;
  readonly #compressionLevel: number;
  readonly #maxEntryBytes: number;
  readonly #onEvent: (event: RedisAudioStoreEvent) => void;

  constructor({ redis, ttlMs, graceMs = 0, compressionLevel, maxEntryBytes, onEvent }: RedisAudioStoreOptions) {
    this.#redis = redis;
    this.#ttlMs = ttlMs;
    this.#graceMs = graceMs;
    this.#compressionLevel = compressionLevel;
    this.#maxEntryBytes = maxEntryBytes ?? 4 << 20;
    this.#onEvent = onEvent ?? (() => {});
  }

  get(key: CacheKey, { signal }: CallOptions): Promise<StoredSpeech | undefined> {
    const life = { ttlMs: this.#ttlMs, graceMs: this.#graceMs };
    return this.#decoded(key, (name) => this.#redis.getFresh(name, life, { signal }));
  }

  getStale(key: CacheKey, { signal }: CallOptions): Promise<StoredSpeech | undefined> {
    return this.#decoded(key, (name) => this.#redis.get(name, { signal }));
  }

  async #decoded(key: CacheKey, read: (name: string) => Promise<Uint8Array | undefined>) {
    let bytes: Uint8Array | undefined;
    try {
      bytes = await read(audioKey(key));
    } catch (error) {
      if (!(error instanceof RedisError) || error.replyCode !== "WRONGTYPE") throw error;
      return this.#discard(key, "foreign");
    }
    if (bytes === undefined) return undefined;
    const found = decodeEntry(key, bytes);
    const decoded = found instanceof Promise ? await found : found;
    if ("speech" in decoded) return decoded.speech;
    return this.#discard(key, decoded.bad);
  }

  async set(key: CacheKey, speech: StoredSpeech, { signal, ttlMs }: CallOptions & { ttlMs: number }): Promise<void> {
    signal.throwIfAborted();
    const entry = await encodeEntry(key, speech, { compressionLevel: this.#compressionLevel });
    if (entry.byteLength > this.#maxEntryBytes) {
      this.#onEvent({ type: "entry.skipped", bytes: entry.byteLength });
      return;
    }
    const replaced = await this.#redis.set(audioKey(key), entry, ttlMs + this.#graceMs, { signal });
    if (replaced === undefined) return;
    this.#onEvent({ type: "entry.replaced", key });
    // Another server stored the same, perhaps for somebody who gave it a name.
    const before = peekEntry(replaced);
    const tags = before !== undefined && "tags" in before ? (before.tags ?? []) : [];
    if (tagged(speech.metadata, tags) !== undefined) await this.tag(key, tags, { signal, ttlMs });
  }

  /** Renews the entry's ttl without reading it; false if it is not there. */
  renew(key: CacheKey, { signal }: CallOptions): Promise<boolean> {
    return this.#redis.renew(audioKey(key), this.#ttlMs + this.#graceMs, { signal });
  }

  has(keys: readonly CacheKey[], { signal }: CallOptions): Promise<boolean[]> {
    return this.#redis.exists(keys.map(audioKey), { signal, graceMs: this.#graceMs });
  }

  delete(key: CacheKey, { signal }: CallOptions): Promise<boolean> {
    return this.#redis.unlink(audioKey(key), { signal });
  }

  async tag(
    key: CacheKey,
    tags: readonly string[],
    { signal, ttlMs }: CallOptions & { readonly ttlMs: number },
  ): Promise<void> {
    // What is there now: another server may have stored it later than the copy that our caller heard.
    const speech = await this.getStale(key, { signal });
    const metadata = speech && tagged(speech.metadata, tags);
    if (speech === undefined || metadata === undefined) return;
    const entry = await encodeEntry(key, { ...speech, metadata }, { compressionLevel: this.#compressionLevel });
    if (entry.byteLength > this.#maxEntryBytes) return;
    const replaced = await this.#redis.replace(audioKey(key), entry, ttlMs + this.#graceMs, { signal });
    if (replaced) this.#onEvent({ type: "entry.replaced", key });
  }

  async purge(
    match: EntryMatch,
    { signal, onProgress }: CallOptions & { readonly onProgress?: (progress: PurgeProgress) => void },
  ): Promise<number> {
    const progress = { seen: 0, removed: 0 };
    for await (const keys of this.#redis.scan(AUDIO_KEY_PATTERN, { signal })) {
      const chosen = matchesEverything(match) ? keys : await this.#matching(keys, match, signal);
      progress.seen += keys.length;
      if (chosen.length > 0) progress.removed += await this.#redis.unlinkEach(chosen, { signal });
      onProgress?.({ ...progress });
    }
    return progress.removed;
  }

  /** Which of these fit. Nearly always told by their first bytes: only word times make a head longer. */
  async #matching(keys: readonly string[], match: EntryMatch, signal: AbortSignal): Promise<string[]> {
    const chosen: string[] = [];
    const fronts = await this.#redis.heads(keys, FRONT_BYTES, { signal });
    for (const [at, front] of fronts.entries()) {
      const key = keys[at]!;
      let head = peekEntry(front);
      if (head !== undefined && "needsBytes" in head)
        head = peekEntry((await this.#redis.heads([key], head.needsBytes, { signal }))[0]!);
      if (head !== undefined && !("needsBytes" in head) && matchesEntry(head, match)) chosen.push(key);
    }
    return chosen;
  }

  async clear({ signal }: CallOptions): Promise<void> {
    await this.purge({}, { signal });
  }

  async close(): Promise<void> {}

  /** Nobody waits for it and nobody minds if it fails: the entry is as bad the next time, or gone by its ttl. */
  #discard(key: CacheKey, reason: BadEntryReason): undefined {
    this.#onEvent({ type: "entry.bad", reason });
    const { signal } = new AbortController();
    this.#redis.unlink(audioKey(key), { signal }).catch(() => {});
  }
}
