import { byId, h, svg } from "../shared/dom.ts";
import { bytes, clock, duration } from "../shared/wording.ts";
import { BADGES, comparison, durationOf, fact } from "./answer.ts";
import type { Said } from "./said.ts";
import { drawWave } from "./wave.ts";

export type Side = "a" | "b";
export type Duel = {
  /** Both are asked. */
  wait(names: Readonly<Record<Side, string>>): void;
  /** One of them has answered. Plays the first one when both have, and then the other. */
  show(side: Side, said: Said): void;
  /** Silence, and nothing to hear any more. */
  reset(): void;
};

const PLAY = "M8 5.2v13.6a.6.6 0 0 0 .9.5l11-6.8a.6.6 0 0 0 0-1l-11-6.8a.6.6 0 0 0-.9.5Z";
const PAUSE = "M7 5h3.4v14H7zM13.6 5H17v14h-3.4z";

/** Two voices that say the same, side by side: how each sounds, and what each cost. */
export function duel(): Duel {
  const root = byId("duel", HTMLElement);
  let corners: Record<Side, ReturnType<typeof corner>> | undefined;
  let said: Partial<Record<Side, Said>> = {};

  function reset(): void {
    for (const one of Object.values(corners ?? {})) one.close();
    corners = undefined;
    said = {};
  }
  return {
    reset,
    wait(names) {
      reset();
      const [a, b] = [corner(names.a), corner(names.b)];
      corners = { a, b };
      for (const [mine, other] of [
        [a, b],
        [b, a],
      ] as const)
        mine.audio.addEventListener("play", () => other.audio.pause());
      root.replaceChildren(a.element, b.element);
    },
    show(side, one) {
      said[side] = one;
      corners?.[side].show(one);
      const { a, b } = said;
      if (!corners || !a || !b) return;
      corners[a.firstAudioMs <= b.firstAudioMs ? "a" : "b"].element.dataset.quicker = "true";
      const second = corners.b.audio;
      corners.a.audio.addEventListener("ended", () => void second.play().catch(() => undefined), { once: true });
      corners.a.audio.play().catch(() => undefined);
    },
  };
}

/** One of the two. */
function corner(name: string) {
  const audio = new Audio();
  const icon = svg(PLAY, 22);
  const button = h("button", { type: "button", class: "play", "aria-label": `Play ${name}`, disabled: "" }, icon);
  const canvas = h("canvas", { "aria-hidden": "true" });
  const badge = h("b", { class: "badge", "data-state": "waiting" }, "asking");
  const facts = h("dl", { class: "facts" }, ...rows({}));
  const element = h(
    "article",
    { class: "corner" },
    h("h3", {}, name),
    badge,
    h("div", { class: "corner-player" }, button, h("div", { class: "wave" }, canvas)),
    facts,
  );
  let peaks: readonly number[] = [];
  let durationS = 0;
  function follow(): void {
    drawWave(canvas, peaks, durationS > 0 ? audio.currentTime / durationS : 0);
    const playing = !audio.paused && !audio.ended;
    icon.firstElementChild?.setAttribute("d", playing ? PAUSE : PLAY);
    button.setAttribute("aria-label", `${playing ? "Pause" : "Play"} ${name}`);
    if (playing) requestAnimationFrame(follow);
  }
  for (const event of ["play", "pause", "ended"]) audio.addEventListener(event, follow);
  addEventListener("themechange", follow);
  button.addEventListener("click", () => {
    if (audio.paused) audio.play().catch(() => undefined);
    else audio.pause();
  });
  return {
    element,
    audio,
    show(said: Said) {
      badge.dataset.state = said.cache.state;
      badge.textContent = BADGES[said.cache.state];
      facts.replaceChildren(...rows(said));
      button.disabled = false;
      audio.src = URL.createObjectURL(said.file);
      peaks = said.sound?.peaks ?? [];
      durationS = said.sound?.durationS ?? 0;
      follow();
    },
    close() {
      audio.pause();
      if (audio.src.startsWith("blob:")) URL.revokeObjectURL(audio.src);
      removeEventListener("themechange", follow);
    },
  };
}

function rows(said: Partial<Said>): HTMLElement[] {
  const { firstAudioMs, byteCount, engine } = said;
  const lengthS = durationOf(said);
  return [
    fact("first-audio", "First audio", firstAudioMs === undefined ? "" : duration(firstAudioMs), "", "lead"),
    fact("duration", "Length", lengthS === undefined ? "" : clock(lengthS), "", "lead"),
    fact("bytes", "Received", byteCount === undefined ? "" : bytes(byteCount), comparison(said) || " "),
    fact("engine", "Engine", engine ?? ""),
  ];
}
