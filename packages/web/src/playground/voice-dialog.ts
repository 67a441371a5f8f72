import type { VoiceInfo } from "@mynah/client";
import { byId, h } from "../shared/dom.ts";
import { flag } from "./flag.ts";
import type { Samples } from "./sample.ts";
import { sampleButton } from "./sample-button.ts";
import { voiceDetails, voiceGroups } from "./voice-groups.ts";

export type VoiceDialog = {
  voices: readonly VoiceInfo[];
  /** Lets somebody choose. `chosen` is called for each voice that is tried, too: by keyboard every step is a choice. */
  open(current: string, chosen: (voice: VoiceInfo) => void): void;
};

export type VoiceDialogOptions = { readonly samples: Samples; readonly failed: (error: unknown) => void };

/** All voices, with search, a filter for each engine, and a sample of each by one click. */
export function voiceDialog({ samples, failed }: VoiceDialogOptions): VoiceDialog {
  const dialog = byId("voices", HTMLDialogElement);
  const search = byId("voice-search", HTMLInputElement);
  const list = byId("voices-list", HTMLElement);
  const count = byId("voices-count", HTMLElement);
  const engines = byId("voice-engines", HTMLElement);
  let voices: readonly VoiceInfo[] = [];
  let engine: string | undefined;
  let current = "";
  let choose: (voice: VoiceInfo) => void = () => {};

  function row(voice: VoiceInfo): HTMLElement {
    const radio = h("input", { type: "radio", name: "voice-choice", value: voice.id });
    radio.checked = voice.id === current;
    const hear = sampleButton(voice, samples, failed);
    // One stop for the Tab key per list, and not two per voice: the arrow keys go from voice to voice.
    hear.tabIndex = radio.checked ? 0 : -1;
    radio.addEventListener("change", () => {
      for (const other of list.querySelectorAll<HTMLElement>(".sample")) other.tabIndex = -1;
      hear.tabIndex = 0;
      current = voice.id;
      choose(voice);
    });
    radio.addEventListener("click", (event) => {
      if (event.detail > 0) dialog.close(); // a mouse or a finger; arrow keys click too, with no detail
    });
    const details = voiceDetails(voice);
    const label = h(
      "label",
      { class: "voice-row" },
      radio,
      h("span", { class: "voice-name" }, voice.name),
      h("span", { class: "voice-details" }, details),
      h("span", { class: "voice-engine" }, voice.engine),
    );
    return h("div", { class: "voice-line" }, label, hear);
  }

  function show(): void {
    const shown = engine === undefined ? voices : voices.filter((voice) => voice.engine === engine);
    const groups = voiceGroups(shown, search.value, navigator.language || "en");
    const found = groups.reduce((sum, group) => sum + group.voices.length, 0);
    count.textContent = found === voices.length ? `${found} voices` : `${found} of ${voices.length} voices`;
    list.replaceChildren(
      ...groups.map(({ label, language, voices: members }) =>
        h("section", {}, h("h3", {}, flag(language), label), ...members.map(row)),
      ),
    );
    if (found === 0) list.append(h("p", { class: "hint nothing" }, "No voice is like that."));
    // A radio group without a chosen one is entered at its first.
    const entry = list.querySelector("input:checked") ? null : list.querySelector<HTMLElement>(".sample");
    if (entry) entry.tabIndex = 0;
  }

  function showEngines(): void {
    const names = [...new Set(voices.map((voice) => voice.engine))];
    engines.hidden = names.length < 2;
    engines.replaceChildren(
      ...[undefined, ...names].map((name) => {
        const chip = h(
          "button",
          { type: "button", class: "chip", "aria-pressed": String(name === engine) },
          name ?? "All engines",
        );
        chip.addEventListener("click", () => {
          engine = name;
          for (const other of engines.children) other.setAttribute("aria-pressed", String(other === chip));
          show();
        });
        return chip;
      }),
    );
  }

  search.addEventListener("input", show);
  search.addEventListener("keydown", (event) => {
    if (event.key !== "ArrowDown") return;
    event.preventDefault();
    (list.querySelector<HTMLElement>("input:checked") ?? list.querySelector<HTMLElement>("input"))?.focus();
  });
  dialog.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || !(event.target instanceof HTMLInputElement)) return;
    event.preventDefault(); // or it would press the button that gets the focus back
    dialog.close();
  });
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog) dialog.close(); // beside it
  });
  dialog.addEventListener("close", () => samples.stop());
  byId("voices-close", HTMLButtonElement).addEventListener("click", () => dialog.close());

  return {
    get voices() {
      return voices;
    },
    set voices(all) {
      voices = all;
      if (!voices.some((voice) => voice.engine === engine)) engine = undefined;
      showEngines();
    },
    open(selected, chosen) {
      current = selected;
      choose = chosen;
      search.value = "";
      show();
      dialog.showModal();
      search.focus();
      list.querySelector("input:checked")?.scrollIntoView({ block: "center" });
    },
  };
}
