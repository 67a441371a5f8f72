import { byId } from "./dom.ts";
import { recall, remember } from "./memory.ts";

const THEMES = ["system", "light", "dark"] as const;
type Theme = (typeof THEMES)[number];

/** The button that goes round system, light, dark. public/theme.js applies the choice before the first paint. */
export function themeButton(): void {
  const button = byId("theme", HTMLButtonElement);
  let theme: Theme = THEMES.find((name) => name === recall("theme")) ?? "system";

  function show(): void {
    if (theme === "system") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = theme;
    button.setAttribute("aria-label", `Theme: ${theme}`);
    button.title = `Theme: ${theme}`;
    dispatchEvent(new Event("themechange"));
  }
  button.addEventListener("click", () => {
    theme = THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length] ?? "system";
    remember("theme", theme);
    show();
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", show);
  show();
}
