/** Sub-buckets of each power of two: a value is told to within 1.6 %. */
const SUB_BITS = 6;
const SUBS = 1 << SUB_BITS;
const POWERS = 32;

/**
 * Counts of durations in buckets that grow with them, as HdrHistogram has them: the same precision for a microsecond and for an
 * hour, in 8 KiB whatever is counted.
 */
export class Histogram {
  readonly #counts = new Uint32Array(POWERS * SUBS);
  #count = 0;
  #maxMs = 0;
  #sumMs = 0;

  add(ms: number): void {
    this.#counts[bucketOf(ms)]!++;
    this.#count++;
    this.#sumMs += ms;
    if (ms > this.#maxMs) this.#maxMs = ms;
  }

  get count(): number {
    return this.#count;
  }
  get maxMs(): number {
    return this.#maxMs;
  }
  get meanMs(): number {
    return this.#count === 0 ? Number.NaN : this.#sumMs / this.#count;
  }

  /** The duration that this share of all were no longer than. */
  quantile(share: number): number {
    if (this.#count === 0) return Number.NaN;
    const rank = Math.max(1, Math.ceil(share * this.#count));
    let seen = 0;
    for (const [bucket, count] of this.#counts.entries()) {
      seen += count;
      if (seen >= rank) return Math.min(this.#maxMs, (lowestUs(bucket) + lowestUs(bucket + 1)) / 2000);
    }
    return this.#maxMs;
  }

  /** Neighbouring buckets taken together, `perPower` to a power of two, from the first to the last that counted. */
  bars(perPower: number): { readonly fromMs: number; readonly toMs: number; readonly count: number }[] {
    const width = SUBS / perPower;
    const found: { fromMs: number; toMs: number; count: number }[] = [];
    for (let bucket = 0; bucket < this.#counts.length; bucket += width) {
      const count = this.#counts.subarray(bucket, bucket + width).reduce((sum, one) => sum + one, 0);
      const [fromMs, toMs] = [lowestUs(bucket) / 1000, lowestUs(bucket + width) / 1000];
      if (count > 0 || found.length > 0) found.push({ fromMs, toMs, count });
    }
    return found.slice(0, found.findLastIndex(({ count }) => count > 0) + 1);
  }
}

function bucketOf(ms: number): number {
  const us = Math.max(0, Math.round(ms * 1000));
  if (us < SUBS) return us;
  const power = Math.min(POWERS - 1, 31 - Math.clz32(Math.min(us, 0x7fff_ffff)) - SUB_BITS + 1);
  return Math.min(POWERS * SUBS - 1, power * SUBS + Math.floor(us / 2 ** (power - 1)) - SUBS);
}

function lowestUs(bucket: number): number {
  const power = Math.floor(bucket / SUBS);
  const sub = bucket % SUBS;
  return power === 0 ? sub : (SUBS + sub) * 2 ** (power - 1);
}
