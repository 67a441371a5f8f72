import type { VoiceInfo } from "@mynah/client";

export type VoiceGroup = { readonly label: string; readonly voices: readonly VoiceInfo[] };

/** The voices that match every word of `query`, by language and engine, both in the reader's alphabet. */
export function voiceGroups(voices: readonly VoiceInfo[], query: string, locale: string): VoiceGroup[] {
  const languageName = namesOfLanguages(locale);
  const words = fold(query).split(/\s+/).filter(Boolean);
  const groups = new Map<string, VoiceInfo[]>();
  for (const voice of voices) {
    const label = `${languageName(voice.language)} · ${voice.engine}`;
    const haystack = fold(
      [
        ...[voice.id, voice.name, voice.language, voice.gender ?? "", label, ownName(voice.language)],
        ...[voice.age ?? "", voice.accent ?? "", ...(voice.styles ?? [])],
      ].join(" "),
    );
    // "male" must not find "female": a word is looked for at the start of a word.
    if (!words.every((word) => haystack.startsWith(word) || haystack.includes(` ${word}`))) continue;
    const group = groups.get(label);
    if (group) group.push(voice);
    else groups.set(label, [voice]);
  }
  return [...groups]
    .map(([label, members]) => ({ label, voices: members.toSorted((a, b) => a.name.localeCompare(b.name, locale)) }))
    .sort((a, b) => a.label.localeCompare(b.label, locale));
}

const SHOWN_STYLES = 3;

/** What a voice is called in a list: its name, its id where that differs, its gender and how it can speak. */
export function voiceLabel({ id, name, gender, styles = [] }: VoiceInfo): string {
  const own = name.toLowerCase().includes(id.toLowerCase()) ? name : `${name} (${id})`;
  const label = gender ? `${own}, ${gender}` : own;
  const more = styles.length > SHOWN_STYLES ? ", …" : "";
  return styles.length > 0 ? `${label} · ${styles.slice(0, SHOWN_STYLES).join(", ")}${more}` : label;
}

function namesOfLanguages(locale: string): (tag: string) => string {
  const names = new Intl.DisplayNames(locale, { type: "language" });
  return (tag) => {
    try {
      return names.of(tag) ?? tag;
    } catch {
      return tag; // an engine's own spelling that is no BCP-47
    }
  };
}

/** What its speakers call a language: somebody who looks for Deutsch may not know that the page says German. */
function ownName(tag: string): string {
  try {
    return namesOfLanguages(tag)(tag);
  } catch {
    return "";
  }
}

function fold(text: string): string {
  return text
    .normalize("NFKD")
    .replaceAll(/\p{M}/gu, "")
    .replaceAll(/[^\p{L}\p{N}]+/gu, " ")
    .trim()
    .toLowerCase();
}
