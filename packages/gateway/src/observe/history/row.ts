import { HISTORY_COUNTS, HISTORY_LATENCIES, HISTORY_PEAKS, type HistoryPoint } from "@mynah/protocol";
import { LATENCY_BUCKETS, quantileMs } from "./latency-buckets.ts";

export type CountName = (typeof HISTORY_COUNTS)[number];
export type PeakName = (typeof HISTORY_PEAKS)[number];
type Numbers = Float32Array | Float64Array;

// A row: counts, peaks, then the latencies of hits and of misses, a count per bucket.
const PEAKS_AT = HISTORY_COUNTS.length;
const HITS_AT = PEAKS_AT + HISTORY_PEAKS.length;
const MISSES_AT = HITS_AT + LATENCY_BUCKETS;
/** Numbers of a row. */
export const ROW_LENGTH = MISSES_AT + LATENCY_BUCKETS;

export const LATENCIES_AT = { hit: HITS_AT, miss: MISSES_AT } as const;
/** Where in a row a count stands. */
export const COUNT_AT = Object.fromEntries(HISTORY_COUNTS.map((name, at) => [name, at])) as Record<CountName, number>;

/** Raises the peaks of a row to what is so now. */
export function raisePeaks(row: Numbers, now: Readonly<Record<PeakName, number>>): void {
  for (const [at, name] of HISTORY_PEAKS.entries()) row[PEAKS_AT + at] = Math.max(row[PEAKS_AT + at]!, now[name]);
}

/** Adds a shorter time to a longer one that holds it. */
export function addRow(to: Numbers, from: Numbers): void {
  for (let at = 0; at < ROW_LENGTH; at++)
    to[at] = at >= PEAKS_AT && at < HITS_AT ? Math.max(to[at]!, from[at]!) : to[at]! + from[at]!;
}

/** What a row says, by name. */
export function pointOf(row: Numbers, atMs: number): HistoryPoint {
  const hits = row.subarray(HITS_AT, MISSES_AT);
  const misses = row.subarray(MISSES_AT, ROW_LENGTH);
  const point: Record<string, number | null> = { atMs };
  for (const [at, name] of HISTORY_COUNTS.entries()) point[name] = rounded(row[at]!);
  for (const [at, name] of HISTORY_PEAKS.entries()) point[name] = row[PEAKS_AT + at]!;
  for (const name of HISTORY_LATENCIES) {
    const ms = quantileMs(name.startsWith("hit") ? hits : misses, Number(name.slice(-2)) / 100);
    point[name] = ms === null ? null : rounded(ms);
  }
  return point as HistoryPoint;
}

/** Four digits behind the point: more of a row would be noise, and has to be sent. */
function rounded(value: number): number {
  return Number.isInteger(value) ? value : Math.round(value * 10_000) / 10_000;
}
