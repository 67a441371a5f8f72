import type { Histogram } from "./histogram.ts";
import type { Stretch, Tally } from "./tally.ts";

export type LoadContext = {
  readonly url: string;
  readonly transport: "http" | "socket";
  readonly rate: number;
  readonly users: number;
  readonly seconds: number;
  readonly rampSeconds: number;
  readonly phrases: number;
  readonly order: string;
  readonly seed: number;
  readonly voice: string;
  readonly format: string;
  readonly elapsedMs: number;
  /** Ended before its time, by hand. */
  readonly interrupted: boolean;
};

export type Quantiles = {
  readonly count: number;
  readonly meanMs: number | null;
  readonly p50Ms: number | null;
  readonly p90Ms: number | null;
  readonly p99Ms: number | null;
  readonly p999Ms: number | null;
  readonly maxMs: number | null;
};

/** Everything that a run told, as `--json` prints it. */
export type LoadReport = LoadContext & {
  readonly sent: number;
  readonly ok: number;
  readonly perSecond: number;
  readonly hitRate: number;
  /** With 429, by code. */
  readonly refused: Readonly<Record<string, number>>;
  readonly errors: Readonly<Record<string, number>>;
  readonly bytes: number;
  readonly mostWaiting: number;
  readonly firstAudio: Quantiles;
  readonly firstAudioHits: Quantiles;
  readonly firstAudioMisses: Quantiles;
  readonly whole: Quantiles;
  /** How late this program was in sending. */
  readonly lateness: Quantiles;
  readonly stretchSeconds: number;
  readonly overTime: readonly Stretch[];
};

export function loadReport(tally: Tally, context: LoadContext): LoadReport {
  return {
    ...context,
    sent: tally.sent,
    ok: tally.ok,
    perSecond: context.elapsedMs === 0 ? 0 : tally.ok / (context.elapsedMs / 1000),
    hitRate: tally.hitRate,
    refused: byCount(tally.refusals),
    errors: byCount(tally.errors),
    bytes: tally.bytes,
    mostWaiting: tally.mostWaiting,
    firstAudio: quantilesOf(tally.firstAudio),
    firstAudioHits: quantilesOf(tally.hits),
    firstAudioMisses: quantilesOf(tally.misses),
    whole: quantilesOf(tally.whole),
    lateness: quantilesOf(tally.lateness),
    stretchSeconds: tally.stretchS,
    overTime: tally.stretches,
  };
}

function byCount(counts: ReadonlyMap<string, number>): Record<string, number> {
  return Object.fromEntries([...counts].toSorted(([, a], [, b]) => b - a));
}

function quantilesOf(histogram: Histogram): Quantiles {
  const { count, meanMs, maxMs } = histogram;
  const rounded = (ms: number): number | null => (count === 0 ? null : Math.round(ms * 1000) / 1000);
  return {
    count,
    meanMs: rounded(meanMs),
    p50Ms: rounded(histogram.quantile(0.5)),
    p90Ms: rounded(histogram.quantile(0.9)),
    p99Ms: rounded(histogram.quantile(0.99)),
    p999Ms: rounded(histogram.quantile(0.999)),
    maxMs: rounded(maxMs),
  };
}

export const LATENCY_HEAD = ["", "COUNT", "MEAN", "P50", "P90", "P99", "P99.9", "MAX"] as const;

export function latencyRows(report: LoadReport): string[][] {
  const row = (name: string, { count, ...times }: Quantiles): string[] => [
    ...[name, String(count)],
    ...[times.meanMs, times.p50Ms, times.p90Ms, times.p99Ms, times.p999Ms, times.maxMs].map(shownMs),
  ];
  return [
    row("first audio", report.firstAudio),
    row("  of hits", report.firstAudioHits),
    row("  of misses", report.firstAudioMisses),
    row("whole answer", report.whole),
    row("sent late by us", report.lateness),
  ];
}

/** What the run was and what came of it, a line each. */
export function summaryLines(report: LoadReport): string[] {
  const { sent, ok, perSecond, hitRate, refused, errors, bytes, mostWaiting, elapsedMs } = report;
  const listed = (codes: Readonly<Record<string, number>>): string =>
    Object.entries(codes)
      .map(([code, count]) => `${code} ${count}`)
      .join(", ") || "none";
  const shape = `${report.rate}/s by ${report.users} users over ${report.transport}`;
  const ramp = report.rampSeconds > 0 ? `, ramp ${report.rampSeconds} s` : "";
  return [
    `${report.url}: ${shape}, ${(elapsedMs / 1000).toFixed(1)} s${ramp}${report.interrupted ? ", interrupted" : ""}`,
    `${report.phrases} phrases (${report.order}), voice ${report.voice}, ${report.format}, seed ${report.seed}`,
    `${sent} sent, ${ok} answered (${perSecond.toFixed(1)}/s), ${(bytes / 1e6).toFixed(1)} MB`,
    `hit rate ${(hitRate * 100).toFixed(1)} %`,
    `refused (429): ${listed(refused)}; errors: ${listed(errors)}`,
    ...(mostWaiting > 0 ? [`at most ${mostWaiting} waited here for a connection; their wait is counted`] : []),
  ];
}

export function shownMs(ms: number | null): string {
  if (ms === null) return "-";
  if (ms < 10) return `${ms.toFixed(2)} ms`;
  return ms < 10_000 ? `${ms.toFixed(ms < 100 ? 1 : 0)} ms` : `${(ms / 1000).toFixed(1)} s`;
}
