import { breakerBadge } from "../dashboard/engines-table.ts";
import { byId, h } from "../shared/dom.ts";
import { count, percent } from "../shared/wording.ts";
import type { Act } from "./admin.ts";
import type { AdminApi, AdminEngine } from "./admin-api.ts";

/** Engines with their breakers: switched on and off, and a breaker closed by hand. */
export function engineSwitches(api: AdminApi, act: Act): { refresh(): Promise<void> } {
  const body = byId("admin-engines", HTMLTableElement).tBodies[0];
  const rows = new Map<string, ReturnType<typeof engineRow>>();
  async function refresh(): Promise<void> {
    for (const engine of await api.engines()) {
      const known = rows.get(engine.name) ?? engineRow(engine.name, api, act, refresh);
      if (!rows.has(engine.name)) body?.append(known.element);
      rows.set(engine.name, known);
      known.show(engine);
    }
  }
  return { refresh };
}

/** Kept while it is shown: a row that is made anew would take the focus with it. */
function engineRow(name: string, api: AdminApi, act: Act, refresh: () => Promise<void>) {
  const toggle = h("button", { type: "button", class: "quiet small", role: "switch", "aria-label": `${name} speaks` });
  const reset = h(
    "button",
    { type: "button", class: "quiet small", "aria-label": `Close breaker of ${name}` },
    "Close breaker",
  );
  const breaker = h("td", {});
  const numbers = Array.from({ length: 4 }, () => h("td", { class: "number" }));
  let on = true;
  toggle.addEventListener("click", () =>
    act(`${name} is ${on ? "off" : "on"}.`, async () => {
      await api.switchEngine(name, !on);
      await refresh();
    }),
  );
  reset.addEventListener("click", () =>
    act(`The breaker of ${name} is closed.`, async () => {
      await api.resetEngine(name);
      await refresh();
    }),
  );
  const element = h(
    "tr",
    {},
    h("th", { scope: "row" }, name),
    breaker,
    ...numbers,
    h("td", { class: "row-actions" }, reset, toggle),
  );
  return {
    element,
    show(engine: AdminEngine) {
      on = engine.state !== "off";
      toggle.setAttribute("aria-checked", String(on));
      toggle.textContent = on ? "On" : "Off";
      toggle.title = engine.switchedOff ? `switched off by ${engine.switchedOff.by}, ${engine.switchedOff.at}` : "";
      reset.disabled = engine.state !== "open" && engine.state !== "half-open";
      breaker.replaceChildren(breakerBadge(engine));
      const { successRate, inFlight, queued, calls } = engine;
      const told = [
        successRate === null ? "–" : percent(successRate * 100),
        count(inFlight),
        count(queued),
        count(calls),
      ];
      for (const [at, text] of told.entries()) if (numbers[at]) numbers[at].textContent = text;
    },
  };
}
