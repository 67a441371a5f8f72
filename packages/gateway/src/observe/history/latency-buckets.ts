/**
 * Latencies as counts in buckets that grow by two fifths each, from 0.1 ms to 13 s. Counts of several seconds can be added
 * up, which quantiles cannot; what comes out is within a fifth of the truth.
 */
const FIRST_MS = 0.1;
const RATIO = 1.4;
export const LATENCY_BUCKETS = 36;
const LAST = LATENCY_BUCKETS - 1;

/** The bucket that counts a latency. */
export function bucketOf(ms: number): number {
  if (!(ms > FIRST_MS)) return 0;
  return Math.min(LAST, Math.ceil(Math.log(ms / FIRST_MS) / Math.log(RATIO)));
}

/** The latency that this share of all counted ones stayed below; null: none was counted. */
export function quantileMs(counts: ArrayLike<number>, share: number): number | null {
  let total = 0;
  for (let bucket = 0; bucket < LATENCY_BUCKETS; bucket++) total += counts[bucket]!;
  if (total === 0) return null;
  let below = 0;
  for (let bucket = 0; bucket < LATENCY_BUCKETS; bucket++) {
    const count = counts[bucket]!;
    if (count > 0 && below + count >= share * total) {
      // Within a bucket they are taken to be spread evenly over its logarithm; of the last only the beginning is known.
      const part = bucket === LAST ? 0 : (share * total - below) / count;
      return FIRST_MS * RATIO ** (bucket - 1 + part);
    }
    below += count;
  }
  return null;
}
