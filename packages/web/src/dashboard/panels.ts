import type { StatsTick } from "@mynah/protocol";
import { byId, h } from "../shared/dom.ts";
import { bytes, count, longTime, mebibytes, partName, percent } from "../shared/wording.ts";

const PART_BADGES = { ok: "ok", degraded: "warn", off: "off" } as const;

/** What is told in words and not drawn: parts, limits, totals. Touches the page only where something has changed. */
export function drawPanels(tick: StatsTick): void {
  const { parts, refusals, stats } = tick;
  const rows = Object.entries(parts).map(([name, { status, detail }]) =>
    h(
      "li",
      {},
      h("span", { class: "part-name" }, partName(name)),
      h("b", { class: "badge", "data-state": PART_BADGES[status] }, status),
      h("span", { class: "hint" }, detail),
    ),
  );
  replace(byId("parts", HTMLElement), rows);
  replace(byId("limits-text", HTMLElement), [`${parts.limits?.detail ?? "no limits"}.`]);
  const windows = Object.entries(refusals).sort(([, a], [, b]) => b - a);
  replace(
    byId("refusals", HTMLElement),
    windows.length > 0
      ? windows.map(([window, times]) => pair(`by the limit of a ${window}`, count(times)))
      : [pair("refused since the start", "0")],
  );
  replace(byId("since-start", HTMLElement), sinceStart(stats));
}

function sinceStart({
  uptimeMs,
  requests,
  segments,
  saved,
  memory,
  redis,
  allServers,
}: StatsTick["stats"]): HTMLElement[] {
  const ours = redis?.bytes === undefined ? undefined : `${count(redis.keys ?? 0)} keys, ${bytes(redis.bytes)}`;
  return [
    pair("this server runs for", longTime(uptimeMs / 1000)),
    pair("answers", count(requests.delivered)),
    pair("failed", count(requests.failed)),
    pair("sentences from the cache", percent(segments.hitRate * 100)),
    pair("audio not made again", longTime(saved.audioSeconds)),
    pair("cache in memory", `${mebibytes(memory.bytes)} of ${mebibytes(memory.maxBytes)}`),
    ...(ours ? [pair("cache in Redis", ours)] : []),
    ...(allServers ? [pair("answers of all servers", count(allServers.requests.delivered))] : []),
    ...(allServers ? [pair("their sentences from the cache", percent(allServers.segments.hitRate * 100))] : []),
  ];
}

function pair(name: string, value: string): HTMLElement {
  return h("div", {}, h("dt", {}, name), h("dd", { class: "number" }, value));
}

function replace(root: HTMLElement, children: readonly (Node | string)[]): void {
  const next = h("div", {}, ...children);
  if (next.innerHTML !== root.innerHTML) root.replaceChildren(...next.childNodes);
}
