import { bytes, count, duration, percent } from "../shared/wording.ts";
import type { ChartSpec, Line } from "./time-chart.ts";

const UTTERANCES = ["utteranceHits", "utterancePartials", "utteranceShared", "utteranceMisses"] as const;
const SEGMENTS = ["hits", "stale", "coalesced", "misses"] as const;
const latency = (label: string, name: "hitP50" | "hitP95" | "missP50" | "missP95", color: string): Line => ({
  ...{ label, color, dashed: name.endsWith("95") },
  values: (points) => points.of(name),
});

/** What the dashboard draws. */
export const CHARTS: readonly ChartSpec[] = [
  {
    title: "Answers a second",
    format: (value) => count(value),
    // Each is drawn on top of those below it, the highest first: what is painted later covers its foot.
    lines: [
      {
        ...{ label: "made", color: "saffron", fill: true },
        values: (points) => points.rate(...UTTERANCES),
        told: (points) => points.rate("utteranceMisses"),
      },
      {
        ...{ label: "partly, shared", color: "violet", fill: true },
        values: (points) => points.rate("utteranceHits", "utterancePartials", "utteranceShared"),
        told: (points) => points.rate("utterancePartials", "utteranceShared"),
      },
      { label: "cached", color: "teal", fill: true, values: (points) => points.rate("utteranceHits") },
      { label: "refused", color: "red", dashed: true, values: (points) => points.rate("refused") },
    ],
  },
  {
    title: "From the cache",
    max: 100,
    format: percent,
    lines: [
      {
        ...{ label: "sentences", color: "violet" },
        values: (points) => points.share(["hits", "stale", "coalesced"], SEGMENTS),
      },
      { label: "whole answers", color: "teal", values: (points) => points.share(["utteranceHits"], UTTERANCES) },
    ],
  },
  {
    title: "First audio",
    log: true,
    format: duration,
    short: (value) => (value < 1000 ? `${value} ms` : `${value / 1000} s`),
    lines: [
      latency("hit p50", "hitP50", "teal"),
      latency("hit p95", "hitP95", "teal"),
      latency("miss p50", "missP50", "saffron"),
      latency("miss p95", "missP95", "saffron"),
    ],
  },
  {
    title: "Audio a second",
    format: (value) => bytes(Math.round(value)),
    short: (value) => (value < 1e6 ? `${Math.round(value / 1000)} kB` : `${value / 1e6} MB`),
    lines: [
      { label: "sent", color: "saffron", fill: true, values: (points) => points.rate("sentBytes") },
      { label: "from the cache", color: "teal", fill: true, values: (points) => points.rate("savedBytes") },
    ],
  },
  {
    title: "Open now",
    format: (value) => count(value),
    lines: [
      { label: "sockets", color: "violet", values: (points) => points.of("sockets") },
      { label: "speaking on them", color: "teal", values: (points) => points.of("utterances") },
      { label: "engine calls", color: "saffron", values: (points) => points.of("syntheses") },
    ],
  },
  {
    title: "Turned away a second",
    format: (value) => count(value),
    lines: [
      { label: "refused by a limit", color: "saffron", fill: true, values: (points) => points.rate("refused") },
      { label: "failed", color: "red", fill: true, values: (points) => points.rate("failed") },
    ],
  },
];
