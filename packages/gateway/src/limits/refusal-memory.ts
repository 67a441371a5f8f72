import type { Clock } from "../core/clock.ts";
import type { Allowance, Cost, Refusal, WindowState } from "../core/quota.ts";
import { unitOf } from "../core/quota.ts";

type Remembered = {
  readonly allowance: Allowance;
  readonly cost: Cost;
  readonly refusal: Refusal;
  readonly atMs: number;
};

/**
 * Refusals whose time is not over: whoever keeps asking costs Redis nothing. A refusal holds for the same cost or more,
 * as long as the windows are the same. Counted from when the answer was here, which is a little later than Redis
 * reckons: whoever follows `retryAfterMs`, counted from our answer, is never early.
 */
export class RefusalMemory {
  readonly #clock: Clock;
  readonly #max: number;
  readonly #refusals = new Map<string, Remembered>();

  constructor({ clock, max }: { clock: Clock; max: number }) {
    this.#clock = clock;
    this.#max = max;
  }

  get size(): number {
    return this.#refusals.size;
  }

  get(key: string, allowance: Allowance, cost: Cost): Refusal | undefined {
    const known = this.#refusals.get(key);
    if (known === undefined) return undefined;
    const passedMs = this.#clock.monotonic() - known.atMs;
    if (passedMs >= known.refusal.retryAfterMs || known.allowance !== allowance) {
      this.#refusals.delete(key);
      return undefined;
    }
    if (cost.requests < known.cost.requests || cost.characters < known.cost.characters) return undefined;
    return later(known.refusal, passedMs);
  }

  /** A refused stream is not remembered: another may end at any moment. */
  add(key: string, allowance: Allowance, cost: Cost, refusal: Refusal): void {
    if (unitOf(refusal.window) === "streams") return;
    this.#refusals.delete(key);
    this.#refusals.set(key, { allowance, cost, refusal, atMs: this.#clock.monotonic() });
    // The oldest goes: to forget a refusal costs one call, no more.
    if (this.#refusals.size > this.#max) this.#refusals.delete(this.#refusals.keys().next().value!);
  }

  delete(key: string): void {
    this.#refusals.delete(key);
  }

  clear(): void {
    this.#refusals.clear();
  }
}

function later(refusal: Refusal, passedMs: number): Refusal {
  const left = (ms: number): number => Math.max(0, Math.ceil(ms - passedMs));
  const states = refusal.states.map((state): WindowState => ({ ...state, resetMs: left(state.resetMs) }));
  return { ...refusal, retryAfterMs: left(refusal.retryAfterMs), states };
}
