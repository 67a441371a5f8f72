import type { Soon } from "../core/async.ts";
import type { CacheKey } from "../core/cache-key.ts";
import type { Clock } from "../core/clock.ts";
import { type EntryMatch, matchesEverything, type Purge, type PurgeProgress } from "../core/entry-match.ts";
import type { AudioStore, CallOptions, StoredSpeech } from "../core/ports.ts";

/** A shared tier may be able to renew an entry without reading it. */
export type SharedAudioStore = AudioStore & {
  /** Renews the entry's ttl; false if it is not there. */
  renew?(key: CacheKey, options: CallOptions): Promise<boolean>;
};
/** The way to other servers' memory; `PurgeLog` in the gateway. What it hears from others goes to `forget`. */
export type Purges = {
  announce(purge: Purge, options: CallOptions): Promise<void>;
  /** Resolves when `forget` was told of everything announced before this call. */
  catchUp(options: CallOptions): Promise<void>;
};
export type TierName = "memory" | "redis";
export type TierOperation = "get" | "set" | "has" | "delete" | "clear" | "renew";
export type TierFailure = { readonly tier: TierName; readonly operation: TierOperation; readonly error: unknown };

export type TieredAudioStoreOptions = {
  readonly memory: AudioStore;
  readonly redis: SharedAudioStore;
  readonly clock: Clock;
  /** How long an entry lives after its last hit; what comes from Redis is kept in memory for this long. */
  readonly ttlMs: number;
  /** Without it this is the only server. */
  readonly purges?: Purges;
  /** Told of everything a tier could not do. Must not throw. */
  readonly onFailure: (failure: TierFailure) => void;
};

/** Hits in memory renew the entry in Redis too, but only this many times per ttl. */
const RENEWALS_PER_TTL = 4;

/**
 * Memory in front of Redis. For `get`, `set` and `has` a broken tier is an empty one: reported, never an error.
 * `delete` and `clear` reject when a tier failed, after having tried both: an operator who purges must not be told
 * that it is done while the entry lives on.
 */
export class TieredAudioStore implements AudioStore {
  readonly #options: TieredAudioStoreOptions;
  /** When the entry behind this object was last renewed in Redis. Goes when memory lets go of the object. */
  readonly #renewedAt = new WeakMap<StoredSpeech, number>();

  /** Renewals under way. */
  readonly #background = new Set<Promise<void>>();
  /** Purges under way, and how many there have been: what was read before or during one must not be written after it. */
  #purging = 0;
  #purged = 0;

  constructor(options: TieredAudioStoreOptions) {
    this.#options = options;
  }

