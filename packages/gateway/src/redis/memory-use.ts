/**
 * How much memory our keys take in Redis, measured in the background by one server at a time: a walk by SCAN, paced
 * and bounded, that counts our keys and asks the size of some. A key space too large for the walk is extrapolated
 * from DBSIZE: SCAN goes in hash order, so what it sees first is as good as a random sample.
 */
import { setTimeout as pause } from "node:timers/promises";
import type { Redis } from "ioredis";
import type { Clock } from "../core/clock.ts";
import { mastersOf } from "./connect.ts";
import type { GuardedRedis } from "./guarded-redis.ts";
import { MEMORY_LEASE_KEY, OURS, OURS_GLOB, STATS_KEY } from "./keys.ts";

export type MemoryUseOptions = {
  /** Every server that holds keys of ours, each once. */
  readonly measured: readonly GuardedRedis[];
  /** Where the result goes, as fields of the statistics. */
  readonly state: GuardedRedis;
  readonly clock: Clock;
  /** Default 60 000. */
  readonly everyMs?: number;
};

export type Measured = { readonly keys: number; readonly bytes: number };

const STEP_KEYS = 500;
const MAX_STEPS = 200;
const SAMPLED_PER_STEP = 20;
const STEP_PAUSE_MS = 5;
/** After the start the first walk comes soon, so that a dashboard is not empty for a minute. */
const FIRST_AFTER_MS = 2_000;

export class MemoryUse {
  readonly #options: MemoryUseOptions;
  readonly #closed = new AbortController();

  constructor(options: MemoryUseOptions) {
    this.#options = options;
    void this.#loop();
  }

  close(): void {
    this.#closed.abort(new Error("closed"));
  }

  async #loop(): Promise<void> {
    const { clock, everyMs = 60_000 } = this.#options;
    const { signal } = this.#closed;
    let waitMs = Math.min(FIRST_AFTER_MS, everyMs);
    while (!signal.aborted) {
      await clock.sleep(waitMs, signal).catch(() => {});
      if (!signal.aborted) await this.#round(everyMs).catch(() => {}); // Redis is out: next time
      waitMs = everyMs;
    }
  }

  async #round(everyMs: number): Promise<void> {
    const { measured, state, clock } = this.#options;
    const { signal } = this.#closed;
    const options = { signal, timeoutMs: state.writeTimeoutMs };
    const leaseMs = Math.ceil(everyMs * 0.9);
    const mine = await state.run((client) => client.set(MEMORY_LEASE_KEY, "1", "PX", leaseMs, "NX"), options);
    if (mine === null) return; // another server is at it
    const all = await Promise.all(measured.map((redis) => measureMemory(redis, signal)));
    const sum = (of: (one: Measured) => number) => Math.round(all.reduce((total, one) => total + of(one), 0));
    const fields = {
      memory_keys: sum(({ keys }) => keys),
      memory_bytes: sum(({ bytes }) => bytes),
      memory_measured_at_ms: Math.round(clock.now()),
    };
    await state.run((client) => client.hset(STATS_KEY, fields), options);
  }
}

/** Our keys on all masters of one Redis, and the memory they take, their overhead included; both estimates. */
export async function measureMemory(redis: GuardedRedis, signal: AbortSignal): Promise<Measured> {
  const options = { signal, timeoutMs: redis.writeTimeoutMs };
  const masters = await redis.run(async (client) => mastersOf(client), options);
  let keys = 0;
  let bytes = 0;
  for (const master of masters) {
    const one = await measureMaster(redis, master, options);
    keys += one.keys;
    bytes += one.bytes;
  }
  return { keys, bytes };
}

async function measureMaster(
  redis: GuardedRedis,
  master: Redis,
  options: { signal: AbortSignal; timeoutMs: number },
): Promise<Measured> {
  const size = await redis.run(() => master.dbsize(), options);
  let cursor = "0";
  let steps = 0;
  let seen = 0;
  const sampled: number[] = [];
  do {
    const [next, found] = await redis.run(() => master.scan(cursor, "MATCH", OURS_GLOB, "COUNT", STEP_KEYS), options);
    const ours = found.filter((key) => OURS.test(key));
    seen += ours.length;
    const sizes = await redis.run(
      () => Promise.all(ours.slice(0, SAMPLED_PER_STEP).map((key) => master.memory("USAGE", key))),
      options,
    );
    sampled.push(...sizes.filter((one) => one !== null)); // gone since: expired
    cursor = next;
    steps++;
    await pause(STEP_PAUSE_MS, undefined, { signal: options.signal, ref: false });
  } while (cursor !== "0" && steps < MAX_STEPS);
  const keys = cursor === "0" ? seen : (seen * size) / Math.max(1, steps * STEP_KEYS);
  const mean = sampled.reduce((sum, one) => sum + one, 0) / Math.max(1, sampled.length);
  return { keys, bytes: keys * mean };
}
