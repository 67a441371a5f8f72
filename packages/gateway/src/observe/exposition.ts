import { METRICS, type MetricSpec } from "./metric-table.ts";
import type { Sample } from "./sample.ts";

/** Of the text: Prometheus 0.0.4, which every scraper reads. */
export const EXPOSITION_TYPE = "text/plain; version=0.0.4; charset=utf-8";

/** Samples as text, those of one metric together, in the order of the table. */
export function exposition(samples: Iterable<Sample>): string {
  const lines = new Map<string, string[]>();
  for (const [name, value, labels = {}, suffix = ""] of samples) {
    const own = lines.get(name) ?? [];
    lines.set(name, own);
    own.push(`${name}${suffix}${inBraces(labels)} ${written(value)}`);
  }
  const all: string[] = [];
  for (const [name, { help, type }] of Object.entries<MetricSpec>(METRICS)) {
    all.push(`# HELP ${name} ${escaped(help)}`, `# TYPE ${name} ${type}`, ...(lines.get(name) ?? []), "");
  }
  return `${all.join("\n")}`;
}

function inBraces(labels: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escaped(value).replaceAll('"', '\\"')}"`);
  return pairs.length === 0 ? "" : `{${pairs.join(",")}}`;
}

function escaped(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll("\n", "\\n");
}

function written(value: number): string {
  if (Number.isFinite(value)) return String(value);
  return Number.isNaN(value) ? "NaN" : value > 0 ? "+Inf" : "-Inf";
}
