/** What matters of a BCP-47 tag for finding a voice. */
export type LanguageTag = {
  /** In its canonical form: `de-DE`. */
  readonly tag: string;
  /** Primary subtag in its canonical form: `cmn` is `zh`, `nb` is `no`. `mul` and `und` are themselves. */
  readonly language: string;
  /** As written; absent if the tag has none. */
  readonly region?: string;
  /** As written, or where most speakers of the language live. */
  readonly likelyRegion?: string;
};

/** RFC 5646 section 4.4.1: no tag that is in use is longer. */
const MAX_TAG_CHARS = 35;
/** Bokmål is what `no` means in every voice list seen. */
const SAME_LANGUAGE: Readonly<Record<string, string>> = { nb: "no" };

/** Undefined for what is no tag. `de_DE` counts as `de-DE`: many engines write it so. */
export function parseLanguage(tag: string): LanguageTag | undefined {
  if (tag.length === 0 || tag.length > MAX_TAG_CHARS) return undefined;
  const written = tag.replaceAll("_", "-");
  if (/^(?:und|mul)(?:-|$)/i.test(written)) {
    const tag = written.slice(0, 3).toLowerCase();
    return { tag, language: tag };
  }
  try {
    const locale = new Intl.Locale(written);
    if (locale.language.length > 3) return undefined; // well-formed, but no such language was ever registered: "English"
    const likely = locale.maximize().region;
    return {
      tag: locale.toString(),
      language: Object.hasOwn(SAME_LANGUAGE, locale.language) ? SAME_LANGUAGE[locale.language]! : locale.language,
      ...(locale.region !== undefined && { region: locale.region }),
      ...(likely !== undefined && { likelyRegion: likely }),
    };
  } catch {
    return undefined; // RangeError: not well-formed
  }
}

/**
 * How well a voice of this tag speaks a language: 3 it is its own, 2 one of many, 1 it does not say what it speaks,
 * 0 not at all.
 */
export function languageFit(voice: LanguageTag, wanted: LanguageTag): 0 | 1 | 2 | 3 {
  if (voice.language === wanted.language) return 3;
  if (voice.language === "mul") return 2;
  return voice.language === "und" || wanted.language === "und" ? 1 : 0;
}

/** How near the regions of two tags of one language are: 3 the same, 2 most likely the same, 1 unknown, 0 different. */
export function regionFit(voice: LanguageTag, wanted: LanguageTag): 0 | 1 | 2 | 3 {
  if (voice.language !== wanted.language) return 1;
  if (voice.region !== undefined) return voice.region === wanted.likelyRegion ? 3 : 0;
  return voice.likelyRegion === wanted.likelyRegion ? 2 : 1;
}
