import type { METRICS } from "./metric-table.ts";

export type MetricName = keyof typeof METRICS;

/** One value at a scrape. `suffix`: which part of a histogram it is. */
export type Sample = readonly [
  name: MetricName,
  value: number,
  labels?: Readonly<Record<string, string>>,
  suffix?: "_bucket" | "_sum" | "_count",
];
