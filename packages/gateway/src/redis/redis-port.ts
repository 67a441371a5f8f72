import type { CallOptions } from "../core/ports.ts";
import { mastersOf, type RedisClient } from "./connect.ts";
import { GuardedRedis, type GuardedRedisOptions } from "./guarded-redis.ts";
import type { RedisState } from "./health.ts";
import { RedisError } from "./redis-error.ts";
import type { RedisScript } from "./script.ts";

/**
 * What our adapters ask of Redis, and all they know of it. Values are bytes. Every call settles within a deadline, and
 * at once while Redis is down; it rejects with the signal's reason or a RedisError.
 */
export interface RedisPort {
  readonly state: RedisState;
  /** Resolves as soon as calls are let through. */
  whenUp(options: CallOptions): Promise<void>;
  /** The value, its ttl renewed. A server that may not be written to gives it all the same, as it is. */
  getex(key: string, ttlMs: number, options: CallOptions): Promise<Uint8Array | undefined>;
  set(key: string, value: Uint8Array, ttlMs: number, options: CallOptions): Promise<void>;
  /** Which of these exist, without touching them. */
  exists(keys: readonly string[], options: CallOptions): Promise<boolean[]>;
  /** Renews the ttl; false if there is no such key. */
  renew(key: string, ttlMs: number, options: CallOptions): Promise<boolean>;
  /** True if it was there. */
  unlink(key: string, options: CallOptions): Promise<boolean>;
  /**
   * Unlinks every key that matches, walking the whole key space in small steps. For administrators only. Gives the
   * number.
   */
  unlinkMatching(pattern: string, options: CallOptions): Promise<number>;
  /**
   * Runs a script by its digest, sending the source only to a server that does not know it yet. All keys in one
   * cluster slot.
   */
  runScript(
    script: RedisScript,
    keys: readonly string[],
    args: readonly (string | number | Uint8Array)[],
    options: CallOptions,
  ): Promise<unknown>;
  ping(options: CallOptions): Promise<void>;
  close(): Promise<void>;
}

const SCAN_COUNT = 500;
/** Replies to a write that a read would not have got. */
const WRITE_REFUSED: ReadonlySet<string | undefined> = new Set(["READONLY", "MISCONF", "NOREPLICAS", "OOM"]);

/**
 * Opens the connection in the background: nothing waits for it, and calls before it stands are refused like in any
 * outage.
 */
export function openRedis(options: GuardedRedisOptions): RedisPort {
  return redisPort(new GuardedRedis(options));
}

/** The port on a connection that others use as well. */
export function redisPort(redis: GuardedRedis): RedisPort {
  const read = ({ signal }: CallOptions) => ({ signal, timeoutMs: redis.readTimeoutMs });
  const write = ({ signal }: CallOptions) => ({ signal, timeoutMs: redis.writeTimeoutMs });
  return {
    get state() {
      return redis.state;
    },
    whenUp: (options) => redis.whenUp(options),

    async getex(key, ttlMs, options) {
      try {
        return (await redis.run((client) => client.getexBuffer(key, "PX", wholeMs(ttlMs)), read(options))) ?? undefined;
      } catch (error) {
        if (!(error instanceof RedisError) || !WRITE_REFUSED.has(error.replyCode)) throw error;
        return (await redis.run((client) => client.getBuffer(key), read(options))) ?? undefined;
      }
    },

    async set(key, value, ttlMs, options) {
      await redis.run((client) => client.set(key, asBuffer(value), "PX", wholeMs(ttlMs)), write(options));
    },

    async exists(keys, options) {
      // One command per key, sent together: several keys in one command would have to share a cluster slot.
      const counts = await redis.run((client) => Promise.all(keys.map((key) => client.exists(key))), read(options));
      return counts.map((count) => count === 1);
    },

    renew: async (key, ttlMs, options) =>
      (await redis.run((client) => client.pexpire(key, wholeMs(ttlMs)), write(options))) === 1,

    unlink: async (key, options) => (await redis.run((client) => client.unlink(key), write(options))) === 1,

    async unlinkMatching(pattern, options) {
      let removed = 0;
      const masters = await redis.run(async (client) => mastersOf(client), write(options));
      for (const master of masters) {
        let cursor = "0";
        do {
          const scan = () => master.scan(cursor, "MATCH", pattern, "COUNT", SCAN_COUNT);
          const [next, keys] = await redis.run(scan, write(options));
          const unlinkAll = (client: RedisClient) => Promise.all(keys.map((key) => client.unlink(key)));
          removed += (await redis.run(unlinkAll, write(options))).reduce((sum, count) => sum + count, 0);
          cursor = next;
        } while (cursor !== "0");
      }
      return removed;
    },

    async runScript({ source, sha1 }, keys, args, options) {
      const all = [...keys, ...args.map((arg) => (arg instanceof Uint8Array ? asBuffer(arg) : arg))];
      try {
        return await redis.run((client) => client.evalsha(sha1, keys.length, ...all), read(options));
      } catch (error) {
        if (!(error instanceof RedisError) || error.replyCode !== "NOSCRIPT") throw error;
        return await redis.run((client) => client.eval(source, keys.length, ...all), read(options));
      }
    },

    async ping(options) {
      await redis.run((client) => client.ping(), read(options));
    },
    close: () => redis.close(),
  };
}

/** A view, not a copy. */
function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function wholeMs(ttlMs: number): number {
  return Math.max(1, Math.ceil(ttlMs));
}
