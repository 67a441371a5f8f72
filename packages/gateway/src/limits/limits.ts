import { randomUUID } from "node:crypto";
import type { Clock } from "../core/clock.ts";
import type { CallOptions, RateLimiter } from "../core/ports.ts";
import type { Allowance, Subject, WindowState } from "../core/quota.ts";
import type { RedisPort } from "../redis/redis-port.ts";
import { MemoryRateLimiter } from "./memory-rate-limiter.ts";
import { RedisRateLimiter } from "./redis-rate-limiter.ts";
import { RefusalCounts } from "./refusal-counts.ts";
import { ResilientRateLimiter } from "./resilient-rate-limiter.ts";
import { announceReset, type RefusedUser, Servers } from "./servers.ts";

export type LimitsOptions = {
  readonly allowanceOf: (subject: Subject) => Allowance;
  readonly clock: Clock;
  /** Absent: this server is the only one. */
  readonly redis?: RedisPort | undefined;
  readonly servers?: number | undefined;
  readonly onFailure?: (error: unknown) => void;
};

/** What an administrator may ask about limits, and the limiter itself. */
export type Limits = {
  readonly limiter: RateLimiter;
  /** Servers that share the limits, as far as is known. */
  readonly servers: () => number;
  /** Note that a user was refused. */
  readonly refused: (user: string) => void;
  state(subject: Subject, options: CallOptions): Promise<readonly WindowState[]>;
  /** Forgets what a user took, here and on every other server within seconds. Rejects if Redis cannot be reached. */
  reset(subject: Subject, options: CallOptions): Promise<void>;
  mostRefused(limit: number, options: CallOptions): Promise<readonly RefusedUser[]>;
  close(): Promise<void>;
};

const MAX_COUNTED_NAMES = 1_000;

/** The limiter that fits: for one server in memory, for several in Redis with the memory behind it. */
export function openLimits({ allowanceOf, clock, redis, servers: fixed, onFailure }: LimitsOptions): Limits {
  const counts = new RefusalCounts({ max: MAX_COUNTED_NAMES });
  const refused = (user: string): void => counts.add(user);
  if (redis === undefined) {
    const limiter = new MemoryRateLimiter({ clock, allowanceOf });
    return {
      limiter,
      refused,
      servers: () => fixed ?? 1,
      state: (subject, options) => limiter.peek(subject, options),
      reset: (subject, options) => limiter.reset(subject, options),
      mostRefused: async (limit) => counts.top(limit),
      close: () => limiter.close(),
    };
  }
  const servers = new Servers({
    redis,
    clock,
    fixed,
    id: randomUUID(),
    onReset: () => limiter.forgetRefusals(),
    drainRefused: () => counts.drain(),
  });
  const limiter = new ResilientRateLimiter({
    shared: new RedisRateLimiter({ redis, clock, allowanceOf }),
    clock,
    servers: () => servers.count,
    isUp: () => redis.state === "up",
    ...(onFailure && { onFailure }),
  });
  const closed = new AbortController();
  void reconcileWhenBack(redis, limiter, clock, closed.signal);
  return {
    limiter,
    refused,
    servers: () => servers.count,
    state: (subject, options) => limiter.peek(subject, options),
    async reset(subject, options) {
      await limiter.reset(subject, options);
      await announceReset(redis, options);
    },
    mostRefused: (limit, { signal }) => servers.mostRefused(limit, signal),
    async close() {
      closed.abort();
      servers.close();
      await limiter.close();
    },
  };
}

const LOOK_EVERY_MS = 200;

/** Tells Redis of the admissions of an outage as soon as it is back. */
async function reconcileWhenBack(
  redis: RedisPort,
  limiter: ResilientRateLimiter,
  clock: Clock,
  signal: AbortSignal,
): Promise<void> {
  try {
    for (;;) {
      await clock.sleep(LOOK_EVERY_MS, signal);
      if (limiter.untold > 0 && redis.state === "up") await limiter.reconcile();
    }
  } catch {
    // closed
  }
}
