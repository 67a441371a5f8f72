import { byId, h } from "../shared/dom.ts";
import type { AdminApi, ConfigShown, Setting } from "./admin-api.ts";

/** What this server runs with; at first only what is not as it comes. */
export function configTable(api: AdminApi): { refresh(): Promise<void> } {
  const button = byId("config-all", HTMLButtonElement);
  let config: ConfigShown | undefined;
  let all = false;

  function show(): void {
    const { settings = [] } = config ?? {};
    const shown = settings.filter(({ changed }) => all || changed);
    byId("config", HTMLTableElement).tBodies[0]?.replaceChildren(...shown.map(row));
    button.textContent = all ? "Show only what was changed" : `Show all ${settings.length} settings`;
    button.setAttribute("aria-pressed", String(all));
  }
  button.addEventListener("click", () => {
    all = !all;
    show();
  });
  return {
    async refresh() {
      config = await api.config();
      const { engines, voices, plans, tenants, warnings } = config;
      byId("config-file", HTMLElement).textContent = JSON.stringify(
        { engines, voices, plans, tenants, warnings },
        null,
        2,
      );
      show();
    },
  };
}

function row({ name, value, meaning }: Setting): HTMLElement {
  const cells = [
    h("td", { class: "number" }, value === null ? "not set" : String(value)),
    h("td", { class: "hint" }, ...withCode(meaning)),
  ];
  return h("tr", {}, h("th", { scope: "row", class: "number" }, name), ...cells);
}

/** What stands between backticks, as code. */
function withCode(words: string): (string | HTMLElement)[] {
  return words.split("`").map((part, at) => (at % 2 === 1 ? h("code", {}, part) : part));
}
