import type { Cluster } from "ioredis";
import type { Clock } from "../core/clock.ts";
import type { RedisClient } from "./connect.ts";
import type { GuardedRedis } from "./guarded-redis.ts";
import { entryId, type RawEntry } from "./live-entry.ts";
import { RedisError } from "./redis-error.ts";

export type LiveListener = {
  /** In order, from the first, each once. */
  readonly entries: (entries: readonly RawEntry[]) => void;
  /** The connection broke; reading goes on when it stands again. */
  readonly trouble: () => void;
};

export type LiveReaderOptions = { readonly redis: GuardedRedis; readonly clock: Clock };

type Followed = { readonly stream: string; readonly listener: LiveListener; lastId: string };

const BLOCK_MS = 1_000;
/** Where a blocked read cannot be woken for a newcomer (CLIENT UNBLOCK forbidden), it must end soon by itself. */
const SHORT_BLOCK_MS = 20;
const ENTRIES_AT_ONCE = 64;
/** Beyond BLOCK_MS: then the connection is dead. */
const LATE_MS = 1_000;
const ANSWERED = new RedisError("answered");
const WAKE_AGAIN_MS = 4;
const RECONNECT_MS = 50;
/** Polling: the fewest ms between two rounds, and what each followed stream adds. */
const POLL_MS = 6;
const POLL_MS_PER_STREAM = 0.25;

/**
 * Reads all followed streams of this server over one connection that blocks: one socket however many flights are
 * followed. A stream that joins while the read blocks wakes it by CLIENT UNBLOCK from the shared connection.
 *
 * In a cluster one XREAD cannot name streams of different slots, so there, and where no further connection is allowed,
 * the streams are polled instead: short reads on the shared connection, a few milliseconds apart.
 */
export class LiveReader {
  readonly #options: LiveReaderOptions;
  readonly #followed = new Set<Followed>();
  readonly #closed = new AbortController();
  #client: RedisClient | undefined;
  #clientId: number | undefined;
  #blockMs = BLOCK_MS;
  #running = false;
  /** Raised by each newcomer; the read under way knows those up to `#included`. */
  #newest = 0;
  #included = 0;
  #waking = false;

  constructor(options: LiveReaderOptions) {
    this.#options = options;
  }

  /** Streams being read. */
  get size(): number {
    return this.#followed.size;
  }

