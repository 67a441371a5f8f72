import type { CacheKey } from "./cache-key.ts";
import type { SpeechMetadata } from "./ports.ts";

/** Which stored entries are meant: those that fit everything that is named here. Nothing named: all of them. */
export type EntryMatch = {
  readonly engine?: string;
  /** The engine's own voice id. */
  readonly voice?: string;
  readonly tag?: string;
};

/** What is no longer to be believed. */
export type Purge =
  | { readonly what: "key"; readonly key: CacheKey }
  | { readonly what: "all" }
  | { readonly what: "matching"; readonly match: EntryMatch };

/** How far a walk through the entries has come. */
export type PurgeProgress = { readonly seen: number; readonly removed: number };

/** Names that callers give to what they say, so that it can be purged by them. */
export const TAG_PATTERN = "^[A-Za-z0-9._:/@-]{1,64}$";
export const MAX_TAGS_PER_REQUEST = 4;
const TAG = new RegExp(TAG_PATTERN);
const MAX_TAGS_PER_ENTRY = 16;
/** Instead of more tags than an entry remembers: a purge by any tag takes it along. */
const ANY_TAG = "*";

export function matchesEverything({ engine, voice, tag }: EntryMatch): boolean {
  return engine === undefined && voice === undefined && tag === undefined;
}

export function matchesEntry({ engine, voice, tags = [] }: SpeechMetadata, match: EntryMatch): boolean {
  return (
    (match.engine === undefined || match.engine === engine) &&
    (match.voice === undefined || match.voice === voice) &&
    (match.tag === undefined || tags.includes(match.tag) || tags.includes(ANY_TAG))
  );
}

/** The metadata with these tags besides; undefined: it has them all. */
export function tagged(metadata: SpeechMetadata, more: readonly string[]): SpeechMetadata | undefined {
  const { tags = [] } = metadata;
  if (tags.includes(ANY_TAG) || more.every((tag) => tags.includes(tag))) return undefined;
  const all = [...new Set([...tags, ...more])];
  return { ...metadata, tags: all.length <= MAX_TAGS_PER_ENTRY ? all : [ANY_TAG] };
}

/** Whether this is what `tagged` writes. */
export function isTagList(value: unknown): value is string[] {
  const isTag = (one: unknown) => typeof one === "string" && (one === ANY_TAG || TAG.test(one));
  return Array.isArray(value) && value.length <= MAX_TAGS_PER_ENTRY && value.every(isTag);
}
