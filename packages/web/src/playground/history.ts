import { byId, h } from "../shared/dom.ts";
import { BASE64_MP3_BYTES_PER_SECOND, bytes, duration, saving } from "../shared/wording.ts";
import { BADGES } from "./answer.ts";
import type { Said } from "./said.ts";

/** Each keeps its audio in memory. */
const MAX_ROWS = 12;

export type History = { add(said: Said): void };

/** The last utterances, newest first: heard again without asking, or asked for again. */
export function history(handlers: { replay: (said: Said) => void; again: (said: Said) => void }): History {
  const list = byId("history", HTMLOListElement);
  const empty = byId("history-empty", HTMLElement);
  const totals = byId("totals", HTMLElement);
  const sum = { asked: 0, hits: 0, byteCount: 0, durationS: 0 };

  return {
    add(said) {
      empty.hidden = true;
      list.prepend(row(said, handlers));
      while (list.children.length > MAX_ROWS) list.lastElementChild?.remove();
      sum.asked++;
      if (said.cache.state === "hit" || said.cache.state === "stale") sum.hits++;
      if (said.sound) {
        sum.byteCount += said.byteCount;
        sum.durationS += said.sound.durationS;
      }
      totals.textContent = `${sum.asked} asked · ${sum.hits} from the cache${received(sum)}`;
    },
  };
}

function received({ byteCount, durationS }: { byteCount: number; durationS: number }): string {
  if (durationS === 0) return "";
  const instead = bytes(Math.round(durationS * BASE64_MP3_BYTES_PER_SECOND));
  return ` · ${bytes(byteCount)} received, base64 MP3: ${instead} (${saving(byteCount, durationS)})`;
}

function row(
  said: Said,
  { replay, again }: { replay: (said: Said) => void; again: (said: Said) => void },
): HTMLElement {
  const { wish, cache } = said;
  const replayButton = h("button", { type: "button", class: "quiet", "aria-label": `Replay: ${wish.text}` }, "Replay");
  const againButton = h(
    "button",
    { type: "button", class: "quiet", "aria-label": `Ask again: ${wish.text}` },
    "Ask again",
  );
  replayButton.addEventListener("click", () => replay(said));
  againButton.addEventListener("click", () => again(said));
  return h(
    "li",
    { class: "row" },
    h("b", { class: "badge", "data-state": cache.state }, BADGES[cache.state]),
    h("div", { class: "row-text" }, h("p", { class: "quote" }, wish.text), h("p", { class: "hint" }, settingsOf(said))),
    h("p", { class: "number row-ms" }, duration(said.firstAudioMs)),
    h("p", { class: "number row-bytes" }, bytes(said.byteCount)),
    h("div", { class: "row-actions" }, replayButton, againButton),
  );
}

function settingsOf({ wish, voice }: Said): string {
  const settings = [voice ?? wish.voice, wish.format];
  if (wish.speed !== 1) settings.push(`${wish.speed}× speed`);
  if (wish.pitch !== 1) settings.push(`${wish.pitch}× pitch`);
  if (wish.volume !== 1) settings.push(`${wish.volume}× volume`);
  return settings.join(" · ");
}
