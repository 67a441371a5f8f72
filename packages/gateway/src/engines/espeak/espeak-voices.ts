import { SpeechError } from "../../core/errors.ts";
import type { Voice } from "../../core/voice.ts";

/** What both forms of eSpeak NG have in common: voice ids, ranges, and how text is made safe for them. */

export const ESPEAK_SAMPLE_RATE_HZ = 22_050;
const NORMAL_WORDS_PER_MINUTE = 175;
/** It clamps to 80..450 words per minute. */
export const ESPEAK_SPEED = { min: 0.5, max: 2.5 } as const;
export const ESPEAK_PITCH = { min: 0.5, max: 2 } as const;
export const ESPEAK_MAX_CHARS = 1000;

/** Any voice may be given another throat: `en-us+f3`. Unlisted, since they would multiply the list by 15. */
const VARIANT = /^\+(?:f[1-5]|m[1-8]|croak|whisper)$/;

export type EspeakVoice = {
  readonly id: string;
  readonly name: string;
  /** What the engine is told: its own ids do not all work (`fr-fr` in WASM), the files behind them do. */
  readonly file: string;
};

/** The file, with the variant if there is one. Throws `voice_not_found` for what is neither listed nor a known variant. */
export function voiceFile(id: string, voices: readonly EspeakVoice[], engine: string): string {
  const plus = id.indexOf("+");
  const base = plus < 0 ? id : id.slice(0, plus);
  const variant = plus < 0 ? "" : id.slice(plus);
  const voice = voices.find((listed) => listed.id === base);
  if (voice && (variant === "" || VARIANT.test(variant))) return voice.file + variant;
  throw new SpeechError("voice_not_found", `${engine} has no such voice`, { engine, param: "voice" });
}

/** Without a gender: its own column says M for nearly all and means nothing. */
export function voiceOf({ id, name }: EspeakVoice, engine: string): Voice {
  return { id, name, language: languageTag(id), engine };
}

function languageTag(id: string): string {
  if (!/^[a-z]{2,3}(?:-|$)/i.test(id)) return "und"; // Klingon goes by its script, `piqd`
  try {
    return Intl.getCanonicalLocales(id)[0] ?? id;
  } catch {
    return id.slice(0, id.indexOf("-"));
  }
}

export function wordsPerMinute(speed: number): number {
  return Math.round(NORMAL_WORDS_PER_MINUTE * speed);
}

/** Its scale 0..99 is an exponential around 50: an octave is 50 steps. */
export function pitchStep(pitch: number): number {
  return Math.min(99, Math.max(0, Math.round(50 + 50 * Math.log2(pitch))));
}

/** Controls become spaces, and `[[`, which would switch to phoneme input, is broken up. */
export function safeText(text: string): string {
  return text
    .toWellFormed()
    .replace(/[^\P{C}\n\u200c\u200d]/gu, " ")
    .replace(/\[(?=\[)/g, "[ ");
}
