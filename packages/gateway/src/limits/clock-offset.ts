/** Samples after which the estimate begins anew, so that it follows clocks that drift. */
const MAX_AGE_MS = 60_000;

/**
 * How far another machine's clock is ahead of ours. Its answer was written after our question was sent, so
 * `theirs - sentAt` is never less than the truth; the smallest of several is close to it. An upper bound is what
 * deadlines need: with it a call is never judged late too early.
 */
export class ClockOffset {
  #most: number | undefined;
  #previous: number | undefined;
  #since = Number.NEGATIVE_INFINITY;

  /** Undefined before the first answer. */
  get most(): number | undefined {
    if (this.#most === undefined || this.#previous === undefined) return this.#most ?? this.#previous;
    return Math.min(this.#most, this.#previous);
  }

  learn(theirs: number, sentAt: number, receivedAt: number): void {
    if (receivedAt - this.#since > MAX_AGE_MS) {
      this.#previous = this.#most;
      this.#most = undefined;
      this.#since = receivedAt;
    }
    const offset = theirs + 1 - sentAt; // their milliseconds are cut off
    this.#most = this.#most === undefined ? offset : Math.min(this.#most, offset);
  }

  forget(): void {
    this.#most = undefined;
    this.#previous = undefined;
  }
}
