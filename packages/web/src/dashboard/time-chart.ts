import uPlot from "uplot";
import { h } from "../shared/dom.ts";
import type { Points } from "./points.ts";

export type Line = {
  readonly label: string;
  /** A colour of tokens.css. */
  readonly color: string;
  readonly fill?: boolean;
  readonly dashed?: boolean;
  readonly values: (points: Points) => readonly (number | null)[];
  /** What the legend tells, where what is drawn is stacked on others. */
  readonly told?: (points: Points) => readonly (number | null)[];
};

export type ChartSpec = {
  readonly title: string;
  readonly lines: readonly Line[];
  /** Milliseconds over four powers of ten. */
  readonly log?: boolean;
  /** Of the axis; else what is drawn decides. */
  readonly max?: number;
  readonly format: (value: number) => string;
  /** On the axis, where there is less room. */
  readonly short?: (value: number) => string;
};

export type TimeChart = { readonly element: HTMLElement; draw(points: Points): void; resize(): void };

const HEIGHT_PX = 170;
/** What a logarithmic axis is marked at, in milliseconds. */
const DECADES = [0.1, 1, 10, 100, 1000, 10_000];

/** Lines over time, with a legend that tells the newest values, or those under the pointer. */
export function timeChart(spec: ChartSpec): TimeChart {
  const plot = h("div", { class: "plot", role: "img" });
  const values = spec.lines.map(() => h("b", { class: "number" }, "–"));
  const legend = spec.lines.map(({ label, color, dashed }, at) => {
    const swatch = h("i", { class: dashed ? "swatch dashed" : "swatch", "aria-hidden": "true" });
    swatch.style.setProperty("--color", `var(--${color})`);
    return h("li", {}, swatch, label, values[at]);
  });
  const element = h(
    "figure",
    { class: "chart card" },
    h("h2", {}, spec.title),
    h("ul", { class: "legend" }, ...legend),
    plot,
  );
  let told: (readonly (number | null)[])[] = [];
  let chart: uPlot | undefined;
  let last: Points | undefined;

  function tell(index: number | null | undefined): void {
    for (const [at, value] of values.entries()) {
      const series = told[at] ?? [];
      const number = index == null ? newest(series) : series[index];
      const text = number == null ? "–" : spec.format(number);
      if (value.textContent !== text) value.textContent = text;
    }
  }
  function make(): void {
    chart?.destroy();
    plot.replaceChildren();
    chart = new uPlot(options(spec, plot.clientWidth, tell), [[], ...spec.lines.map(() => [])], plot);
  }
  addEventListener("themechange", () => {
    if (!chart) return;
    make(); // colours are drawn, not styled
    if (last) draw(last);
  });
  function draw(points: Points): void {
    last = points;
    if (plot.clientWidth === 0) return;
    if (!chart) make();
    told = spec.lines.map((line) => (line.told ?? line.values)(points));
    const times = points.of("atMs").map((ms) => (ms ?? 0) / 1000);
    chart?.setData([times, ...spec.lines.map((line) => [...line.values(points)])] as uPlot.AlignedData);
    tell(chart?.cursor.idx);
    const words = spec.lines.map(({ label }, at) => `${label} ${values[at]?.textContent ?? ""}`).join(", ");
    plot.setAttribute("aria-label", `${spec.title}, newest: ${words}`);
  }
  return {
    element,
    draw,
    resize() {
      if (plot.clientWidth > 0) chart?.setSize({ width: plot.clientWidth, height: HEIGHT_PX });
    },
  };
}

function newest(values: readonly (number | null)[]): number | null {
  return values.findLast((value) => value !== null) ?? null;
}

function options(spec: ChartSpec, width: number, tell: (index: number | null | undefined) => void): uPlot.Options {
  const style = getComputedStyle(document.documentElement);
  const color = (name: string) => style.getPropertyValue(`--${name}`).trim();
  const font = `12px ${style.getPropertyValue("--sans")}`;
  const grid = { stroke: color("line"), width: 1 };
  const axis = { stroke: color("ink-soft"), font, grid, ticks: { show: false } };
  return {
    width,
    height: HEIGHT_PX,
    padding: [8, 4, 0, 0],
    legend: { show: false },
    cursor: { drag: { x: false, y: false }, y: false, points: { size: 6 } },
    scales: { x: { time: true }, y: yScale(spec) },
    axes: [
      { ...axis, size: 26, space: 70, values: (_, ticks, __, ___, stepS) => ticks.map((at) => timeOf(at, stepS)) },
      {
        ...axis,
        size: 58,
        space: 34,
        ...(spec.log && { splits: () => DECADES, filter: (_: uPlot, splits: number[]) => splits }),
        values: (_, ticks) => ticks.map((value) => (spec.short ?? spec.format)(value)),
      },
    ],
    series: [
      {},
      ...spec.lines.map(({ label, color: name, fill, dashed }) => ({
        label,
        stroke: color(name),
        width: 1.75,
        spanGaps: true,
        points: { show: false },
        ...(dashed && { dash: [5, 4] }),
        ...(fill && { fill: color(`${name}-wash`) }), // opaque, so that what lies above does not shine through
      })),
    ],
    hooks: { setCursor: [(plot) => tell(plot.cursor.idx)] },
  };
}

function yScale({ log, max }: ChartSpec): uPlot.Scale {
  if (log) return { distr: 3, range: (_, low, high) => [Math.min(low || 1, 1) / 1.2, Math.max(high || 1, 1000) * 1.2] };
  return { range: (_, __, high) => [0, max ?? Math.max(1, (high || 0) * 1.15)] };
}

const SHORT = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", hour12: false });
const LONG = new Intl.DateTimeFormat(undefined, {
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
  hour12: false,
});

function timeOf(atS: number, stepS: number): string {
  return (stepS < 60 ? LONG : SHORT).format(atS * 1000);
}
