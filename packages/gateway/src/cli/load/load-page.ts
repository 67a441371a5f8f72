import type { Histogram } from "./histogram.ts";
import { LATENCY_HEAD, type LoadReport, latencyRows, shownMs, summaryLines } from "./load-report.ts";
import type { Stretch } from "./tally.ts";

const WIDTH = 880;
const HEIGHT = 240;
const LEFT = 56;
const BOTTOM = 28;
const BARS_PER_POWER = 4;

/** Of all that was heard, and of what was stored before. */
type FirstAudioTimes = { readonly firstAudio: Histogram; readonly hits: Histogram };

/** A run as one page that needs nothing else: no script, no font, no network. */
export function loadPage(report: LoadReport, times: FirstAudioTimes): string {
  const [title, ...facts] = summaryLines(report);
  const cells = (tag: string, row: readonly string[]) =>
    row.map((cell) => `<${tag}>${escaped(cell)}</${tag}>`).join("");
  const rows = latencyRows(report).map((row) => `<tr>${cells("td", row)}</tr>`);
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>mynah load</title>
<style>${STYLE}</style>
<h1>mynah load</h1>
<p>${escaped(title!)}</p>
<ul>${facts.map((fact) => `<li>${escaped(fact)}</li>`).join("")}</ul>
<h2>Time to first audio</h2>
<p>From the moment at which a request was to start. <b class="hit">■</b> hits <b class="miss">■</b> misses</p>
${histogramChart(times)}
<table><thead><tr>${cells("th", LATENCY_HEAD)}</tr></thead><tbody>${rows.join("")}</tbody></table>
<h2>Over time</h2>
<p>Answers a second, by when they were to start: <b class="hit">■</b> hits <b class="miss">■</b> misses
<b class="refused">■</b> refused <b class="error">■</b> errors</p>
${answersChart(report)}
<p>Hit rate</p>
${lineChart(report.overTime, "hit", 1, (share) => `${Math.round(share * 100)} %`, hitRateOf)}
<p>Slowest first audio of each ${report.stretchSeconds} s</p>
${lineChart(report.overTime, "miss", slowest(report.overTime), shownMs, ({ slowestMs }) => slowestMs)}
</html>
`;
}

const STYLE = `
:root{color-scheme:light dark;--ink:#1c2733;--soft:#66758a;--line:#d5dce5;--hit:#1f8a5b;--miss:#c77a14;--refused:#7a5cc9;--error:#c4314b}
@media(prefers-color-scheme:dark){:root{--ink:#e6edf5;--soft:#93a3b8;--line:#34404f;--hit:#4cc38a;--miss:#f0a94a;--refused:#a78bfa;--error:#ff6b81}}
body{font:15px/1.5 system-ui,sans-serif;color:var(--ink);max-width:${WIDTH}px;margin:2rem auto;padding:0 1rem}
h1{font-size:1.3rem}h2{font-size:1.05rem;margin-top:2rem}
table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}
td,th{padding:.25rem .5rem;text-align:right;border-bottom:1px solid var(--line)}td:first-child,th:first-child{text-align:left;white-space:pre}
svg{width:100%;height:auto}text{fill:var(--soft);font-size:11px}line{stroke:var(--line)}
.hit{color:var(--hit);fill:var(--hit)}.miss{color:var(--miss);fill:var(--miss)}.refused{color:var(--refused);fill:var(--refused)}.error{color:var(--error);fill:var(--error)}
polyline{fill:none;stroke:currentColor;stroke-width:1.5}`;

/** Bars of equal width, each a quarter of a power of two wide in time; hits below, misses on top of them. */
function histogramChart({ firstAudio, hits }: FirstAudioTimes): string {
  const hitsFrom = new Map(hits.bars(BARS_PER_POWER).map(({ fromMs, count }) => [fromMs, count]));
  const sorted = firstAudio.bars(BARS_PER_POWER).map(({ fromMs, toMs, count }) => {
    const found = hitsFrom.get(fromMs) ?? 0;
    return [fromMs, { toMs, hits: found, misses: count - found }] as const;
  });
  if (sorted.length === 0) return "<p>Nothing was heard.</p>";
  const tallest = Math.max(...sorted.map(([, bar]) => bar.hits + bar.misses));
  const wide = (WIDTH - LEFT) / sorted.length;
  const drawn = sorted.map(([fromMs, bar], at) => {
    const x = LEFT + at * wide;
    const label = at % Math.ceil(sorted.length / 10) === 0 ? text(x, HEIGHT - 8, shownMs(fromMs)) : "";
    const tip = `${shownMs(fromMs)} to ${shownMs(bar.toMs)}: ${bar.hits} hits, ${bar.misses} misses`;
    return (
      stack(x, wide, tallest, tip, [
        ["hit", bar.hits],
        ["miss", bar.misses],
      ]) + label
    );
  });
  return svg("Histogram of the time to first audio", grid(tallest, String) + drawn.join(""));
}

function answersChart({ overTime, stretchSeconds }: LoadReport): string {
  const totals = overTime.map(({ hits, misses, refused, errors }) => hits + misses + refused + errors);
  const tallest = Math.max(1, ...totals);
  const wide = (WIDTH - LEFT) / Math.max(1, overTime.length);
  const drawn = overTime.map(({ fromS, hits, misses, refused, errors }, at) => {
    const tip = `${fromS} s: ${hits} hits, ${misses} misses, ${refused} refused, ${errors} errors`;
    const parts = [
      ["hit", hits],
      ["miss", misses],
      ["refused", refused],
      ["error", errors],
    ] as const;
    return stack(LEFT + at * wide, wide, tallest, tip, parts);
  });
  const perSecond = (count: number): string => String(Math.round(count / stretchSeconds));
  return svg("Answers over time", grid(tallest, perSecond) + drawn.join("") + timeLabels(overTime));
}

function lineChart(
  stretches: readonly Stretch[],
  kind: string,
  top: number,
  shown: (value: number) => string,
  heightOf: (stretch: Stretch) => number | undefined,
): string {
  const wide = (WIDTH - LEFT) / Math.max(1, stretches.length);
  const points = stretches.flatMap((stretch, at) => {
    const value = heightOf(stretch);
    return value === undefined ? [] : [`${fixed(LEFT + (at + 0.5) * wide)},${fixed(yOf(value / top))}`];
  });
  const line = `<polyline class="${kind}" style="fill:none" points="${points.join(" ")}"/>`;
  return svg("Over time", grid(top, shown) + line + timeLabels(stretches));
}

function hitRateOf({ hits, misses }: Stretch): number | undefined {
  return hits + misses === 0 ? undefined : hits / (hits + misses);
}

function slowest(stretches: readonly Stretch[]): number {
  return Math.max(1, ...stretches.map(({ slowestMs }) => slowestMs));
}

function stack(
  x: number,
  wide: number,
  top: number,
  tip: string,
  parts: readonly (readonly [string, number])[],
): string {
  let below = 0;
  const bars = parts.map(([kind, count]) => {
    const [y, base] = [yOf((below + count) / top), yOf(below / top)];
    below += count;
    if (count === 0) return "";
    const size = `x="${fixed(x)}" y="${fixed(y)}" width="${fixed(Math.max(0.5, wide - 0.5))}" height="${fixed(base - y)}"`;
    return `<rect class="${kind}" ${size}/>`;
  });
  return `<g><title>${escaped(tip)}</title>${bars.join("")}</g>`;
}

function grid(top: number, shown: (value: number) => string): string {
  return [0, 0.5, 1]
    .map((share) => {
      const y = fixed(yOf(share));
      return `<line x1="${LEFT}" x2="${WIDTH}" y1="${y}" y2="${y}"/>${text(0, Number(y) + 4, shown(top * share))}`;
    })
    .join("");
}

function timeLabels(stretches: readonly Stretch[]): string {
  const every = Math.max(1, Math.ceil(stretches.length / 10));
  const wide = (WIDTH - LEFT) / Math.max(1, stretches.length);
  return stretches
    .map(({ fromS }, at) => (at % every === 0 ? text(LEFT + at * wide, HEIGHT - 8, `${fromS} s`) : ""))
    .join("");
}

function yOf(share: number): number {
  return 8 + (1 - share) * (HEIGHT - BOTTOM - 8);
}

function svg(label: string, inside: string): string {
  return `<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${label}">${inside}</svg>`;
}

function text(x: number, y: number, value: string): string {
  return `<text x="${fixed(x)}" y="${fixed(y)}">${escaped(value)}</text>`;
}

function fixed(value: number): string {
  return value.toFixed(1);
}

function escaped(value: string): string {
  return value.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
}
