import { METRICS, type MetricSpec } from "./metric-table.ts";
import type { Sample } from "./sample.ts";

/** Samples of several processes as those of one: sums, or for a few gauges the largest or smallest. */
export function mergeSamples(all: Iterable<Iterable<Sample>>): Sample[] {
  const merged = new Map<string, Sample>();
  for (const samples of all) {
    for (const sample of samples) {
      const [name, value, labels, suffix] = sample;
      const series = JSON.stringify([name, suffix, labels]);
      const known = merged.get(series);
      merged.set(series, known === undefined ? sample : [name, together(name, known[1], value), labels, suffix]);
    }
  }
  return [...merged.values()];
}

function together(name: keyof typeof METRICS, a: number, b: number): number {
  const { together: how }: MetricSpec = METRICS[name];
  return how === undefined ? a + b : Math[how](a, b);
}
