import { type LanguageTag, languageFit, parseLanguage, regionFit } from "../core/language-tag.ts";
import type { Gender, Voice, VoiceTraits } from "../core/voice.ts";
import type { IndexedVoice, VoiceIndex } from "./voice-index.ts";

/** What is looked for. Language comes first, then gender, then region, style, age and accent, then the engine's order. */
export type Wanted = Omit<VoiceTraits, "language"> & {
  readonly language?: LanguageTag | undefined;
  /** The region was asked for, and so goes before the gender. */
  readonly regionFirst?: boolean;
  /** These are taken before any that is only alike, if they speak the language. */
  readonly ids?: readonly string[];
  /** Which of the equally good ones: different names should be different voices where there are several. */
  readonly rank?: number;
};

/** Engines list their best voices first, so stand-ins are taken from the first few that are alike. */
const STAND_INS = 2;

/** Where people with an accent live. Any other accent is compared with what the voice itself says. */
const ACCENT_REGIONS: Readonly<Record<string, string>> = {
  american: "US",
  australian: "AU",
  austrian: "AT",
  brazilian: "BR",
  british: "GB",
  canadian: "CA",
  english: "GB",
  german: "DE",
  indian: "IN",
  irish: "IE",
  mexican: "MX",
  portuguese: "PT",
  scottish: "GB",
  "south african": "ZA",
  spanish: "ES",
  swiss: "CH",
};

/** 3 its own language, 2 one of many, 1 it does not say, 0 it cannot. */
export function speaks({ tags }: IndexedVoice, language: LanguageTag): 0 | 1 | 2 | 3 {
  return tags.reduce<0 | 1 | 2 | 3>((best, tag) => maximum(best, languageFit(tag, language)), 0);
}

/** Of the tag that speaks the language, how near its region is: 0 to 3. */
export function nearness({ tags }: IndexedVoice, language: LanguageTag): 0 | 1 | 2 | 3 {
  const able = tags.filter((tag) => languageFit(tag, language) > 0);
  return able.reduce<0 | 1 | 2 | 3>((best, tag) => maximum(best, regionFit(tag, language)), 0);
}

/** The best of these voices; undefined only if there are none. */
export function bestVoice(voices: VoiceIndex, wanted: Wanted): IndexedVoice | undefined {
  const { language, ids = [] } = wanted;
  const known = ids.flatMap((id) => voices.get(id) ?? []);
  const able = known.find((listed) => language === undefined || speaks(listed, language) > 1);
  if (able !== undefined) return able;
  let best = -1;
  let alike: IndexedVoice[] = [];
  for (const listed of voices.all) {
    const score = scoreOf(listed, wanted);
    if (score > best) {
      best = score;
      alike = [listed];
    } else if (score === best && alike.length < STAND_INS) alike.push(listed);
  }
  return alike[(wanted.rank ?? 0) % alike.length];
}

/** Each criterion is a digit, the first the most significant: none of them is outweighed by all after it. */
function scoreOf(listed: IndexedVoice, { language, gender, age, accent, style, regionFirst }: Wanted): number {
  const { voice } = listed;
  const region = language === undefined ? 0 : nearness(listed, language);
  const digits = [
    language === undefined ? 0 : speaks(listed, language),
    regionFirst ? region : 0,
    genderFit(voice.gender, gender),
    region,
    style !== undefined && voice.styles?.some((own) => own.toLowerCase() === style.toLowerCase()) ? 1 : 0,
    age === undefined || voice.age === undefined ? 1 : voice.age === age ? 2 : 0,
    accent === undefined ? 0 : accentFit(listed, accent),
  ];
  return digits.reduce<number>((sum, digit) => sum * 4 + digit, 0);
}

/** 2 the same, 1 unknown or neither, 0 the other one. */
export function genderFit(has: Gender | undefined, wanted: Gender | undefined): 0 | 1 | 2 {
  if (wanted === undefined || has === undefined) return 1;
  if (has === wanted) return 2;
  return has === "neutral" || wanted === "neutral" ? 1 : 0;
}

function accentFit({ voice, tags }: IndexedVoice, accent: string): 0 | 1 | 2 {
  const wanted = accent.toLowerCase().replaceAll(/[-_]/g, " ");
  if (voice.accent?.toLowerCase().replaceAll(/[-_]/g, " ") === wanted) return 2;
  const region = Object.hasOwn(ACCENT_REGIONS, wanted) ? ACCENT_REGIONS[wanted] : wanted.toUpperCase();
  return tags.some((tag) => tag.region === region) ? 1 : 0;
}

/** What a list of voices can be narrowed by. */
export type VoiceFilter = {
  /** BCP-47: `en` finds all of English, `en-GB` only that. */
  readonly language?: string | undefined;
  readonly engine?: string | undefined;
  readonly gender?: Gender | undefined;
};

/** Whether a voice passes; a language that is no tag finds nothing. */
export function passes(voice: Voice, { language, engine, gender }: VoiceFilter): boolean {
  if (engine !== undefined && voice.engine !== engine) return false;
  if (gender !== undefined && voice.gender !== gender) return false;
  if (language === undefined) return true;
  const wanted = parseLanguage(language);
  if (wanted === undefined) return false;
  return [voice.language, ...(voice.languages ?? [])].some((own) => {
    const tag = parseLanguage(own);
    if (tag?.language === "mul") return true;
    return tag?.language === wanted.language && (wanted.region === undefined || tag.region === wanted.region);
  });
}

function maximum<T extends number>(a: T, b: T): T {
  return a > b ? a : b;
}
