import { byId } from "./dom.ts";

export const VIEWS = ["speak", "dashboard", "admin"] as const;
export type ViewName = (typeof VIEWS)[number];

/** A part of the page that works only while it is looked at. */
export type View = { show(): void; hide(): void };

const TITLES: Readonly<Record<ViewName, string>> = { speak: "speak", dashboard: "dashboard", admin: "admin" };

/** The view that an address names; whatever else it says is the playground, whose parts have anchors too. */
export function viewOf(hash: string): ViewName {
  return VIEWS.find((name) => hash === `#${name}` || hash.startsWith(`#${name}/`)) ?? "speak";
}

/**
 * Shows the view that the address names. Others than the playground are loaded when they are first wanted. What was typed, said
 * and heard stays as it was.
 */
export function watchViews(loaders: Readonly<Record<ViewName, (root: HTMLElement) => Promise<View>>>): void {
  const loaded = new Map<ViewName, Promise<View>>();
  let shown: ViewName | undefined;

  async function view(name: ViewName): Promise<View> {
    const known = loaded.get(name) ?? loaders[name](byId(`view-${name}`, HTMLElement));
    loaded.set(name, known);
    return known;
  }
  async function show(): Promise<void> {
    const next = viewOf(location.hash);
    if (next === shown) return;
    const before = shown;
    shown = next;
    document.documentElement.dataset.view = next;
    document.title = `Mynah · ${TITLES[next]}`;
    for (const name of VIEWS) byId(`view-${name}`, HTMLElement).hidden = name !== next;
    for (const link of document.querySelectorAll<HTMLAnchorElement>(".views a")) {
      if (link.dataset.view === next) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    }
    if (before !== undefined) {
      scrollTo(0, 0);
      (await view(before)).hide();
    }
    const opened = await view(next);
    if (shown === next) opened.show();
  }
  addEventListener("hashchange", () => void show());
  void show();
}
