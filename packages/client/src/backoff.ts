export type BackoffOptions = {
  /** Before the second attempt; doubled before each one after it. Default 250. */
  minMs?: number;
  /** Default 10,000. */
  maxMs?: number;
  /** How many in a row may fail before those who wait are told `unreachable`. The next to speak begins anew. Default 6. */
  maxAttempts?: number;
};

/**
 * How long to wait after the `failures`-th failed attempt in a row. Between half of the full time and all of it: clients that
 * lost the same server at the same moment do not come back at the same moment.
 */
export function backoffMs(failures: number, { minMs = 250, maxMs = 10_000 }: BackoffOptions): number {
  return Math.min(maxMs, minMs * 2 ** (failures - 1)) * (0.5 + Math.random() / 2);
}
