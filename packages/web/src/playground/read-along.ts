import type { SpokenWord } from "@mynah/client";
import { byId, h } from "../shared/dom.ts";
import { placeWords } from "./place-words.ts";

export type ReadAlong = {
  /** The text, and the words of it whose times are known so far. */
  show(text: string, words: readonly SpokenWord[]): void;
  /** Marks what is heard now. */
  at(seconds: number): void;
};

type Shown = { readonly element: HTMLElement; readonly startMs: number; readonly endMs: number };

/** The text of the answer, whose words light up as they are heard. A click on one goes there. */
export function readAlong(seek: (seconds: number) => void): ReadAlong {
  const root = byId("reading", HTMLElement);
  let shown: readonly Shown[] = [];
  let heard = 0;
  let positionMs = 0;

  function mark(): void {
    const now = shown.findIndex(({ endMs }) => positionMs < endMs);
    const end = now < 0 ? shown.length : now;
    for (let n = Math.min(heard, end); n < Math.max(heard, end); n++)
      shown[n]?.element.classList.toggle("heard", n < end);
    heard = end;
    const current = shown[end];
    const next = current && positionMs >= current.startMs ? current.element : undefined;
    const before = root.querySelector(".now");
    if (before === next) return;
    before?.classList.remove("now");
    next?.classList.add("now");
    if (next) keepInView(root, next);
  }
  root.addEventListener("click", ({ target }) => {
    const word = shown.find(({ element }) => element === target);
    if (word) seek(word.startMs / 1000);
  });

  return {
    show(text, words) {
      const parts: (string | HTMLElement)[] = [];
      let at = 0;
      const placed = placeWords(text, words).map(({ from, to, startMs, endMs }) => {
        const element = h("span", { class: "word" }, text.slice(from, to));
        parts.push(text.slice(at, from), element);
        at = to;
        return { element, startMs, endMs };
      });
      root.replaceChildren(...parts, text.slice(at));
      root.dataset.timed = String(placed.length > 0);
      shown = placed;
      heard = 0;
      mark();
    },
    at(seconds) {
      positionMs = seconds * 1000;
      mark();
    },
  };
}

/** Moves the text and never the page: whoever reads elsewhere is left in peace. */
function keepInView(root: HTMLElement, word: HTMLElement): void {
  const top = word.offsetTop - root.offsetTop;
  if (top < root.scrollTop || top + word.offsetHeight > root.scrollTop + root.clientHeight)
    root.scrollTop = top - root.clientHeight / 3;
}
