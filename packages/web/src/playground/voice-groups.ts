import type { VoiceInfo } from "@mynah/client";
import { regionOf } from "./flag.ts";

export type VoiceGroup = { readonly label: string; readonly language: string; readonly voices: readonly VoiceInfo[] };

/** The voices that match every word of `query`, by language as the reader calls it. */
export function voiceGroups(voices: readonly VoiceInfo[], query: string, locale: string): VoiceGroup[] {
  const languageName = namesOfLanguages(locale);
  const regions = new Intl.DisplayNames(locale, { type: "region" });
  const regionName = (tag: string) => regions.of(regionOf(tag) ?? "001");
  // Of the same name, the engine that the gateway prefers stays first.
  const byName = (a: VoiceInfo, b: VoiceInfo) => a.name.localeCompare(b.name, locale);
  const words = fold(query).split(/\s+/).filter(Boolean);
  const groups = new Map<string, VoiceInfo[]>();
  for (const voice of voices) {
    const label = languageName(voice.language);
    const haystack = fold(
      [
        regionName(voice.language) ?? "",
        ...[voice.engine, voice.id, voice.name, voice.language, voice.gender ?? "", label, ownName(voice.language)],
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
    .map(([label, members]) => ({ label, language: members[0]!.language, voices: members.toSorted(byName) }))
    .sort((a, b) => a.label.localeCompare(b.label, locale));
}

const SHOWN_STYLES = 3;

/** What a voice is like, beside its name: its id where that differs, gender, age, accent and how it can speak. */
export function voiceDetails({ id, name, gender, age, accent, styles = [] }: VoiceInfo): string {
  const own = name.toLowerCase().includes(id.toLowerCase()) ? undefined : id;
  const more = styles.length > SHOWN_STYLES ? "…" : undefined;
  return [own, gender, age, accent, ...styles.slice(0, SHOWN_STYLES), more].filter(Boolean).join(" · ");
}

export function namesOfLanguages(locale: string): (tag: string) => string {
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
export function ownName(tag: string): string {
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
