import { copyText } from "../shared/clipboard.ts";
import { byId, h } from "../shared/dom.ts";
import { recall, remember } from "../shared/memory.ts";
import { SNIPPETS, type SnippetOptions } from "./snippets.ts";

export type CodeTabs = { show(from: SnippetOptions): void };

const COPIED_MS = 1600;

/** What the form asks for, as programs that ask for the same. */
export function codeTabs(announce: (words: string) => void): CodeTabs {
  const list = byId("code-tabs", HTMLElement);
  const panel = byId("code", HTMLElement);
  const text = byId("code-text", HTMLElement);
  const copy = byId("copy", HTMLButtonElement);
  let from: SnippetOptions | undefined;
  let chosen = SNIPPETS.find(({ label }) => label === recall("code")) ?? SNIPPETS[0]!;

  const tabs = SNIPPETS.map((snippet) => {
    const id = `code-${snippet.label.toLowerCase()}`;
    const tab = h("button", { type: "button", role: "tab", id, "aria-controls": "code" }, snippet.label);
    tab.addEventListener("click", () => choose(snippet));
    return tab;
  });
  list.append(...tabs);
  list.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    choose(SNIPPETS[(SNIPPETS.indexOf(chosen) + step + SNIPPETS.length) % SNIPPETS.length]!);
    tabs[SNIPPETS.indexOf(chosen)]?.focus();
  });
  copy.addEventListener("click", async () => {
    const copied = await copyText(text.textContent ?? "");
    copy.textContent = copied ? "Copied" : "Could not copy";
    announce(copied ? `The ${chosen.label} program is in the clipboard.` : "The browser did not let us copy.");
    setTimeout(() => (copy.textContent = "Copy"), COPIED_MS);
  });

  function choose(snippet: (typeof SNIPPETS)[number]): void {
    chosen = snippet;
    remember("code", snippet.label);
    draw();
  }
  function draw(): void {
    for (const [at, tab] of tabs.entries()) {
      const selected = SNIPPETS[at] === chosen;
      tab.setAttribute("aria-selected", String(selected));
      tab.tabIndex = selected ? 0 : -1;
      if (selected) panel.setAttribute("aria-labelledby", tab.id);
    }
    if (from) text.textContent = chosen.write(from);
  }
  draw();
  return {
    show(next) {
      from = next;
      draw();
    },
  };
}
