import type { Clock } from "../core/clock.ts";

/** The latest values, never more than `size`, and how they are spread. */
export class RollingQuantiles {
  readonly #values: Float64Array;
  #count = 0;
  #next = 0;
  #sorted: Float64Array | undefined;

  constructor({ size }: { readonly size: number }) {
    this.#values = new Float64Array(size);
  }

  get count(): number {
    return this.#count;
  }

  add(value: number): void {
    this.#values[this.#next] = value;
    this.#next = (this.#next + 1) % this.#values.length;
    this.#count = Math.min(this.#count + 1, this.#values.length);
    this.#sorted = undefined;
  }

  /** The value that a share `q` of them do not exceed; undefined while there are none. */
  quantile(q: number): number | undefined {
    this.#sorted ??= this.#values.slice(0, this.#count).sort();
    return this.#sorted[Math.max(0, Math.ceil(q * this.#count) - 1)];
  }

  clear(): void {
    this.#count = 0;
    this.#next = 0;
    this.#sorted = undefined;
  }
}

export type Counts = { readonly succeeded: number; readonly failed: number };
type Bucket = { slot: number; succeeded: number; failed: number };

/** Successes and failures of the last `windowMs`, forgotten a bucket at a time. */
export class RollingCounts {
  readonly #clock: Clock;
  readonly #bucketMs: number;
  readonly #buckets: Bucket[];

  constructor({ clock, windowMs, buckets = 10 }: { clock: Clock; windowMs: number; buckets?: number }) {
    this.#clock = clock;
    this.#bucketMs = windowMs / buckets;
    this.#buckets = Array.from({ length: buckets }, () => ({ slot: -1, succeeded: 0, failed: 0 }));
  }

  add(outcome: keyof Counts): void {
    const slot = this.#slot();
    const bucket = this.#buckets[slot % this.#buckets.length]!;
    if (bucket.slot !== slot) Object.assign(bucket, { slot, succeeded: 0, failed: 0 });
    bucket[outcome]++;
  }

  get totals(): Counts {
    const oldest = this.#slot() - this.#buckets.length + 1;
    let succeeded = 0;
    let failed = 0;
    for (const bucket of this.#buckets) {
      if (bucket.slot < oldest) continue;
      succeeded += bucket.succeeded;
      failed += bucket.failed;
    }
    return { succeeded, failed };
  }

  clear(): void {
    for (const bucket of this.#buckets) bucket.slot = -1;
  }

  #slot(): number {
    return Math.floor(this.#clock.monotonic() / this.#bucketMs);
  }
}
