import { AUDIO_FORMATS, type AudioFormatName, type VoiceInfo } from "@mynah/client";
import { byId, h } from "../shared/dom.ts";
import { recall, remember } from "../shared/memory.ts";
import type { SessionValue } from "../shared/session-value.ts";
import { choice } from "./choice.ts";
import { EXAMPLES } from "./examples.ts";
import type { Samples } from "./sample.ts";
import { steppedSlider } from "./stepped-slider.ts";
import { voiceDialog } from "./voice-dialog.ts";
import { voiceField } from "./voice-field.ts";

/** What the reader asks for: everything that shapes the sound. */
export type Wish = {
  text: string;
  voice: string;
  format: AudioFormatName;
  speed: number;
  pitch: number;
  volume: number;
};

/** `socket` tells when each word is heard, `http` how long each part of the gateway took. */
export type Transport = "socket" | "http";

export type Composer = {
  wish: Wish;
  readonly transport: Transport;
  /** The second voice; undefined unless two are compared. */
  readonly rival: string | undefined;
  setVoices(voices: readonly VoiceInfo[]): void;
};

export type ComposerOptions = {
  readonly key: SessionValue;
  readonly samples: Samples;
  readonly submit: () => void;
  /** Something else would be said now. */
  readonly changed: () => void;
  readonly failed: (error: unknown) => void;
};

const SPEEDS = [0.25, 0.5, 0.75, 0.8, 0.9, 1, 1.1, 1.2, 1.25, 1.5, 1.75, 2, 2.5, 3, 4];
const PITCHES = [0.5, 0.6, 0.7, 0.8, 0.9, 1, 1.1, 1.2, 1.35, 1.5, 1.75, 2];
const VOLUMES = [0.25, 0.5, 0.75, 1, 1.25, 1.5, 2];

/** The form. Settings survive a reload, the text does not: it may be private. */
export function composer({ key, samples, submit, changed, failed }: ComposerOptions): Composer {
  const form = byId("composer", HTMLFormElement);
  const text = byId("text", HTMLTextAreaElement);
  const counter = byId("counter", HTMLElement);
  const save = () => {
    remember("settings", JSON.stringify({ ...read(), text: undefined, transport: transport.value }));
    changed();
  };
  const dialog = voiceDialog({ samples, failed });
  const fieldOf = { dialog, samples, changed: save, failed };
  // The gateway lists the engine it prefers first.
  const voice = voiceField({ ...fieldOf, id: "voice", label: "Voice", first: ([preferred]) => preferred });
  const rival = voiceField({
    ...fieldOf,
    id: "voice-b",
    label: "Second voice",
    first: (all) => unlike(all, voice.value),
  });
  const speed = steppedSlider("speed", SPEEDS, save);
  const pitch = steppedSlider("pitch", PITCHES, save);
  const volume = steppedSlider("volume", VOLUMES, save);
  const names = Object.fromEntries(AUDIO_FORMATS.map((name) => [name, name])) as Record<AudioFormatName, string>;
  const format = choice({ id: "formats", name: "format", values: names }, save);
  const transports: Record<Transport, string> = { socket: "socket", http: "http" };
  const transport = choice({ id: "transports", name: "transport", values: transports }, save);

  const count = () => {
    counter.textContent = text.value === "" ? "" : `${text.value.length} characters`;
    changed();
  };
  const read = (): Wish => ({
    text: text.value,
    voice: voice.value,
    format: format.value,
    speed: speed.value,
    pitch: pitch.value,
    volume: volume.value,
  });
  const write = (wish: Partial<Wish>) => {
    if (wish.text !== undefined) text.value = wish.text;
    if (wish.voice !== undefined) voice.value = wish.voice;
    if (wish.format !== undefined) format.value = wish.format;
    speed.value = wish.speed ?? speed.value;
    pitch.value = wish.pitch ?? pitch.value;
    volume.value = wish.volume ?? volume.value;
    count();
  };

  text.addEventListener("input", count);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    submit();
  });
  form.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    submit();
  });
  watchKey(key);
  watchCompare(rival, changed);
  byId("mod-key", HTMLElement).textContent = /mac|iphone|ipad/i.test(navigator.userAgent) ? "⌘" : "Ctrl";
  showExamples((example) => {
    write({ text: example });
    text.focus();
  });
  const saved = savedSettings();
  if (saved.transport) transport.value = saved.transport;
  write({ text: EXAMPLES[0]?.text ?? "", ...saved });

  return {
    get wish() {
      return read();
    },
    set wish(wish) {
      write(wish);
      save();
    },
    get transport() {
      return transport.value;
    },
    get rival() {
      return rival.hidden ? undefined : rival.value;
    },
    setVoices(voices) {
      dialog.voices = voices;
      voice.refresh();
      rival.refresh();
      changed();
    },
  };
}

/** A voice to compare with: of another engine if there is one, for then there is most to hear. */
function unlike(voices: readonly VoiceInfo[], chosen: string): VoiceInfo | undefined {
  const mine = voices.find(({ id }) => id === chosen);
  const sameLanguage = voices.filter(({ language }) => language.slice(0, 2) === mine?.language.slice(0, 2));
  const others = sameLanguage.filter(({ id }) => id !== chosen);
  return (
    others.find(({ engine, name }) => engine !== mine?.engine && name !== mine?.name) ??
    others[0] ??
    voices.find(({ id }) => id !== chosen)
  );
}

function watchKey(key: SessionValue): void {
  const input = byId("key", HTMLInputElement);
  input.value = key.value;
  input.addEventListener("change", () => {
    key.value = input.value.trim();
  });
  key.onChange(() => {
    input.value = key.value;
  });
}

function watchCompare(rival: { hidden: boolean }, changed: () => void): void {
  const button = byId("compare", HTMLButtonElement);
  button.addEventListener("click", () => {
    rival.hidden = !rival.hidden;
    button.setAttribute("aria-pressed", String(!rival.hidden));
    button.textContent = rival.hidden ? "Compare with a second voice" : "One voice only";
    changed();
  });
}

function showExamples(choose: (text: string) => void): void {
  const chips = EXAMPLES.map(({ label, text }) => {
    const chip = h("button", { type: "button", class: "chip", title: text }, label);
    chip.addEventListener("click", () => choose(text));
    return h("li", {}, chip);
  });
  byId("examples", HTMLElement).append(...chips);
}

type Saved = Partial<Omit<Wish, "text">> & { transport?: Transport };

/** Nothing stored by an older or broken page may break this one, so every value is looked at. */
function savedSettings(): Saved {
  const settings: Saved = {};
  try {
    const saved = JSON.parse(recall("settings") ?? "{}") as Record<string, unknown>;
    const format = AUDIO_FORMATS.find((name) => name === saved.format);
    if (format !== undefined) settings.format = format;
    if (saved.transport === "http" || saved.transport === "socket") settings.transport = saved.transport;
    if (typeof saved.voice === "string") settings.voice = saved.voice;
    for (const name of ["speed", "pitch", "volume"] as const) {
      const value = saved[name];
      if (typeof value === "number") settings[name] = value;
    }
  } catch {
    // Not JSON: the defaults hold.
  }
  return settings;
}
