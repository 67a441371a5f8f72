/** Messages that may come at once on top of the rate: an LLM's whole answer in pieces. */
const BURST_SECONDS = 5;

/** How many messages one socket may still send: a bucket that fills at a steady rate. */
export class MessageRate {
  readonly #perSecond: number;
  #left: number;
  #at: number;

  /** `now`: monotonic ms, as of `take`. */
  constructor(perSecond: number, now: number) {
    this.#perSecond = perSecond;
    this.#left = perSecond * BURST_SECONDS;
    this.#at = now;
  }

  /** False: this one is too many. */
  take(now: number): boolean {
    const filled = this.#left + ((now - this.#at) / 1000) * this.#perSecond;
    this.#left = Math.min(this.#perSecond * BURST_SECONDS, filled) - 1;
    this.#at = now;
    return this.#left >= 0;
  }
}
