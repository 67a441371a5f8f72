import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { parse as parseYaml } from "yaml";
import { ERROR_CODES } from "../../src/core/errors.ts";
import { METRICS, type MetricSpec } from "../../src/observe/metric-table.ts";

const root = new URL("../../../../", import.meta.url);
const RULES = "deploy/prometheus/alerts.yaml";
const read = (path: string) => readFileSync(new URL(path, root), "utf8");
const table: Readonly<Record<string, MetricSpec>> = METRICS;

type Rule = {
  alert: string;
  expr: string;
  for?: string;
  labels: { severity: string };
  annotations: Record<string, string>;
};
const rules = (parseYaml(read(RULES)) as { groups: { rules: Rule[] }[] }).groups.flatMap((group) => group.rules);
type Panel = {
  id: number;
  title: string;
  type: string;
  targets?: { expr: string }[];
  gridPos: Record<"x" | "y" | "w" | "h", number>;
};
const dashboard = JSON.parse(read("deploy/grafana/mynah.json")) as { panels: Panel[] };
const expressions = [...rules, ...dashboard.panels.flatMap(({ targets = [] }) => targets)].map(({ expr }) => expr);

/** The metric that a name in an expression belongs to. */
function metricOf(name: string): string | undefined {
  if (name in table) return name;
  const base = name.replace(/_(bucket|sum|count)$/, "");
  return table[base]?.type === "histogram" ? base : undefined;
}
const namesIn = (text: string): string[] => text.match(/\b(?:mynah|process|nodejs)_[a-z0-9_]+\b/g) ?? [];

describe("dashboard and alerts", () => {
  it("name no metric that does not exist, nor do the documents", () => {
    const texts = [RULES, "deploy/grafana/mynah.json", "docs/operations.md", "docs/metrics.md"].map(read);
    const names = texts.flatMap(namesIn);
    expect(names.length).toBeGreaterThan(100);
    expect(names.filter((name) => metricOf(name) === undefined)).toEqual([]);
  });

  it("show every metric of ours somewhere, but those that only explain others", () => {
    const shown = new Set(expressions.flatMap(namesIn).map(metricOf));
    const missing = Object.keys(table).filter((name) => name.startsWith("mynah_") && !shown.has(name));
    expect(missing.sort()).toEqual([
      "mynah_cache_memory_entries",
      "mynah_redis_keys",
      "mynah_saved_audio_seconds_total",
      "mynah_store_written_bytes_total",
      "mynah_synthesized_bytes_total",
    ]);
  });

  it.each(expressions)("use labels that the metrics have: %s", (expr) => {
    const allowed = new Set([
      "instance",
      "job",
      "le",
      ...namesIn(expr).flatMap((name) => Object.keys(table[metricOf(name)!]?.labels ?? {})),
    ]);
    const grouped = [...expr.matchAll(/\bby \(([^)]*)\)/g)].flatMap(([, list]) =>
      list!.split(",").map((label) => label.trim()),
    );
    const matched = [...expr.matchAll(/\{([^}]*)\}/g)].flatMap(([, list]) =>
      [...list!.matchAll(/(\w+)(?:=~|!~|!=|=)"/g)].map(([, label]) => label!),
    );
    expect([...grouped, ...matched].filter((label) => !allowed.has(label))).toEqual([]);
    expect(expr.replaceAll(/[^()]/g, "").length % 2).toBe(0);
  });

  it("ask rates of counters and of nothing else, and quantiles of histograms", () => {
    for (const expr of expressions) {
      for (const [, name] of expr.matchAll(/(?:rate|increase)\((\w+)/g)) {
        const { type } = table[metricOf(name!)!]!;
        expect([name, type]).toEqual([name, name!.endsWith("_bucket") ? "histogram" : "counter"]);
      }
      if (expr.includes("histogram_quantile")) expect(expr).toMatch(/by \((?:\w+, )?le\) \(rate\(\w+_bucket|by \(le\)/);
    }
  });

  it("name error codes that exist", () => {
    const codes = expressions.flatMap((expr) => [...expr.matchAll(/code=~"([^"]*)"/g)].map(([, pattern]) => pattern!));
    expect(codes.length).toBeGreaterThan(0);
    for (const pattern of codes) {
      const flat = pattern.replace(/engine_\(([^)]*)\)/, (_, list: string) =>
        list
          .split("|")
          .map((code) => `engine_${code}`)
          .join("|"),
      );
      for (const code of flat.split("|")) expect(Object.keys(ERROR_CODES)).toContain(code);
    }
  });

  it("have panels that do not overlap, and alerts that say what to do", () => {
    expect(new Set(dashboard.panels.map(({ id }) => id)).size).toBe(dashboard.panels.length);
    const cells = dashboard.panels.flatMap(({ gridPos: { x, y, w, h } }) =>
      Array.from({ length: w * h }, (_, at) => `${x + (at % w)},${y + Math.floor(at / w)}`),
    );
    expect(new Set(cells).size).toBe(cells.length);
    for (const { alert, labels, annotations } of rules) {
      expect(alert).toMatch(/^Mynah[A-Z]/);
      expect(["warning", "critical"]).toContain(labels.severity);
      expect(annotations.summary!.length).toBeGreaterThan(10);
      expect(annotations.description!.length).toBeGreaterThan(20);
    }
  });

  it("are rules that promtool accepts", ({ skip }) => {
    try {
      execFileSync("promtool", ["--version"], { stdio: "ignore" });
    } catch {
      process.stdout.write("skipped: the alert rules' syntax, because promtool is not installed\n");
      return skip();
    }
    execFileSync("promtool", ["check", "rules", fileURLToPath(new URL(RULES, root))]);
  });
});
