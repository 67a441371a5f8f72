import type { VoiceInfo } from "@mynah/client";
import { h, svg } from "../shared/dom.ts";
import type { Samples } from "./sample.ts";

const PLAY = "M8 5.2v13.6a.6.6 0 0 0 .9.5l11-6.8a.6.6 0 0 0 0-1l-11-6.8a.6.6 0 0 0-.9.5Z";
const STOP = "M7 7h10v10H7z";

/** Hear a voice by one click; a second one, or another voice's, ends it. */
export function sampleButton(voice: VoiceInfo, samples: Samples, failed: (error: unknown) => void): HTMLButtonElement {
  const button = h("button", { type: "button", class: "sample", "aria-label": `Hear ${voice.name}` }, svg(PLAY));
  button.dataset.voice = voice.id;
  button.addEventListener("click", () => {
    samples.toggle(voice).catch((error: unknown) => {
      const dialog = button.closest("dialog");
      if (dialog?.open) dialog.close(); // what is wrong is told beside the form
      failed(error);
    });
  });
  return button;
}

/** Shows on every such button whether its voice is being heard. */
export function showSamples(playing: string | undefined): void {
  for (const button of document.querySelectorAll<HTMLElement>(".sample")) {
    const ours = button.dataset.voice === playing;
    if (button.dataset.playing === String(ours)) continue;
    button.dataset.playing = String(ours);
    button.querySelector("path")?.setAttribute("d", ours ? STOP : PLAY);
    const name = button.getAttribute("aria-label")?.replace(/^\S+ /, "") ?? "";
    button.setAttribute("aria-label", `${ours ? "Stop" : "Hear"} ${name}`);
  }
}