  /** Reads this stream from its start until the returned function is called. */
  follow(stream: string, listener: LiveListener): () => void {
    const followed: Followed = { stream, listener, lastId: entryId(0) };
    this.#followed.add(followed);
    this.#newest++;
    if (!this.#running) void this.#run();
    else void this.#wake();
    return () => void this.#followed.delete(followed);
  }

  close(): void {
    this.#closed.abort(new RedisError("the reader was closed"));
    this.#followed.clear();
    this.#dropClient();
  }

  async #run(): Promise<void> {
    this.#running = true;
    try {
      while (this.#followed.size > 0 && !this.#closed.signal.aborted) {
        const client = await this.#ready();
        await (client === undefined ? this.#poll() : this.#readBlocking(client));
      }
    } catch {
      // closed
    } finally {
      this.#running = false;
    }
    if (this.#followed.size > 0 && !this.#closed.signal.aborted) void this.#run();
  }

  /** The connection for blocking reads once it stands; undefined: poll. */
  async #ready(): Promise<RedisClient | undefined> {
    const { redis, clock } = this.#options;
    if (redis.isCluster) return undefined;
    this.#client ??= redis.dedicated();
    const client = this.#client;
    if (client === undefined) return undefined;
    while (client.status !== "ready") {
      if (redis.state === "up") await this.#pollOnce(); // a new connection takes a moment; a caller is waiting
      await clock.sleep(POLL_MS, this.#closed.signal);
    }
    return client;
  }

  async #readBlocking(client: RedisClient): Promise<void> {
    const { clock } = this.#options;
    try {
      await this.#learnId(client as Exclude<RedisClient, Cluster>);
      const batch = [...this.#followed];
      this.#included = this.#newest;
      if (batch.length === 0) return;
      const streams = [...batch.map(({ stream }) => stream), ...batch.map(({ lastId }) => lastId)];
      const read = client.xreadBuffer("COUNT", ENTRIES_AT_ONCE, "BLOCK", this.#blockMs, "STREAMS", ...streams);
      this.#deliver(batch, await this.#inTime(read));
    } catch (thrown) {
      if (!RedisError.from(thrown).isOutage) return this.#poll(); // one of the streams is no stream: each by itself
      if (client.status === "ready") this.#dropClient(); // it stands, and is deaf
      this.#clientId = undefined; // the next connection has another
      for (const { listener } of this.#followed) listener.trouble();
      await clock.sleep(RECONNECT_MS, this.#closed.signal);
    }
  }

  /** By its id the connection can be woken; where asking for it is forbidden, its reads are short. */
  async #learnId(client: Exclude<RedisClient, Cluster>): Promise<void> {
    if (this.#clientId !== undefined || this.#blockMs === SHORT_BLOCK_MS) return;
    try {
      this.#clientId = await client.client("ID");
    } catch (thrown) {
      if (RedisError.from(thrown).isOutage) throw thrown;
      this.#blockMs = SHORT_BLOCK_MS;
    }
  }

  /** Ends the blocked read until one is under way that knows every newcomer. */
  async #wake(): Promise<void> {
    if (this.#waking) return;
    this.#waking = true;
    const { redis, clock } = this.#options;
    const { signal } = this.#closed;
    try {
      while (this.#included < this.#newest && this.#running && this.#blockMs !== SHORT_BLOCK_MS) {
        const id = this.#clientId;
        if (id !== undefined) {
          await redis.run((client) => (client as Exclude<RedisClient, Cluster>).client("UNBLOCK", id), {
            signal,
            timeoutMs: redis.readTimeoutMs,
          });
        }
        if (this.#included < this.#newest) await clock.sleep(WAKE_AGAIN_MS, signal);
      }
    } catch (error) {
      if (error instanceof RedisError && !error.isOutage) this.#blockMs = SHORT_BLOCK_MS; // not allowed to
    } finally {
      this.#waking = false;
    }
  }

  async #poll(): Promise<void> {
    const waitMs = Math.max(POLL_MS, this.#followed.size * POLL_MS_PER_STREAM);
    await this.#pollOnce();
    await this.#options.clock.sleep(waitMs, this.#closed.signal);
  }

  /** One read without waiting, on the shared connection. */
  async #pollOnce(): Promise<void> {
    const { redis } = this.#options;
    await Promise.all(
      [...this.#followed].map(async (followed) => {
        try {
          const reply = await redis.run(
            (client) => client.xreadBuffer("COUNT", ENTRIES_AT_ONCE, "STREAMS", followed.stream, followed.lastId),
            { signal: this.#closed.signal, timeoutMs: redis.readTimeoutMs },
          );
          this.#deliver([followed], reply);
        } catch {
          followed.listener.trouble();
        }
      }),
    );
  }

  /** A blocking command has no timeout of its own: on a cut cable it would wait for ever. */
  async #inTime<T>(read: Promise<T>): Promise<T> {
    const answered = new AbortController();
    const late = this.#options.clock.sleep(BLOCK_MS + LATE_MS, answered.signal).then(() => {
      throw new RedisError("no answer from Redis to a blocking read");
    });
    try {
      return await Promise.race([read, late]);
    } finally {
      late.catch(() => {});
      read.catch(() => {});
      answered.abort(ANSWERED);
    }
  }

  #deliver(batch: readonly Followed[], reply: unknown): void {
    for (const [stream, entries] of (reply ?? []) as [Buffer, RawEntry[]][]) {
      const name = stream.toString("latin1");
      const last = entries.at(-1)?.[0].toString("latin1");
      if (last === undefined) continue;
      const readers = batch.filter((followed) => followed.stream === name);
      // One stream may have two readers at different places; each gets its own part, in one go with the other's.
      const meant = readers.filter(({ lastId }) => follows(entries[0]![0], lastId));
      for (const followed of meant.length > 0 ? meant : readers) {
        followed.lastId = last;
        if (this.#followed.has(followed)) followed.listener.entries(entries);
      }
    }
  }

  #dropClient(): void {
    if (this.#client !== undefined) this.#options.redis.release(this.#client);
    this.#client = undefined;
    this.#clientId = undefined;
  }
}

/** Whether an entry is the very next after this id. */
function follows(entry: Buffer, lastId: string): boolean {
  return entry.toString("latin1") === entryId(Number.parseInt(lastId, 10) + 1);
}
