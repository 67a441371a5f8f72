/**
 * True sliding windows for one process: the time of every admission is kept, so no burst fits across an edge.
 * A subject's admissions are one ring for all windows. A window is full while its limit-th newest admission is younger
 * than its length, so nothing older than the largest limit is ever needed, and a refusal writes nothing.
 */
import type { Clock } from "../core/clock.ts";
import { SpeechError } from "../core/errors.ts";
import type { CallOptions, RateLimiter } from "../core/ports.ts";
import type { Decision, Window, WindowState } from "../core/quota.ts";

export type MemoryRateLimiterOptions = {
  readonly windows: readonly Window[];
  readonly clock: Clock;
  /**
   * How many subjects are remembered. Beyond it the one whose last admission is longest ago is forgotten, and so starts
   * anew: a flood of names must cost neither memory nor a request. Names are kept as they are; hash long ones first.
   */
  readonly maxSubjects?: number;
};

const DEFAULT_MAX_SUBJECTS = 50_000;
const US_PER_MS = 1000;

/**
 * Without windows it admits everything. Throws `internal` for a limit below 1 or a length that is not positive: what 0
 * means ("unlimited", "never") is the caller's to decide.
 *
 * Time is monotonic: within one process nothing else needs to agree on it, and a wall clock set back would lock users
 * out for as long as it jumped.
 */
export function memoryRateLimiter({ windows, clock, maxSubjects }: MemoryRateLimiterOptions): RateLimiter {
  for (const { name, limit, lengthMs } of windows) {
    if (!(Number.isInteger(limit) && limit >= 1 && lengthMs > 0)) {
      throw new SpeechError("internal", `window ${name} needs a whole limit >= 1 and a length > 0`);
    }
  }
  const subjects = new SubjectMap(
    Math.max(1, maxSubjects ?? DEFAULT_MAX_SUBJECTS),
    Math.max(0, ...windows.map(({ limit }) => limit)),
    Math.max(0, ...windows.map(({ lengthMs }) => lengthMs)) * US_PER_MS,
  );
  return {
    windows,
    async take(subject: string, { signal }: CallOptions): Promise<Decision> {
      signal.throwIfAborted(); // an abandoned request is not charged
      if (windows.length === 0) return { admitted: true, states: [] };
      // Whole microseconds: sums and differences of them are exact, those of fractional milliseconds are not.
      const now = Math.round(clock.monotonic() * US_PER_MS);
      subjects.forgetIdle(now);
      const log = subjects.get(subject);
      const states = windows.map((window) => stateOf(window, log, now));
      const refusal = lastToOpen(states);
      if (refusal !== undefined) {
        return { admitted: false, retryAfterMs: refusal.resetMs, window: refusal.window, states };
      }
      const charged = subjects.admit(subject, now);
      return { admitted: true, states: windows.map((window) => stateOf(window, charged, now)) };
    },
    async close() {
      subjects.clear();
    },
  };
}

function stateOf(window: Window, log: AdmissionLog | undefined, now: number): WindowState {
  const lengthUs = window.lengthMs * US_PER_MS;
  const used = log?.countAfter(now - lengthUs) ?? 0;
  if (log === undefined || used < window.limit) return { window, remaining: window.limit - used, resetMs: 0 };
  const freedAt = log.newest(window.limit) + lengthUs;
  return { window, remaining: 0, resetMs: Math.ceil((freedAt - now) / US_PER_MS) };
}

function lastToOpen(states: readonly WindowState[]): WindowState | undefined {
  let last: WindowState | undefined;
  for (const state of states) {
    if (state.remaining === 0 && (last === undefined || state.resetMs > last.resetMs)) last = state;
  }
  return last;
}

/** Logs by subject, in the order of their last admission, so that idle ones are always in front. */
class SubjectMap {
  readonly #logs = new Map<string, AdmissionLog>();
  readonly #maxSubjects: number;
  readonly #maxEntries: number;
  readonly #idleUs: number;

  constructor(maxSubjects: number, maxEntries: number, idleUs: number) {
    this.#maxSubjects = maxSubjects;
    this.#maxEntries = maxEntries;
    this.#idleUs = idleUs;
  }

  get(subject: string): AdmissionLog | undefined {
    return this.#logs.get(subject);
  }

  /** At most two a call, while a call adds at most one: amortised O(1), and a quiet crowd still drains. */
  forgetIdle(now: number): void {
    let budget = 2;
    for (const [subject, log] of this.#logs) {
      if (budget-- === 0 || log.newest(1) + this.#idleUs > now) return;
      this.#logs.delete(subject);
    }
  }

  admit(subject: string, now: number): AdmissionLog {
    const log = this.#logs.get(subject) ?? new AdmissionLog(this.#maxEntries);
    log.add(now, now - this.#idleUs);
    this.#logs.delete(subject);
    this.#logs.set(subject, log);
    if (this.#logs.size > this.#maxSubjects) this.#logs.delete(this.#logs.keys().next().value!);
    return log;
  }

  clear(): void {
    this.#logs.clear();
  }
}

/** Admission times in ascending order: a ring that grows to `maxEntries` and then overwrites its oldest. */
class AdmissionLog {
  readonly #maxEntries: number;
  #times: Float64Array;
  #first = 0;
  #count = 0;

  constructor(maxEntries: number) {
    this.#maxEntries = maxEntries;
    this.#times = new Float64Array(Math.min(8, maxEntries));
  }

  /** The n-th newest time, n from 1 to the number held. */
  newest(n: number): number {
    return this.#times[(this.#first + this.#count - n) % this.#times.length]!;
  }

  /** How many are later than `time`. */
  countAfter(time: number): number {
    let low = 0;
    let high = this.#count;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.newest(middle) > time) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  /** Entries up to `expired` make room before the ring grows. */
  add(time: number, expired: number): void {
    while (this.#count > 0 && this.newest(this.#count) <= expired) this.#dropOldest();
    if (this.#count === this.#times.length) {
      if (this.#count === this.#maxEntries) this.#dropOldest();
      else this.#grow();
    }
    this.#times[(this.#first + this.#count) % this.#times.length] = time;
    this.#count++;
  }

  #dropOldest(): void {
    this.#first = (this.#first + 1) % this.#times.length;
    this.#count--;
  }

  #grow(): void {
    const grown = new Float64Array(Math.min(this.#times.length * 2, this.#maxEntries));
    for (let n = 0; n < this.#count; n++) grown[n] = this.newest(this.#count - n);
    this.#times = grown;
    this.#first = 0;
  }
}
