const MAX_FLUSHES = 20;
const WINDOW_MS = 60_000;

/** Deepgram's bound: so many flushes in any minute. */
export class FlushBudget {
  /** Monotonic ms, oldest first. */
  readonly #at: number[] = [];

  /** False: this one is too many. */
  take(now: number): boolean {
    while (this.#at.length > 0 && now - this.#at[0]! >= WINDOW_MS) this.#at.shift();
    if (this.#at.length >= MAX_FLUSHES) return false;
    this.#at.push(now);
    return true;
  }
}
