import { type LanguageTag, parseLanguage } from "../core/language-tag.ts";
import type { Voice } from "../core/voice.ts";
import { enriched } from "./known-voices.ts";

/** A voice with its languages understood. */
export type IndexedVoice = { readonly voice: Voice; readonly tags: readonly LanguageTag[] };

/** How a name was found, best first. */
export const CERTAINTY = { id: 0, foldedId: 1, name: 2, unlisted: 3, alike: 4 } as const;
export type Certainty = (typeof CERTAINTY)[keyof typeof CERTAINTY];
export type FoundVoice = { readonly listed: IndexedVoice; readonly certainty: Certainty };

/** More than any engine has; what a broken one lists beyond it is not looked at. */
const MAX_VOICES = 10_000;
/** Longer names are nobody's. */
export const MAX_NAME_CHARS = 256;
const UNKNOWN_LANGUAGE: LanguageTag = { tag: "und", language: "und" };

/** Names are compared so where it is clear which one is meant. */
export function folded(name: string): string {
  return name.trim().normalize("NFC").toLowerCase();
}

/** One engine's list, ready to be searched. */
export class VoiceIndex {
  /** In the engine's order, which is its order of quality as far as it has one. */
  readonly all: readonly IndexedVoice[];
  readonly #ids = new Map<string, IndexedVoice>();
  /** `undefined`: two voices are called so. */
  readonly #foldedIds = new Map<string, IndexedVoice | undefined>();
  readonly #foldedNames = new Map<string, IndexedVoice | undefined>();

  /** What is no voice, has a name beyond all bounds or comes twice is left out: lists come from other people's servers. */
  constructor(voices: readonly Voice[], engine: string) {
    const all: IndexedVoice[] = [];
    for (const raw of voices.slice(0, MAX_VOICES)) {
      if (!isVoice(raw) || this.#ids.has(raw.id)) continue;
      const voice = enriched({ ...raw, engine });
      const tags = [voice.language, ...(voice.languages ?? [])].map((tag) => parseLanguage(tag) ?? UNKNOWN_LANGUAGE);
      const listed = { voice, tags };
      all.push(listed);
      this.#ids.set(voice.id, listed);
      addOnce(this.#foldedIds, folded(voice.id), listed);
      addOnce(this.#foldedNames, folded(voice.name), listed);
    }
    this.all = all;
  }

  get(id: string): IndexedVoice | undefined {
    return this.#ids.get(id);
  }

  /** By its id, else by what is clearly meant: the id or the name in other letters. */
  find(name: string): FoundVoice | undefined {
    const exact = this.#ids.get(name);
    if (exact !== undefined) return { listed: exact, certainty: CERTAINTY.id };
    const key = folded(name);
    const byId = this.#foldedIds.get(key);
    if (byId !== undefined) return { listed: byId, certainty: CERTAINTY.foldedId };
    const byName = this.#foldedNames.get(key);
    return byName && { listed: byName, certainty: CERTAINTY.name };
  }
}

function addOnce(map: Map<string, IndexedVoice | undefined>, key: string, listed: IndexedVoice): void {
  map.set(key, map.has(key) ? undefined : listed);
}

function isVoice(raw: Voice): boolean {
  const { id, name, language, languages = [], styles = [] }: Partial<Record<keyof Voice, unknown>> = raw ?? {};
  if (!Array.isArray(languages) || !Array.isArray(styles)) return false;
  const texts: unknown[] = [id, name, language, ...languages, ...styles];
  return texts.every((text) => typeof text === "string") && raw.id !== "" && raw.id.length <= MAX_NAME_CHARS;
}
