/**
 * How a purge, or an overwrite, reaches the memory of every other server: a bounded stream in Redis that all append to
 * and each reads four times a second over the shared connection.
 *
 * Why not pub/sub: a message sent while a subscriber reconnects is lost, and nobody notices. Here a server reads on
 * from the last entry it saw, so a cut connection costs time and no purge; only when that entry is no longer there
 * (the log was trimmed in between) can it not know, and then it forgets all it has in memory. A log that is gone
 * altogether means that Redis lost its data, audio included: memory is then the only copy, and is kept.
 */
import { randomUUID } from "node:crypto";
import type { CacheKey } from "../core/cache-key.ts";
import type { Clock } from "../core/clock.ts";
import type { EntryMatch, Purge } from "../core/entry-match.ts";
import type { CallOptions } from "../core/ports.ts";
import type { GuardedRedis } from "./guarded-redis.ts";
import { PURGE_LOG_KEY } from "./keys.ts";
import { RedisError } from "./redis-error.ts";

export type PurgeLogOptions = {
  readonly redis: GuardedRedis;
  readonly clock: Clock;
  /** Default 250. */
  readonly pollEveryMs?: number;
  /** Told of every purge that another server announced, within about `pollEveryMs`. Must not throw. */
  readonly onPurge: (purge: Purge) => void;
  /** Told once when a Redis that answers does not let the log be read (a key of another type, no permission). */
  readonly onTrouble?: (error: RedisError) => void;
};

const MAX_ENTRIES = 10_000;
const READ_COUNT = 1_000;
type Entry = [id: string, fields: string[]];

export class PurgeLog {
  readonly #options: PurgeLogOptions;
  readonly #server = randomUUID();
  readonly #closed = new AbortController();
  /** The newest entry seen; undefined while the log is empty. */
  #last: string | undefined;
  #started = false;
  #missedStart = false;
  #troubled = false;
  #reading: Promise<void> = Promise.resolve();

  constructor(options: PurgeLogOptions) {
    this.#options = options;
    void this.#poll();
  }

  /** Tells all others. Resolves when it is in the log; rejects with a RedisError when it cannot be. */
  async announce(purge: Purge, { signal }: CallOptions): Promise<void> {
    const { redis } = this.#options;
    const fields = ["from", this.#server, "what", purge.what, ...detailsOf(purge)];
    await redis.runWrite((client) => client.xadd(PURGE_LOG_KEY, "MAXLEN", "~", MAX_ENTRIES, "*", ...fields), {
      signal,
      timeoutMs: redis.writeTimeoutMs,
    });
  }

  /** Resolves when `onPurge` has been told of everything that was announced before this call. */
  catchUp({ signal }: CallOptions): Promise<void> {
    const read = this.#reading.then(() => this.#read(signal));
    this.#reading = read.catch(() => {});
    return read;
  }

  async close(): Promise<void> {
    this.#closed.abort(new RedisError("the purge log was closed"));
    await this.#reading;
  }

  async #poll(): Promise<void> {
    const { clock, pollEveryMs = 250 } = this.#options;
    const { signal } = this.#closed;
    while (!signal.aborted) {
      await this.catchUp({ signal }).then(
        () => {
          this.#troubled = false;
        },
        (error: unknown) => this.#failed(error),
      );
      await clock.sleep(pollEveryMs, signal).catch(() => {});
    }
  }

  #failed(error: unknown): void {
    if (!this.#started) this.#missedStart = true;
    if (this.#troubled || !(error instanceof RedisError) || error.isOutage) return; // an outage is told by others
    this.#troubled = true;
    this.#options.onTrouble?.(error);
  }

  async #read(signal: AbortSignal): Promise<void> {
    if (!this.#started) return this.#start(signal);
    let entries = await this.#range(this.#last ?? "-", signal);
    if (this.#last !== undefined && entries[0]?.[0] !== this.#last) {
      if (entries.length === 0) entries = await this.#range("-", signal);
      this.#last = undefined;
      if (entries.length === 0) return; // the log is gone
      this.#last = await this.#tail(signal);
      this.#options.onPurge({ what: "all" });
      return;
    }
    const news = this.#last === undefined ? entries : entries.slice(1);
    for (const [id, fields] of news) {
      this.#last = id;
      this.#tell(fields);
    }
    if (entries.length === READ_COUNT) await this.#read(signal);
  }

  /** Memory is empty at the start, so there is nothing to catch up with, unless Redis could not be read until now. */
  async #start(signal: AbortSignal): Promise<void> {
    this.#last = await this.#tail(signal);
    this.#started = true;
    if (this.#missedStart && this.#last !== undefined) this.#options.onPurge({ what: "all" });
  }

  async #tail(signal: AbortSignal): Promise<string | undefined> {
    const { redis } = this.#options;
    const [newest] = await redis.run((client) => client.xrevrange(PURGE_LOG_KEY, "+", "-", "COUNT", 1), {
      signal,
      timeoutMs: redis.readTimeoutMs,
    });
    return newest?.[0];
  }

  #range(from: string, signal: AbortSignal): Promise<Entry[]> {
    const { redis } = this.#options;
    return redis.run((client) => client.xrange(PURGE_LOG_KEY, from, "+", "COUNT", READ_COUNT), {
      signal,
      timeoutMs: redis.readTimeoutMs,
    });
  }

  #tell(fields: readonly string[]): void {
    const { from, what, key, match } = pairsOf(fields);
    if (from === this.#server) return;
    this.#options.onPurge(purgeOf(what, key, match));
  }
}

function detailsOf(purge: Purge): string[] {
  if (purge.what === "key") return ["key", purge.key];
  return purge.what === "matching" ? ["match", JSON.stringify(purge.match)] : [];
}

/** Something we do not know is a newer server's finer purge: everything is the safe reading of it. */
function purgeOf(what: string | undefined, key: string | undefined, match: string | undefined): Purge {
  if (what === "key" && key) return { what, key: key as CacheKey };
  const parsed = what === "matching" && match ? matchIn(match) : undefined;
  return parsed === undefined ? { what: "all" } : { what: "matching", match: parsed };
}

const MATCH_FIELDS: ReadonlySet<string> = new Set(["engine", "voice", "tag"] satisfies (keyof EntryMatch)[]);

function matchIn(json: string): EntryMatch | undefined {
  try {
    const value: unknown = JSON.parse(json);
    if (typeof value !== "object" || value === null) return undefined;
    const known = Object.entries(value).every(([name, is]) => MATCH_FIELDS.has(name) && typeof is === "string");
    return known ? value : undefined;
  } catch {
    return undefined;
  }
}

function pairsOf(fields: readonly string[]): Record<string, string | undefined> {
  return Object.fromEntries(
    fields.flatMap((name, index) => (index % 2 === 0 ? [[name, fields[index + 1]] as const] : [])),
  );
}