  get(key: CacheKey, { signal }: CallOptions): Soon<StoredSpeech | undefined> {
    const purged = this.#purged;
    const near = this.#options.memory.get(key, { signal });
    if (!(near instanceof Promise)) return this.#nearOrFar(key, near, purged, signal);
    return this.#orElse("memory", "get", undefined, near, signal).then((found) =>
      this.#nearOrFar(key, found, purged, signal),
    );
  }

  #nearOrFar(
    key: CacheKey,
    near: StoredSpeech | undefined,
    purged: number,
    signal: AbortSignal,
  ): Soon<StoredSpeech | undefined> {
    if (near === undefined) return this.#getFar(key, purged, signal);
    this.#keepAliveInRedis(key, near);
    return near;
  }

  /** `purged`: how many purges there had been when memory was asked. */
  async #getFar(key: CacheKey, purged: number, signal: AbortSignal): Promise<StoredSpeech | undefined> {
    const { memory, redis, ttlMs } = this.#options;
    const far = await this.#orElse("redis", "get", undefined, redis.get(key, { signal }), signal);
    if (far && this.#mayKeep(purged))
      await this.#orElse("memory", "set", undefined, memory.set(key, far, { ttlMs, signal }), signal);
    return far;
  }

  async getStale(key: CacheKey, { signal }: CallOptions): Promise<StoredSpeech | undefined> {
    const { memory, redis } = this.#options;
    const near = await this.#orElse("memory", "get", undefined, memory.getStale(key, { signal }), signal);
    return near ?? this.#orElse("redis", "get", undefined, redis.getStale(key, { signal }), signal);
  }

  async set(key: CacheKey, speech: StoredSpeech, options: CallOptions & { readonly ttlMs: number }): Promise<void> {
    const { memory, redis } = this.#options;
    options.signal.throwIfAborted();
    if (speech.audio.byteLength === 0) throw new RangeError("an entry needs audio"); // the caller's fault, not a tier's
    await this.#orElse("memory", "set", undefined, memory.set(key, speech, options), options.signal);
    await this.#orElse("redis", "set", undefined, redis.set(key, speech, options), options.signal);
  }

  async has(keys: readonly CacheKey[], { signal }: CallOptions): Promise<boolean[]> {
    const { memory, redis } = this.#options;
    const none = keys.map(() => false);
    const near = await this.#orElse("memory", "has", none, memory.has(keys, { signal }), signal);
    const missing = keys.filter((_, index) => !near[index]);
    if (missing.length === 0) return near;
    const far = await this.#orElse("redis", "has", [], redis.has(missing, { signal }), signal);
    const there = new Set(missing.filter((_, index) => far[index]));
    return keys.map((key, index) => near[index] === true || there.has(key));
  }

  async delete(key: CacheKey, { signal }: CallOptions): Promise<boolean> {
    const { memory, redis } = this.#options;
    const tiers = [() => redis.delete(key, { signal }), () => memory.delete(key, { signal })] as const;
    return (await this.#purge({ what: "key", key }, signal, tiers)).some(Boolean);
  }

  /** Redis first: memory that had the tags while Redis had not would never try again. */
  async tag(key: CacheKey, tags: readonly string[], options: CallOptions & { readonly ttlMs: number }): Promise<void> {
    const { memory, redis } = this.#options;
    const far = redis.tag(key, tags, options).then(() => true);
    if (await this.#orElse("redis", "set", false, far, options.signal))
      await this.#orElse("memory", "set", undefined, memory.tag(key, tags, options), options.signal);
  }

  /** Gives what Redis had of them, or memory if that was more: Redis may have evicted what memory still holds. */
  async purge(
    match: EntryMatch,
    options: CallOptions & { readonly onProgress?: (progress: PurgeProgress) => void },
  ): Promise<number> {
    const { memory, redis } = this.#options;
    const { signal } = options;
    const purge: Purge = matchesEverything(match) ? { what: "all" } : { what: "matching", match };
    const tiers = [() => redis.purge(match, options), () => memory.purge(match, { signal })] as const;
    return Math.max(...(await this.#purge(purge, signal, tiers)));
  }

  async clear({ signal }: CallOptions): Promise<void> {
    const { memory, redis } = this.#options;
    await this.#purge({ what: "all" }, signal, [() => redis.clear({ signal }), () => memory.clear({ signal })]);
  }

  /** Another server purged or replaced this: memory no longer holds it, and what is being read now is not kept. */
  forget(purge: Purge): void {
    const { memory, onFailure } = this.#options;
    const { signal } = new AbortController();
    this.#purged++;
    const forget = (): Promise<unknown> => {
      if (purge.what === "key") return memory.delete(purge.key, { signal });
      return purge.what === "matching" ? memory.purge(purge.match, { signal }) : memory.clear({ signal });
    };
    forget().catch((error: unknown) => onFailure({ tier: "memory", operation: "delete", error }));
  }

  async close(): Promise<void> {
    await Promise.all(this.#background);
    await Promise.all([this.#options.memory.close(), this.#options.redis.close()]);
  }

  /**
   * An entry that is always found in memory would run out in Redis, where other servers need it; and after Redis came
   * back empty it would never return there. In the background and a few times per ttl only, so hits stay free of Redis.
   */
  #keepAliveInRedis(key: CacheKey, speech: StoredSpeech): void {
    const { redis, clock, ttlMs, onFailure } = this.#options;
    if (!redis.renew) return;
    const nowMs = clock.monotonic();
    const renewedAt = this.#renewedAt.get(speech);
    if (renewedAt !== undefined && nowMs - renewedAt < ttlMs / RENEWALS_PER_TTL) return;
    this.#renewedAt.set(speech, nowMs);
    const { signal } = new AbortController(); // nobody's call: the caller has its answer
    const purged = this.#purged;
    const renewal = redis
      .renew(key, { signal })
      .then((there) => (there ? undefined : this.#bringBack(key, speech, purged, signal)))
      .catch((error: unknown) => onFailure({ tier: "redis", operation: "renew", error }))
      .finally(() => this.#background.delete(renewal));
    this.#background.add(renewal);
  }

  /**
   * Only what nobody has purged. A purge is announced before anything is removed: so if the entry is missing because
   * of one, the first look at the log tells; and if one comes between that look and our write, the second one does.
   */
  async #bringBack(key: CacheKey, speech: StoredSpeech, purged: number, signal: AbortSignal): Promise<void> {
    const { redis, purges, ttlMs } = this.#options;
    await purges?.catchUp({ signal });
    if (!this.#mayKeep(purged)) return;
    await redis.set(key, speech, { ttlMs, signal });
    await purges?.catchUp({ signal });
    if (!this.#mayKeep(purged)) await redis.delete(key, { signal });
  }

  async #orElse<T>(
    tier: TierName,
    operation: TierOperation,
    fallback: T,
    answer: Soon<T>,
    signal: AbortSignal,
  ): Promise<T> {
    try {
      return await answer;
    } catch (error) {
      signal.throwIfAborted(); // given up by the caller: not the tier's fault
      this.#options.onFailure({ tier, operation, error });
      return fallback;
    }
  }

  /**
   * Redis first: the other way round a `get` in between would bring the entry back into memory. Announced before, for
   * servers that would bring it back, and after, for those that read it in between.
   */
  async #purge<T>(
    purge: Purge,
    signal: AbortSignal,
    [far, near]: readonly [() => Promise<T>, () => Promise<T>],
  ): Promise<T[]> {
    signal.throwIfAborted();
    const { purges, onFailure } = this.#options;
    const tell = async () => purges?.announce(purge, { signal });
    this.#purging++;
    const outcomes = [
      await outcomeOf(tell()),
      await outcomeOf(far()),
      await outcomeOf(tell()),
      await outcomeOf(near()),
    ];
    this.#purging--;
    this.#purged++;
    const operation = ({ key: "delete", all: "clear", matching: "clear" } as const)[purge.what];
    const failed = outcomes.findIndex(({ status }) => status === "rejected");
    if (failed >= 0) {
      const { reason } = outcomes[failed] as PromiseRejectedResult;
      if (!signal.aborted) onFailure({ tier: failed === 3 ? "memory" : "redis", operation, error: reason });
      throw reason;
    }
    return [1, 3].map((index) => (outcomes[index] as PromiseFulfilledResult<T>).value);
  }

  #mayKeep(purgedBefore: number): boolean {
    return this.#purging === 0 && this.#purged === purgedBefore;
  }
}

async function outcomeOf<T>(answer: Promise<T>): Promise<PromiseSettledResult<T>> {
  const [outcome] = await Promise.allSettled([answer]);
  return outcome!;
}
