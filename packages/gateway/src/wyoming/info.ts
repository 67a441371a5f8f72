import type { Voice } from "../core/voice.ts";

export type NamedVoice = {
  readonly voice: Voice;
  /** What to send to be spoken to by it. */
  readonly name: string;
};

/**
 * Where a voice says that it speaks many languages and not which: those of the large multilingual models. Home Assistant
 * offers a voice only under languages that are named.
 */
const MANY_LANGUAGES = (
  "af ar az be bg bs ca cs cy da de el en es et fa fi fr gl he hi hr hu hy id is it ja kk kn ko lt lv mi mk mr ms ne nl no " +
  "pl pt ro ru sk sl sr sv sw ta th tl tr uk ur vi zh"
).split(" ");

/** The data of `info`: one program, for Home Assistant looks at the first alone. */
export function infoData(voices: readonly NamedVoice[], version: string): Record<string, unknown> {
  const tts = {
    name: "mynah",
    attribution: { name: "Mynah", url: "" },
    installed: true,
    description: "Text-to-speech gateway",
    version,
    voices: voices.map(voiceInfo),
    supports_synthesize_streaming: true,
  };
  return { asr: [], tts: [tts], handle: [], intent: [], wake: [], mic: [], snd: [] };
}

function voiceInfo({ voice, name }: NamedVoice) {
  return {
    name,
    attribution: { name: voice.engine, url: "" },
    installed: true,
    description: described(voice),
    version: null,
    languages: languagesOf(voice),
    speakers: null,
  };
}

/** What a person chooses by. */
function described({ name, engine, gender }: Voice): string {
  return `${name} (${[engine, gender].filter(Boolean).join(", ")})`;
}

function languagesOf({ language, languages = [] }: Voice): string[] {
  const named = [language, ...languages].filter((tag) => tag !== "mul" && tag !== "und");
  return named.length > 0 ? [...new Set(named)] : MANY_LANGUAGES;
}
