import "uplot/dist/uPlot.min.css";
import "./dashboard.css";
import type { HistoryRange, StatsHistory, StatsTick } from "@mynah/protocol";
import { choice } from "../playground/choice.ts";
import { askJson } from "../shared/api.ts";
import { byId } from "../shared/dom.ts";
import { keyForm } from "../shared/key-form.ts";
import type { SessionValue } from "../shared/session-value.ts";
import type { View } from "../shared/views.ts";
import { CHARTS } from "./charts.ts";
import html from "./dashboard.html?raw";
import { drawEngines } from "./engines-table.ts";
import { liveStream } from "./live-stream.ts";
import { drawPanels } from "./panels.ts";
import { Points } from "./points.ts";
import { tiles } from "./tiles.ts";
import { timeChart } from "./time-chart.ts";

const RANGES: Readonly<Record<HistoryRange, string>> = { "5m": "5 min", "1h": "1 hour", "24h": "24 hours" };
const STATES = {
  live: ["ready", "Live"],
  lost: ["down", "Lost the gateway; trying again"],
  refused: ["degraded", "An API key is needed"],
} as const;

/** The dashboard: asks for nothing while nobody looks at it. */
export function dashboard(root: HTMLElement, { key }: { key: SessionValue }): View {
  root.innerHTML = html; // ours, and built in
  const range = choice({ id: "ranges", name: "range", values: RANGES }, () => start());
  const numbers = tiles();
  const charts = CHARTS.map(timeChart);
  byId("charts", HTMLElement).append(...charts.map(({ element }) => element));
  const form = keyForm({ id: "dash-key", value: key });
  let points: Points | undefined;
  let latest: StatsTick | undefined;
  let watching: AbortController | undefined;

  function say(state: keyof typeof STATES): void {
    const [dot, words] = STATES[state];
    byId("live-state", HTMLElement).dataset.state = dot;
    const text = byId("live-text", HTMLElement);
    if (text.textContent !== words) text.textContent = words;
    if (state === "refused") form.ask();
    else if (state === "live") form.done();
  }
  function draw(): void {
    if (!points || !latest) return;
    for (const chart of charts) chart.draw(points);
    numbers.draw(points, latest);
  }
  async function load(signal: AbortSignal): Promise<void> {
    try {
      const asked = { key: key.value, signal };
      points = new Points(await askJson<StatsHistory>(`/v1/stats/history?range=${range.value}`, asked));
      draw();
    } catch {
      // Told by the stream, which asks for the same with the same key.
    }
  }
  function onTick(tick: StatsTick, signal: AbortSignal): void {
    // After a gap the points in between are in the history, and nowhere else.
    const gap = latest === undefined || tick.atMs - latest.atMs > 3_000;
    latest = tick;
    const point = tick.points[range.value];
    if (gap) void load(signal);
    else if (point && points?.range === range.value) points.push(point);
    drawEngines(tick.stats.engines);
    drawPanels(tick);
    if (point || gap) draw();
  }

  function stop(): void {
    watching?.abort();
    watching = undefined;
    latest = undefined;
  }
  function start(): void {
    stop();
    if (root.hidden || document.hidden) return;
    watching = new AbortController();
    const { signal } = watching;
    void liveStream({ key: () => key.value, onState: say, onTick: (tick) => onTick(tick, signal) }, signal);
  }
  key.onChange(start);
  document.addEventListener("visibilitychange", start);
  new ResizeObserver(() => {
    for (const chart of charts) chart.resize();
  }).observe(root);
  return { show: start, hide: stop };
}
