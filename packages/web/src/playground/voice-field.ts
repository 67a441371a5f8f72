import type { VoiceInfo } from "@mynah/client";
import { byId, h, svg } from "../shared/dom.ts";
import { flag } from "./flag.ts";
import type { Samples } from "./sample.ts";
import { sampleButton } from "./sample-button.ts";
import type { VoiceDialog } from "./voice-dialog.ts";
import { namesOfLanguages } from "./voice-groups.ts";

export type VoiceField = {
  /** Empty until there are voices. */
  value: string;
  /** The voice itself; undefined if the gateway does not list it. */
  readonly voice: VoiceInfo | undefined;
  hidden: boolean;
  /** There are other voices now. */
  refresh(): void;
};

export type VoiceFieldOptions = {
  readonly id: string;
  readonly label: string;
  readonly dialog: VoiceDialog;
  readonly samples: Samples;
  readonly changed: () => void;
  readonly failed: (error: unknown) => void;
  /** Which one to begin with, of those that there are. */
  readonly first: (voices: readonly VoiceInfo[]) => VoiceInfo | undefined;
};

const CHEVRON = "m6.3 9 1.1-1.1L12 12.5l4.6-4.6L17.7 9 12 14.7Z";

/** The chosen voice, a button that opens the list of all, and one that lets it say hello. */
export function voiceField({ id, label, dialog, samples, changed, failed, first }: VoiceFieldOptions): VoiceField {
  const root = byId(id, HTMLElement);
  const open = h("button", {
    type: "button",
    class: "voice-button",
    "aria-haspopup": "dialog",
    id: `${id}-open`,
    "aria-describedby": "voice-error",
  });
  root.append(open);
  let wanted = "";

  const voice = () => dialog.voices.find((one) => one.id === wanted);
  function show(): void {
    const chosen = voice();
    root.querySelector(".sample")?.remove();
    const { name, place } = faceOf(chosen, wanted);
    open.replaceChildren(
      ...(chosen ? [flag(chosen.language)] : []),
      h("span", { class: "visually-hidden" }, `${label}: `),
      h("span", { class: "voice-name" }, name),
      " ",
      h("span", { class: "voice-details" }, place),
      svg(CHEVRON, 22),
    );
    if (chosen) root.append(sampleButton(chosen, samples, failed));
  }
  open.addEventListener("click", () =>
    dialog.open(wanted, ({ id: next }) => {
      wanted = next;
      show();
      changed();
    }),
  );
  show();

  return {
    get value() {
      return wanted;
    },
    set value(next) {
      wanted = next;
      show();
    },
    get voice() {
      return voice();
    },
    get hidden() {
      return root.hasAttribute("hidden");
    },
    set hidden(hidden) {
      root.toggleAttribute("hidden", hidden);
    },
    refresh() {
      if (!voice()) wanted = first(dialog.voices)?.id ?? "";
      show();
    },
  };
}

function faceOf(voice: VoiceInfo | undefined, wanted: string): { name: string; place: string } {
  if (!voice) return { name: wanted || "No voice yet", place: "" };
  const language = namesOfLanguages(navigator.language || "en")(voice.language);
  return { name: voice.name, place: [language, voice.gender, voice.engine].filter(Boolean).join(" · ") };
}
