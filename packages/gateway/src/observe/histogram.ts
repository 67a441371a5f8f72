import { type MetricSpec, SECONDS_BUCKETS } from "./metric-table.ts";
import type { MetricName, Sample } from "./sample.ts";
import { type ConfiguredLabels, Tally } from "./tally.ts";

/** How long things took, under at most one label. Observing is a search and three additions, and makes no garbage. */
export class Histogram {
  /** One for each bucket, the last for what is longer than all of them; not yet summed up. */
  readonly #buckets: readonly Tally[];
  readonly #seconds: Tally;

  constructor(spec: MetricSpec, configured: ConfiguredLabels) {
    this.#buckets = [...SECONDS_BUCKETS, Number.POSITIVE_INFINITY].map(() => new Tally(spec, configured));
    this.#seconds = new Tally(spec, configured);
  }

  observe(ms: number, label: string): void {
    const seconds = ms / 1000;
    let bucket = 0;
    while (bucket < SECONDS_BUCKETS.length && seconds > SECONDS_BUCKETS[bucket]!) bucket++;
    this.#buckets[bucket]!.add(1, label);
    this.#seconds.add(seconds, label);
  }

  *samples(name: MetricName): Generator<Sample> {
    for (const { labels, sum } of this.#seconds.series()) {
      let count = 0;
      for (const [at, tally] of this.#buckets.entries()) {
        count += tally.of(...Object.values(labels));
        const le = at < SECONDS_BUCKETS.length ? String(SECONDS_BUCKETS[at]) : "+Inf";
        yield [name, count, { ...labels, le }, "_bucket"];
      }
      yield [name, sum, labels, "_sum"];
      yield [name, count, labels, "_count"];
    }
  }
}
