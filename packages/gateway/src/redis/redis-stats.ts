import { randomUUID } from "node:crypto";
import type { CallOptions } from "../core/ports.ts";
import type { GuardedRedis } from "./guarded-redis.ts";
import { STATS_KEY, statsBatchKey } from "./keys.ts";
import { RedisError } from "./redis-error.ts";
import { loadScript } from "./script.ts";

export type StatsBatch = {
  /** Unlike the one before; the same when it is sent again. */
  readonly number: number;
  /** Whole numbers. */
  readonly counts: Readonly<Record<string, number>>;
};

const REMEMBER_BATCH_MS = 24 * 3600 * 1000;
const script = loadScript(new URL("lua/add-stats.lua", import.meta.url));

/** Counters over all servers, in one hash. Rejects with a RedisError when Redis fails. */
export class RedisStats {
  readonly #redis: GuardedRedis;
  readonly #batchKey = statsBatchKey(randomUUID());

  constructor({ redis }: { redis: GuardedRedis }) {
    this.#redis = redis;
  }

  /**
   * Adds all of it in one command, and only once however often the same batch is sent. Sent until it is taken: so it is also
   * noticed within a second that writes are refused, and that they are no more.
   */
  async add({ number, counts }: StatsBatch, { signal }: CallOptions): Promise<void> {
    const options = { signal, timeoutMs: this.#redis.writeTimeoutMs };
    const amounts = Object.entries(counts).flatMap(([field, amount]) => [field, String(amount)]);
    const args = [2, STATS_KEY, this.#batchKey, String(number), REMEMBER_BATCH_MS, ...amounts] as const;
    try {
      await this.#redis.runWrite((client) => client.evalsha(script.sha1, ...args), options);
    } catch (error) {
      if (!(error instanceof RedisError) || error.replyCode !== "NOSCRIPT") throw error;
      await this.#redis.runWrite((client) => client.eval(script.source, ...args), options);
    }
  }

  /** Every field that is a number. */
  async read({ signal }: CallOptions): Promise<Readonly<Record<string, number>>> {
    const timeoutMs = this.#redis.readTimeoutMs;
    const fields = await this.#redis.run((client) => client.hgetall(STATS_KEY), { signal, timeoutMs });
    const numbers = Object.entries(fields).map(([field, value]) => [field, Number(value)] as const);
    return Object.fromEntries(numbers.filter(([, value]) => Number.isFinite(value)));
  }
}
