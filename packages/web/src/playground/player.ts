import { byId } from "../shared/dom.ts";
import { clock } from "../shared/wording.ts";
import type { Sound } from "./sound.ts";
import { drawWave } from "./wave.ts";

export type Player = {
  readonly element: HTMLAudioElement;
  /** Silence, and an empty picture: another answer is coming. */
  reset(): void;
  /** What the audio turned out to be. Undefined: this browser cannot decode it. */
  show(sound: Sound | undefined): void;
  seek(seconds: number): void;
};

const SEEK_STEPS = 1000;

/** Play and pause, the picture of the sound, and the position in it. `moved` is told of it as often as the screen changes. */
export function player(moved: (seconds: number) => void): Player {
  const element = byId("audio", HTMLAudioElement);
  const box = byId("player", HTMLElement);
  const button = byId("play", HTMLButtonElement);
  const seek = byId("seek", HTMLInputElement);
  const canvas = byId("wave", HTMLCanvasElement);
  const position = byId("position", HTMLElement);
  const length = byId("length", HTMLElement);
  let sound: Sound | undefined;
  let frame = 0;

  // While it streams, the element does not know how long the audio will be; the decoded sound always does.
  const durationS = () => sound?.durationS ?? (Number.isFinite(element.duration) ? element.duration : 0);

  function show(): void {
    const total = durationS();
    const done = total > 0 ? Math.min(1, element.currentTime / total) : 0;
    position.textContent = clock(Math.min(element.currentTime, total || element.currentTime));
    length.textContent = total > 0 ? ` / ${clock(total)}` : "";
    seek.valueAsNumber = done * SEEK_STEPS;
    seek.setAttribute("aria-valuetext", `${clock(element.currentTime)} of ${clock(total)}`);
    drawWave(canvas, sound?.peaks ?? [], done);
    moved(element.currentTime);
  }
  // timeupdate comes four times a second: too coarse for something that moves.
  function follow(): void {
    cancelAnimationFrame(frame); // several events start the same loop
    show();
    if (!element.paused && !element.ended) frame = requestAnimationFrame(follow);
  }
  function showState(): void {
    const playing = !element.paused && !element.ended;
    box.dataset.playing = String(playing);
    button.setAttribute("aria-label", playing ? "Pause" : "Play");
    follow();
  }
  for (const event of ["play", "playing", "pause", "ended", "seeked", "durationchange"])
    element.addEventListener(event, showState);
  for (const event of ["resize", "themechange"]) addEventListener(event, show);
  button.addEventListener("click", () => {
    if (element.paused || element.ended) element.play().catch(() => undefined);
    else element.pause();
  });
  seek.addEventListener("input", () => {
    element.currentTime = (seek.valueAsNumber / SEEK_STEPS) * durationS();
    show();
  });

  return {
    element,
    reset() {
      element.pause();
      if (element.src.startsWith("blob:")) URL.revokeObjectURL(element.src);
      element.removeAttribute("src");
      element.load(); // an element without a source still holds the last one until then
      sound = undefined;
      show();
    },
    show(next) {
      sound = next;
      show();
    },
    seek(seconds) {
      element.currentTime = seconds;
      show();
    },
  };
}
