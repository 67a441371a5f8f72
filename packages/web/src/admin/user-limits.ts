import { byId, h } from "../shared/dom.ts";
import { count, longTime } from "../shared/wording.ts";
import type { Act } from "./admin.ts";
import type { AdminApi, LimitWindow } from "./admin-api.ts";

/** What a user has left, a way to forget what was taken, and who is refused most. */
export function userLimits(api: AdminApi, act: Act): { refresh(): Promise<void> } {
  const user = byId("user", HTMLInputElement);
  const list = byId("windows", HTMLElement);

  async function show(): Promise<void> {
    const { windows } = await api.limits(user.value.trim());
    list.replaceChildren(...(windows.length > 0 ? windows.map(windowRow) : [h("li", { class: "hint" }, "No limits.")]));
  }
  async function refresh(): Promise<void> {
    const refused = await api.refused().catch(() => []); // kept in Redis, which may be away
    const chips = refused.map(({ user: name, refusals }) => {
      const chip = h("button", { type: "button", class: "chip" }, `${name} · ${count(refusals)}`);
      chip.addEventListener("click", () => {
        user.value = name;
        act("", show);
      });
      return h("li", {}, chip);
    });
    byId("refused", HTMLElement).replaceChildren(...chips);
    byId("refused-title", HTMLElement).hidden = chips.length === 0;
  }
  byId("user-form", HTMLFormElement).addEventListener("submit", (event) => {
    event.preventDefault();
    if (user.value.trim() === "") user.focus();
    else act("", show);
  });
  byId("user-reset", HTMLButtonElement).addEventListener("click", () => {
    const name = user.value.trim();
    if (name === "") return user.focus();
    act(`${name} may begin anew.`, async () => {
      await api.resetLimits(name);
      await show();
    });
  });
  return { refresh };
}

function windowRow({ name, unit, limit, remaining, resetMs }: LimitWindow): HTMLElement {
  const meter = h("meter", {
    min: "0",
    max: String(limit),
    value: String(limit - remaining),
    "aria-label": `${name}, used`,
  });
  const room = resetMs > 0 ? `; the next in ${longTime(Math.ceil(resetMs / 1000))}` : "";
  return h(
    "li",
    {},
    h("span", {}, name),
    meter,
    h("span", { class: "number" }, `${count(remaining)} of ${count(limit)} ${unit} left${room}`),
  );
}
