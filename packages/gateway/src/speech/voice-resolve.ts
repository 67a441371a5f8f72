import { type LanguageTag, parseLanguage } from "../core/language-tag.ts";
import type { SpeechEngine } from "../core/ports.ts";
import type { Voice, VoiceTraits } from "../core/voice.ts";
import { type KnownVoice, OPENAI_VOICES, traitsOfId } from "./known-voices.ts";
import type { AliasBook, VoiceAlias } from "./voice-aliases.ts";
import { CERTAINTY, type Certainty, folded, type IndexedVoice, type VoiceIndex } from "./voice-index.ts";
import { bestVoice, genderFit, nearness, speaks, type Wanted } from "./voice-match.ts";

/** An engine that could speak, with its own voice id. */
export type Candidate = {
  readonly engine: SpeechEngine;
  readonly voice: string;
  /** The caller's, where the engine wants to know it. */
  readonly model?: string;
  /** BCP-47: what the engine must be told, since the voice speaks several languages and the caller's name for it meant one. */
  readonly language?: string;
};

/** What is known when a name is looked up. */
export type KnownVoices = {
  /** In order of preference: those that may speak this. */
  readonly engines: readonly SpeechEngine[];
  readonly aliases: AliasBook;
  indexOf(engine: SpeechEngine): VoiceIndex;
};

export type NameQuery = {
  readonly name: string;
  /** Instead of a name. */
  readonly traits?: VoiceTraits | undefined;
  /** The caller's, BCP-47. A voice that does not speak it is replaced by one like it that does. */
  readonly language?: string | undefined;
  /** The caller named the engine too: its voice is taken at the word. */
  readonly literal?: boolean;
};

type Meaning =
  | { readonly kind: "alias"; readonly alias: VoiceAlias }
  | { readonly kind: "openai"; readonly voice: KnownVoice; readonly rank: number; readonly name: string }
  | { readonly kind: "language"; readonly language: LanguageTag }
  | { readonly kind: "own" };

/** The voice that a name says by itself, before any likeness. */
type Named = { readonly voice: string; readonly certainty: Certainty; readonly listed: IndexedVoice | undefined };
type Target = Wanted & {
  /** The language is known and not only guessed: who does not speak it is left out. */
  readonly demanded: boolean;
};
type Offer = Candidate & { readonly certainty: Certainty; readonly able: boolean };

const GUESSED_LANGUAGE = "en";
const LANGUAGE_SHAPE = /^[a-z]{2,3}(?:[-_]|$)/i;

/**
 * Who could speak as `name`, best first; nobody if the name means nothing. Engines that have the voice come first, then
 * those with one like it; an engine without a voice of the language is left out, unless there would be none.
 */
export function resolveVoice(query: NameQuery, known: KnownVoices): readonly Candidate[] {
  const meaning = meaningOf(query, known);
  const named = known.engines.map((engine) => namedVoice(meaning, query.name, engine, known.indexOf(engine)));
  if (meaning.kind === "own" && named.every((found) => found === undefined)) return [];
  const asked = query.language === undefined ? undefined : parseLanguage(query.language);
  const target = targetOf(meaning, query.name, named, asked);
  const literal = query.literal === true && meaning.kind === "own";
  const offers = known.engines.flatMap((engine, at) => {
    const found = named[at];
    const mayStay = found?.listed === undefined || asked === undefined || speaks(found.listed, asked) > 0;
    if (found !== undefined && (literal || mayStay)) return [offerOf(engine, found, true)];
    return replacement(engine, found, known.indexOf(engine), target, meaning);
  });
  const able = offers.filter((offer) => offer.able);
  if (able.length === 0 && asked !== undefined) return resolveVoice({ ...query, language: undefined }, known);
  if (able.length === 0 && meaning.kind === "language") return [];
  return (able.length > 0 ? able : offers)
    .toSorted((a, b) => a.certainty - b.certainty)
    .map(({ engine, voice, language }) => ({ engine, voice, ...(language !== undefined && { language }) }));
}

function meaningOf({ name, traits, literal }: NameQuery, { engines, aliases, indexOf }: KnownVoices): Meaning {
  if (traits !== undefined) return { kind: "alias", alias: { name, traits, voices: new Map() } };
  const indexes = engines.map((engine) => indexOf(engine));
  if (literal && indexes.some((index) => index.get(name) !== undefined)) return { kind: "own" };
  const alias = aliases.find(name);
  if (alias !== undefined) return { kind: "alias", alias };
  const openai = folded(name);
  const voice = OPENAI_VOICES.get(openai);
  if (voice !== undefined) return { kind: "openai", voice, rank: rankOf(openai, voice), name: openai };
  const language = LANGUAGE_SHAPE.test(name) ? parseLanguage(name) : undefined;
  if (language !== undefined && meansLanguage(name, language, indexes)) return { kind: "language", language };
  return { kind: "own" };
}

/** `de` is German although eSpeak calls a voice so; `kal` is flite's, although it is the tag of Greenlandic too. */
function meansLanguage(name: string, language: LanguageTag, indexes: readonly VoiceIndex[]): boolean {
  if (language.language === "mul" || language.language === "und") return false;
  const owners = indexes.flatMap((index) => index.find(name) ?? []);
  if (owners.some(({ listed }) => speaks(listed, language) < 3)) return false;
  const fits = indexes.map((index) => index.all.reduce((best, listed) => Math.max(best, speaks(listed, language)), 0));
  const best = Math.max(0, ...fits);
  return best === 3 || (best === 2 && isLanguageInUse(language));
}

