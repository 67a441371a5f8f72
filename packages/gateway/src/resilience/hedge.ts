import type { RollingQuantiles } from "./rolling.ts";

export type HedgeBudgetOptions = {
  /** Second calls for each first one, in the long run. Default 0.07. */
  readonly share?: number;
  /** Most that may be made in a row. Default 20. */
  readonly burst?: number;
};

/** Ready from the start, so that a slow answer among the first is not left alone. */
const AT_START = 3;

/** How many second calls are allowed: each first call earns a share of one. Without it, hedging doubles the load of what is already slow. */
export class HedgeBudget {
  readonly #share: number;
  readonly #burst: number;
  #left: number;

  constructor({ share = 0.07, burst = 20 }: HedgeBudgetOptions = {}) {
    this.#share = share;
    this.#burst = burst;
    this.#left = Math.min(AT_START, burst);
  }

  /** A first call was made. */
  earn(): void {
    this.#left = Math.min(this.#burst, this.#left + this.#share);
  }

  /** True: a second one may be made, and is counted. */
  spend(): boolean {
    if (this.#left < 1) return false;
    this.#left--;
    return true;
  }
}

/** Fewer answers than this tell nothing of what is usual. */
const MIN_ANSWERS = 20;
const USUAL = 0.95;
/** A shorter wait would be spent on the jitter of the machine. */
const MIN_DELAY_MS = 20;

/** How long an answer may take before a second one is asked for: longer than 95 % of them took. Undefined: not known yet. */
export function hedgeDelayMs(firstAnswers: RollingQuantiles): number | undefined {
  const usual = firstAnswers.count < MIN_ANSWERS ? undefined : firstAnswers.quantile(USUAL);
  return usual === undefined ? undefined : Math.max(MIN_DELAY_MS, usual);
}
