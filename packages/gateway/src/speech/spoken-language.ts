import { SpeechError } from "../core/errors.ts";
import { languageFit, parseLanguage } from "../core/language-tag.ts";
import type { Voice } from "../core/voice.ts";
import type { Candidate } from "./voice-catalogue.ts";

/** What is known of a candidate's voice. */
export type VoiceOf = (candidate: Candidate) => Voice | undefined;

const SHOWN_CHARS = 40;

/**
 * Whether this voice can read a language aloud. An engine that is told the language, or hears it out of the text, answers
 * for itself, and so does a voice of which nothing is known.
 */
export function speaksLanguage(candidate: Candidate, language: string, voiceOf: VoiceOf | undefined): boolean {
  const { language: knows = "voice" } = candidate.engine.capabilities;
  const voice = knows === "voice" ? voiceOf?.(candidate) : undefined;
  if (voice === undefined) return true;
  const wanted = parseLanguage(language);
  if (wanted === undefined) return false;
  return [voice.language, ...(voice.languages ?? [])].some((tag) => {
    const own = parseLanguage(tag);
    return own === undefined || languageFit(own, wanted) > 0;
  });
}

export function nobodySpeaks(language: string): string {
  return `no voice here speaks ${JSON.stringify(language.slice(0, SHOWN_CHARS))}`;
}

/** Throws `setting_unsupported` when none of those who could speak can read this language aloud. */
export function requireLanguage(
  language: string,
  candidates: readonly Candidate[],
  voiceOf: VoiceOf | undefined,
): void {
  if (candidates.some((candidate) => speaksLanguage(candidate, language, voiceOf))) return;
  const message = `${nobodySpeaks(language)}; leave "language" out to hear the voice read it in its own`;
  throw new SpeechError("setting_unsupported", message, { param: "language" });
}