/** Any two or three letters are a tag; who speaks many languages still speaks only those that there are. */
function isLanguageInUse({ language }: LanguageTag): boolean {
  return new Intl.DisplayNames("en", { type: "language", fallback: "none" }).of(language) !== undefined;
}

function rankOf(name: string, { gender }: KnownVoice): number {
  return [...OPENAI_VOICES]
    .filter(([, voice]) => voice.gender === gender)
    .map(([other]) => other)
    .indexOf(name);
}

function namedVoice(meaning: Meaning, name: string, engine: SpeechEngine, index: VoiceIndex): Named | undefined {
  if (meaning.kind === "language") return undefined;
  if (meaning.kind === "alias") {
    const voice = meaning.alias.voices.get(engine.name);
    return voice === undefined ? undefined : { voice, certainty: CERTAINTY.id, listed: index.get(voice) };
  }
  // An engine without a list is asked and may refuse.
  if (index.all.length === 0)
    return meaning.kind === "openai"
      ? { voice: meaning.name, certainty: CERTAINTY.id, listed: undefined }
      : { voice: name, certainty: CERTAINTY.unlisted, listed: undefined };
  const found = index.find(name);
  if (found === undefined) return undefined;
  const certainty = meaning.kind === "openai" ? CERTAINTY.id : found.certainty;
  return { voice: found.listed.voice.id, certainty, listed: found.listed };
}

function targetOf(
  meaning: Meaning,
  name: string,
  named: readonly (Named | undefined)[],
  asked: LanguageTag | undefined,
): Target {
  const regionFirst = asked?.region !== undefined;
  const model = modelOf(meaning, name, named);
  switch (meaning.kind) {
    case "openai": {
      const { voice, rank } = meaning;
      return { ...voice, rank, regionFirst, ...demand(asked) };
    }
    case "language": {
      const language = asked ?? meaning.language;
      return { language, regionFirst: language.region !== undefined, demanded: true };
    }
    case "alias": {
      const { language, ...traits } = { ...model, ...meaning.alias.traits };
      return { ...traits, regionFirst, ...demand(asked ?? tagOf(language)) };
    }
    case "own": {
      const { language, ...traits } = model;
      return { ...traits, regionFirst, ...demand(asked ?? tagOf(language)) };
    }
  }
}

function demand(language: LanguageTag | undefined): { language: LanguageTag; demanded: boolean } {
  return { language: language ?? parseLanguage(GUESSED_LANGUAGE)!, demanded: language !== undefined };
}

/** Undefined where a tag says nothing about what is spoken. */
function tagOf(tag: string | undefined): LanguageTag | undefined {
  const parsed = tag === undefined ? undefined : parseLanguage(tag);
  return parsed?.language === "mul" || parsed?.language === "und" ? undefined : parsed;
}

/** What the named voice is like: the surest one that is listed, else what its id tells. */
function modelOf(meaning: Meaning, name: string, named: readonly (Named | undefined)[]): VoiceTraits {
  const found = named.filter((one) => one !== undefined).toSorted((a, b) => a.certainty - b.certainty);
  const listed = found.find((one) => one.listed !== undefined)?.listed;
  if (listed !== undefined) return traitsOf(listed.voice);
  return traitsOfId(meaning.kind === "own" ? name : (found[0]?.voice ?? ""));
}

function traitsOf({ language, gender, age, accent, styles }: Voice): VoiceTraits {
  const style = styles?.[0];
  return {
    language,
    ...(gender !== undefined && { gender }),
    ...(age !== undefined && { age }),
    ...(accent !== undefined && { accent }),
    ...(style !== undefined && { style }),
  };
}

/** The engine's best voice for the target; a named one that does not speak the language only if that is all there is. */
function replacement(
  engine: SpeechEngine,
  found: Named | undefined,
  index: VoiceIndex,
  target: Target,
  meaning: Meaning,
): Offer[] {
  const best = bestVoice(index, target);
  const able = best !== undefined && (!target.demanded || speaks(best, target.language!) > 0);
  if (found !== undefined && !able) return [offerOf(engine, found, false)];
  if (best === undefined) return [];
  const certainty = found?.certainty ?? (isAsGood(best, target, meaning) ? CERTAINTY.id : CERTAINTY.alike);
  const offer = offerOf(engine, { voice: best.voice.id, certainty, listed: best }, able);
  const said = meaning.kind === "language" || (meaning.kind === "alias" && meaning.alias.traits.language !== undefined);
  const isToBeTold = said && able && best.tags[0]!.language !== target.language!.language;
  return [isToBeTold ? { ...offer, language: target.language!.tag } : offer];
}

/** Whether a voice is all that a name without an owner means; then the order of the engines decides. */
function isAsGood(best: IndexedVoice, target: Target, meaning: Meaning): boolean {
  if (target.demanded && speaks(best, target.language!) < 2) return false;
  if (meaning.kind === "openai") return true;
  if (meaning.kind === "language") return !target.regionFirst || nearness(best, target.language!) > 0;
  const described = meaning.kind === "alias" && Object.keys(meaning.alias.traits).length > 0;
  return described && genderFit(best.voice.gender, target.gender) > 0;
}

function offerOf(engine: SpeechEngine, { voice, certainty }: Named, able: boolean): Offer {
  return { engine, voice, certainty, able };
}
