import type { EngineStats } from "@mynah/protocol";
import { byId, h } from "../shared/dom.ts";
import { count, duration, money, percent } from "../shared/wording.ts";

const BADGES = { closed: "ok", "half-open": "warn", open: "bad", off: "off" } as const;

/** How each engine is doing, in the order of preference. */
export function drawEngines(engines: readonly EngineStats[]): void {
  const body = byId("engines", HTMLTableElement).tBodies[0];
  body?.replaceChildren(...engines.map(row));
}

/** The state of a breaker in a word: closed is how it should be. */
export function breakerBadge({ state, retryInMs }: Pick<EngineStats, "state" | "retryInMs">): HTMLElement {
  const words = state === "open" && retryInMs > 0 ? `open, ${Math.ceil(retryInMs / 1000)} s` : state;
  return h("b", { class: "badge", "data-state": BADGES[state] }, words);
}

function row(engine: EngineStats): HTMLElement {
  const { name, successRate, firstAudioMs, inFlight, queued, calls, failures, cost } = engine;
  const failed = Object.values(failures).reduce((sum, times) => sum + times, 0);
  const ms = (value: number | null) => (value === null ? "–" : duration(value));
  const numbers = [
    successRate === null ? "–" : percent(successRate * 100),
    ms(firstAudioMs.p50),
    ms(firstAudioMs.p95),
    count(inFlight),
    count(queued),
    count(calls),
    count(failed),
    cost ? money(cost.spent) : "–",
    cost ? money(cost.saved) : "–",
  ];
  const codes = Object.entries(failures).map(([code, times]) => `${code}: ${times}`);
  return h(
    "tr",
    codes.length > 0 ? { title: codes.join(", ") } : {},
    h("th", { scope: "row" }, name),
    h("td", {}, breakerBadge(engine)),
    ...numbers.map((text) => h("td", { class: "number" }, text)),
  );
}
