import type { PronouncedPart, SpeechEngine } from "../core/ports.ts";
import type { Notice, Pronunciation } from "../core/script.ts";
import { shown } from "../core/ssml/xml-error.ts";
import type { Candidate } from "./voice-catalogue.ts";

/** What one candidate is told of how a text is pronounced, and what is told the caller of the rest. */
export type Phonemic = { readonly phonemes: readonly PronouncedPart[]; readonly notices: readonly Notice[] };

/** Of markup around each, about, which engines count with the text. */
const MARKUP_CHARS = 48;

/**
 * Divides the pronunciations of a text into those that the candidate takes and those that it does not: for these the text is
 * spoken as it is written. It does not choose who speaks: one sentence in another voice is worse than one word mispronounced.
 */
export function phonemic(text: string, given: readonly Pronunciation[], { engine, voice }: Candidate): Phonemic {
  const phonemes: PronouncedPart[] = [];
  const notices: Notice[] = [];
  let room = engine.capabilities.maxChars - text.length;
  for (const { from, to, alphabet: named, phonemes: said, place } of given) {
    const alphabet = named.toLowerCase();
    const problem = problemOf(engine, voice, alphabet);
    const length = said.length + MARKUP_CHARS;
    if (problem === undefined && length <= room) {
      phonemes.push({ from, to, alphabet, phonemes: said });
      room -= length;
    } else notices.push(asWrittenNotice(place, problem ?? `${engine.name} takes no more phonemes in one sentence`));
  }
  return { phonemes, notices };
}

export function asWrittenNotice(place: Pronunciation["place"], why: string): Notice {
  return { ...place, message: `${why}; the text is spoken as it is written` };
}

function problemOf({ name, capabilities }: SpeechEngine, voice: string, alphabet: string): string | undefined {
  const { alphabets, exceptVoices } = capabilities.phonemes ?? { alphabets: [] };
  if (alphabets.length === 0) return `${name} takes no phonemes`;
  if (exceptVoices?.test(voice)) return `this voice of ${name} takes no phonemes`;
  if (alphabets.includes(alphabet)) return undefined;
  return `${name} takes phonemes in ${alphabets.join(", ")}, not in ${shown(alphabet)}`;
}
