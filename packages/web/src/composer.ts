import { AUDIO_FORMATS, type AudioFormatName } from "@mynah/client";
import { byId, h } from "./dom.ts";
import { EXAMPLES } from "./examples.ts";
import { recall, remember } from "./memory.ts";
import { steppedSlider } from "./stepped-slider.ts";
import { type VoicePicker, voicePicker } from "./voice-picker.ts";

/** What the reader asks for: everything that shapes the sound. */
export type Wish = { text: string; voice: string; format: AudioFormatName; speed: number; pitch: number };

export type Composer = {
  wish: Wish;
  /** Empty if none was typed. */
  readonly apiKey: string;
  readonly voices: VoicePicker;
};

const SPEEDS = [0.25, 0.5, 0.75, 0.8, 0.9, 1, 1.1, 1.2, 1.25, 1.5, 1.75, 2, 2.5, 3, 4];
const PITCHES = [0.5, 0.6, 0.7, 0.8, 0.9, 1, 1.1, 1.2, 1.35, 1.5, 1.75, 2];

/** The form. Settings survive a reload, the text does not: it may be private. */
export function composer(handlers: { submit: () => void; keyChanged: () => void }): Composer {
  const form = byId("composer", HTMLFormElement);
  const text = byId("text", HTMLTextAreaElement);
  const key = byId("key", HTMLInputElement);
  const counter = byId("counter", HTMLElement);
  const save = () => remember("settings", JSON.stringify({ ...read(), text: undefined }));
  const voices = voicePicker(save);
  const speed = steppedSlider("speed", SPEEDS, save);
  const pitch = steppedSlider("pitch", PITCHES, save);
  const formats = formatChoice(save);

  const count = () => {
    counter.textContent = text.value === "" ? "" : `${text.value.length} characters`;
  };
  const read = (): Wish => ({
    text: text.value,
    voice: voices.value,
    format: formats.value,
    speed: speed.value,
    pitch: pitch.value,
  });
  const write = (wish: Partial<Wish>) => {
    if (wish.text !== undefined) text.value = wish.text;
    if (wish.voice !== undefined) voices.value = wish.voice;
    if (wish.format !== undefined) formats.value = wish.format;
    if (wish.speed !== undefined) speed.value = wish.speed;
    if (wish.pitch !== undefined) pitch.value = wish.pitch;
    count();
  };

  text.addEventListener("input", count);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    handlers.submit();
  });
  form.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    handlers.submit();
  });
  key.value = recall("key", sessionStorageOrNone()) ?? "";
  key.addEventListener("change", () => {
    remember("key", key.value, sessionStorageOrNone());
    handlers.keyChanged();
  });
  byId("mod-key", HTMLElement).textContent = /mac|iphone|ipad/i.test(navigator.userAgent) ? "⌘" : "Ctrl";
  showExamples((example) => {
    write({ text: example });
    text.focus();
  });
  write({ text: EXAMPLES[0]?.text ?? "", ...savedSettings() });

  return {
    get wish() {
      return read();
    },
    set wish(wish) {
      write(wish);
      save();
    },
    get apiKey() {
      return key.value.trim();
    },
    voices,
  };
}

function formatChoice(changed: () => void): { value: AudioFormatName } {
  const radios = AUDIO_FORMATS.map((format) => {
    const radio = h("input", { type: "radio", name: "format", value: format, id: `format-${format}` });
    radio.addEventListener("change", changed);
    byId("formats", HTMLElement).append(h("span", { class: "segment" }, radio, h("label", { for: radio.id }, format)));
    return { format, radio };
  });
  return {
    get value() {
      return radios.find(({ radio }) => radio.checked)?.format ?? "mp3";
    },
    set value(value) {
      for (const { format, radio } of radios) radio.checked = format === value;
    },
  };
}

function showExamples(choose: (text: string) => void): void {
  const chips = EXAMPLES.map(({ label, text }) => {
    const chip = h("button", { type: "button", class: "chip", title: text }, label);
    chip.addEventListener("click", () => choose(text));
    return h("li", {}, chip);
  });
  byId("examples", HTMLElement).append(...chips);
}

/** Nothing stored by an older or broken page may break this one, so every value is looked at. */
function savedSettings(): Partial<Wish> {
  const settings: Partial<Wish> = { format: "mp3" };
  try {
    const saved = JSON.parse(recall("settings") ?? "{}") as Record<string, unknown>;
    const format = AUDIO_FORMATS.find((name) => name === saved.format);
    if (format !== undefined) settings.format = format;
    if (typeof saved.voice === "string") settings.voice = saved.voice;
    if (typeof saved.speed === "number") settings.speed = saved.speed;
    if (typeof saved.pitch === "number") settings.pitch = saved.pitch;
  } catch {
    // Not JSON: the defaults hold.
  }
  return settings;
}

function sessionStorageOrNone(): Storage | undefined {
  try {
    return globalThis.sessionStorage;
  } catch {
    return undefined;
  }
}
