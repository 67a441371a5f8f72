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
  /**
   * The value unless its ttl is over, which is renewed once a quarter of it is. A server that may not be written to gives it all
   * the same, as it is.
   */
  getFresh(key: string, life: Lifetime, options: CallOptions): Promise<Uint8Array | undefined>;
  /** The value, past its ttl or not, as it is. */
  get(key: string, options: CallOptions): Promise<Uint8Array | undefined>;
  /** Gives the first bytes of the value whose place it took; undefined: there was none. */
  set(key: string, value: Uint8Array, ttlMs: number, options: CallOptions): Promise<Uint8Array | undefined>;
  /** Puts it in the place of another; false if there is none. */
  replace(key: string, value: Uint8Array, ttlMs: number, options: CallOptions): Promise<boolean>;
  /** Which of these exist with more than `graceMs` to live, without touching them. */
  exists(keys: readonly string[], options: CallOptions & { readonly graceMs?: number }): Promise<boolean[]>;
  /** Renews the ttl; false if there is no such key. */
  renew(key: string, ttlMs: number, options: CallOptions): Promise<boolean>;
  /** True if it was there. */
  unlink(key: string, options: CallOptions): Promise<boolean>;
  /** Unlinks all of these and tells how many there were. */
  unlinkEach(keys: readonly string[], options: CallOptions): Promise<number>;
  /**
   * Every key that matches, in batches, walking the whole key space in small steps; one may come twice. For
   * administrators only.
   */
  scan(pattern: string, options: CallOptions): AsyncIterable<readonly string[]>;
  /** The first `bytes` of each value; empty for a key that is not there or holds no string. */
  heads(keys: readonly string[], bytes: number, options: CallOptions): Promise<Uint8Array[]>;
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

/** How long a value is good for, and how much longer it is kept. A value's expiry is both together. */
export type Lifetime = { readonly ttlMs: number; readonly graceMs: number };

const SCAN_COUNT = 500;
/** Told of a value that was replaced. */
const REPLACED_BYTES = 2048;
/** PTTL's answer for it. */
const NEVER_EXPIRES = -1;
const NO_STRING = Buffer.from("\0");
/** Reads renew a value this often while it lives: to write at each would cost replicas and the log as much as a `SET`. */
const RENEWALS_PER_TTL = 4;

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
  /** Nobody waits for it; the next read tries again. */
  const renewUnwaited = (key: string, ms: number): void => {
    const { signal } = new AbortController();
    redis.run((client) => client.pexpire(key, wholeMs(ms)), write({ signal })).catch(() => {});
  };
  return {
    get state() {
      return redis.state;
    },
    whenUp: (options) => redis.whenUp(options),

    async getFresh(key, { ttlMs, graceMs }, options) {
      // Two commands in one packet: a script of them costs Redis several times as much.
      const both = (client: RedisClient) => Promise.all([client.pttl(key), client.getBuffer(key)]);
      const [leftMs, value] = await redis.run(both, read(options));
      if (value === null || !isFresh(leftMs, graceMs)) return undefined;
      const goneMs = ttlMs + graceMs - leftMs;
      if (leftMs === NEVER_EXPIRES || goneMs >= ttlMs / RENEWALS_PER_TTL) renewUnwaited(key, ttlMs + graceMs);
      return value;
    },

    get: async (key, options) => (await redis.run((client) => client.getBuffer(key), read(options))) ?? undefined,

    async set(key, value, ttlMs, options) {
      // Two commands in one packet: SET's own GET would send the old value back.
      const both = (client: RedisClient) =>
        Promise.all([
          client.getrangeBuffer(key, 0, REPLACED_BYTES - 1).catch(notString),
          client.set(key, asBuffer(value), "PX", wholeMs(ttlMs)),
        ]);
      const [replaced] = await redis.runWrite(both, write(options));
      return replaced.byteLength > 0 ? replaced : undefined;
    },

    async replace(key, value, ttlMs, options) {
      const set = (client: RedisClient) => client.set(key, asBuffer(value), "PX", wholeMs(ttlMs), "XX");
      return (await redis.runWrite(set, write(options))) === "OK";
    },

    async exists(keys, { graceMs = 0, ...options }) {
      // One command per key, sent together: several keys in one command would have to share a cluster slot.
      const leftMs = await redis.run((client) => Promise.all(keys.map((key) => client.pttl(key))), read(options));
      return leftMs.map((ms) => isFresh(ms, graceMs));
    },

    renew: async (key, ttlMs, options) =>
      (await redis.run((client) => client.pexpire(key, wholeMs(ttlMs)), write(options))) === 1,

    unlink: async (key, options) => (await redis.run((client) => client.unlink(key), write(options))) === 1,

    async unlinkEach(keys, options) {
      const all = (client: RedisClient) => Promise.all(keys.map((key) => client.unlink(key)));
      return (await redis.run(all, write(options))).reduce((sum, count) => sum + count, 0);
    },

    async *scan(pattern, options) {
      const masters = await redis.run(async (client) => mastersOf(client), write(options));
      for (const master of masters) {
        let cursor = "0";
        do {
          const scan = () => master.scan(cursor, "MATCH", pattern, "COUNT", SCAN_COUNT);
          const [next, keys] = await redis.run(scan, write(options));
          if (keys.length > 0) yield keys;
          cursor = next;
        } while (cursor !== "0");
      }
    },

    heads(keys, bytes, options) {
      const head = (client: RedisClient, key: string) =>
        client.getrangeBuffer(key, 0, bytes - 1).catch(emptyIfNoString);
      return redis.run((client) => Promise.all(keys.map((key) => head(client, key))), write(options));
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

/** Of another type than ours: something was there. */
function notString(error: unknown): Buffer {
  return emptyIfNoString(error).byteLength === 0 ? NO_STRING : Buffer.alloc(0);
}

function emptyIfNoString(error: unknown): Buffer {
  if (error instanceof Error && error.message.startsWith("WRONGTYPE")) return Buffer.alloc(0);
  throw error;
}

/** A view, not a copy. */
function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Of PTTL's answer: -2 is no such key. */
function isFresh(leftMs: number, graceMs: number): boolean {
  return leftMs === NEVER_EXPIRES || leftMs > graceMs || (graceMs === 0 && leftMs === 0);
}

function wholeMs(ttlMs: number): number {
  return Math.max(1, Math.ceil(ttlMs));
}
