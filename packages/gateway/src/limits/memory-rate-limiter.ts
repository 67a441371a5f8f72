/**
 * True sliding windows for one process: the time of every admission is kept, so no burst fits across an edge.
 * A user, or a tenant, has one log per unit for all its windows, and a refusal writes nothing.
 */
import type { Soon } from "../core/async.ts";
import type { Clock } from "../core/clock.ts";
import type { CallOptions, RateLimiter } from "../core/ports.ts";
import type { Allowance, Cost, Decision, QuotaUnit, Refusal, Subject, Window, WindowState } from "../core/quota.ts";
import { NOTHING_TO_SETTLE, unitOf } from "../core/quota.ts";
import { rateKey, tenantRateKey } from "../redis/keys.ts";
import { checkedAllowance, longestOf } from "./allowance.ts";
import { type SubjectLog, SubjectLogs } from "./subject-logs.ts";

export type MemoryRateLimiterOptions = {
  readonly allowanceOf: (subject: Subject) => Allowance;
  readonly clock: Clock;
  /**
   * How many users and tenants are remembered. Beyond it the one whose last admission is longest ago is forgotten, and
   * so starts anew: a flood of names must cost neither memory nor a request.
   */
  readonly maxSubjects?: number;
};

const DEFAULT_MAX_SUBJECTS = 50_000;
const US_PER_MS = 1000;
/** A stream ends when it ends; worth another try in a second. */
const STREAM_WAIT_MS = 1000;
const TIMED_UNITS = ["requests", "characters"] as const satisfies readonly QuotaUnit[];

/** One log with the windows that hold for it. */
type Counted = { readonly key: string; readonly windows: readonly Window[]; readonly log: SubjectLog | undefined };

/**
 * Without windows it admits everything. Throws `internal` for windows that cannot be kept.
 *
 * Time is monotonic: within one process nothing else needs to agree on it, and a wall clock set back would lock users
 * out for as long as it jumped.
 */
export class MemoryRateLimiter implements RateLimiter {
  readonly #options: MemoryRateLimiterOptions;
  readonly #logs: SubjectLogs;

  constructor(options: MemoryRateLimiterOptions) {
    this.#options = options;
    this.#logs = new SubjectLogs(Math.max(1, options.maxSubjects ?? DEFAULT_MAX_SUBJECTS));
  }

  allowanceOf(subject: Subject): Allowance {
    return checkedAllowance(this.#options.allowanceOf(subject));
  }

  /** All is known here: asking costs nothing. */
  knownRefusal(subject: Subject, cost: Cost): Refusal | undefined {
    return refusal(this.#counted(subject), cost, this.#now());
  }

  take(subject: Subject, cost: Cost, { signal }: CallOptions): Soon<Decision> {
    if (signal.aborted) return Promise.reject(signal.reason); // an abandoned request is not charged
    const now = this.#now();
    this.#logs.forgetIdle(now);
    const counted = this.#counted(subject);
    const refused = refusal(counted, cost, now);
    if (refused !== undefined) return refused;
    return this.#charge(counted, cost, now);
  }

  /** Charges what somebody else has admitted: nobody is asked. */
  record(subject: Subject, cost: Cost): Extract<Decision, { admitted: true }> {
    const now = this.#now();
    this.#logs.forgetIdle(now);
    return this.#charge(this.#counted(subject), cost, now);
  }

  async peek(subject: Subject, _: CallOptions): Promise<readonly WindowState[]> {
    const now = this.#now();
    return this.#counted(subject).flatMap(({ log, windows }) => windows.map((window) => stateOf(window, log, now, 1)));
  }

  async reset(subject: Subject, _: CallOptions): Promise<void> {
    this.#logs.delete(rateKey(subject));
  }

  async close(): Promise<void> {
    this.#logs.clear();
  }

  /** Whole microseconds: sums and differences of them are exact, those of fractional milliseconds are not. */
  #now(): number {
    return Math.round(this.#options.clock.monotonic() * US_PER_MS);
  }

  #counted(subject: Subject): Counted[] {
    const { user, tenant } = this.allowanceOf(subject);
    const counted: Counted[] = [];
    if (user.length > 0) counted.push(this.#countedBy(rateKey(subject), user));
    if (tenant.length > 0 && subject.tenant !== undefined)
      counted.push(this.#countedBy(tenantRateKey(subject.tenant), tenant));
    return counted;
  }

  #countedBy(key: string, windows: readonly Window[]): Counted {
    return { key, windows, log: this.#logs.get(key) };
  }

  #charge(counted: readonly Counted[], cost: Cost, now: number): Extract<Decision, { admitted: true }> {
    const states: WindowState[] = [];
    const logs: SubjectLog[] = [];
    for (const { key, windows } of counted) {
      const log = this.#logs.touch(key, { now, idleAt: now + Math.max(longestOf(windows) * US_PER_MS, 1) });
      logs.push(log);
      for (const unit of TIMED_UNITS) {
        const longest = cost[unit] > 0 ? longestOf(windows, unit) : 0;
        if (longest > 0) log[unit].add(now, cost[unit], now - longest * US_PER_MS);
      }
      log.streams += cost.streams;
      for (const window of windows) states.push(stateOf(window, log, now, 1));
    }
    this.#logs.trim();
    if (cost.characters + cost.streams === 0) return { admitted: true, states, charge: NOTHING_TO_SETTLE };
    let settled = false;
    const settle = async ({ characters }: { readonly characters: number }): Promise<void> => {
      if (settled) return;
      settled = true;
      for (const log of logs) {
        log.streams -= cost.streams;
        log.characters.refund(now, Math.min(characters, cost.characters));
      }
    };
    return { admitted: true, states, charge: { settle } };
  }
}

function refusal(counted: readonly Counted[], cost: Cost, now: number): Refusal | undefined {
  let last: { readonly window: Window; readonly waitMs: number } | undefined;
  for (const { log, windows } of counted) {
    for (const window of windows) {
      const amount = cost[unitOf(window)];
      if (amount === 0) continue;
      const waitMs = stateOf(window, log, now, amount).resetMs;
      if (waitMs > 0 && waitMs > (last?.waitMs ?? 0)) last = { window, waitMs };
    }
  }
  if (last === undefined) return undefined;
  const states = counted.flatMap(({ log, windows }) => windows.map((window) => stateOf(window, log, now, 1)));
  return { admitted: false, retryAfterMs: last.waitMs, window: last.window, states };
}

/** `resetMs`: until `amount` more fit. */
function stateOf(window: Window, log: SubjectLog | undefined, now: number, amount: number): WindowState {
  const unit = unitOf(window);
  const { limit } = window;
  if (unit === "streams") {
    const used = log?.streams ?? 0;
    return { window, remaining: Math.max(0, limit - used), resetMs: used + amount > limit ? STREAM_WAIT_MS : 0 };
  }
  const lengthUs = window.lengthMs * US_PER_MS;
  const used = log?.[unit].usedAfter(now - lengthUs) ?? 0;
  const remaining = Math.max(0, limit - used);
  if (log === undefined || used + amount <= limit) return { window, remaining, resetMs: 0 };
  if (log[unit].size === 0) return { window, remaining, resetMs: 0 }; // an amount that never fits is not ours to judge
  const freedAt = log[unit].blockedBy(limit, amount) + lengthUs;
  return { window, remaining, resetMs: Math.max(0, Math.ceil((freedAt - now) / US_PER_MS)) };
}
