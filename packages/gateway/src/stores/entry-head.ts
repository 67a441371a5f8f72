import { AUDIO_FORMAT_NAMES, type AudioFormat, SAMPLE_ENCODINGS, type SampleEncoding } from "../core/audio-format.ts";
import type { CacheKey } from "../core/cache-key.ts";
import { isTagList } from "../core/entry-match.ts";
import type { SpeechMetadata, WordPlace } from "../core/ports.ts";

/** How the audio lies in the entry. */
export type EntryEncoding = "identity" | "zlib";

/** The metadata JSON of an entry, without the checksum in front of it. */
export type EntryHead = {
  readonly version: number;
  /** All 64 hex digits; the Redis key has only the first 32. */
  readonly key: CacheKey;
  readonly encoding: EntryEncoding;
  /** Bytes of the audio once it is decoded. */
  readonly rawBytes: number;
  readonly metadata: SpeechMetadata;
};

const FORMAT_NAMES: ReadonlySet<unknown> = new Set(AUDIO_FORMAT_NAMES);
const ENCODINGS: ReadonlySet<unknown> = new Set([undefined, ...SAMPLE_ENCODINGS]);

/** The head in this JSON if every field of it is what this version writes. Fields we do not know are left behind. */
export function parseHead(json: string, version: number): EntryHead | undefined {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    return undefined;
  }
  if (!isRecord(value) || value.version !== version) return undefined;
  const { key, encoding, rawBytes } = value;
  if (typeof key !== "string" || !isCount(rawBytes)) return undefined;
  if (encoding !== "identity" && encoding !== "zlib") return undefined;
  const metadata = metadataIn(value.metadata);
  return metadata && { version, key: key as CacheKey, encoding, rawBytes, metadata };
}

function metadataIn(value: unknown): SpeechMetadata | undefined {
  if (!isRecord(value)) return undefined;
  const { durationMs, engine, voice, characters, createdAtMs, generation } = value;
  const format = formatIn(value.format);
  const words = value.words === undefined ? undefined : wordsIn(value.words);
  if (!format || (value.words !== undefined && !words)) return undefined;
  if (!isAmount(durationMs) || !isAmount(createdAtMs) || !isCount(characters)) return undefined;
  if (typeof engine !== "string" || typeof voice !== "string") return undefined;
  if (generation !== 0 && generation !== 1) return undefined;
  const { tags, soundMs } = value;
  if (soundMs !== undefined && !isAmount(soundMs)) return undefined;
  if (tags !== undefined && !isTagList(tags)) return undefined;
  return {
    ...{ format, durationMs, engine, voice, characters, createdAtMs, generation },
    ...(soundMs !== undefined && { soundMs }),
    ...(words && { words }),
    ...(tags && { tags }),
  };
}

function formatIn(value: unknown): AudioFormat | undefined {
  if (!isRecord(value) || !FORMAT_NAMES.has(value.name)) return undefined;
  const { sampleRateHz, bitrateBps, encoding } = value;
  if (!isCount(sampleRateHz) || !(bitrateBps === undefined || isCount(bitrateBps))) return undefined;
  if (!ENCODINGS.has(encoding)) return undefined;
  return {
    name: value.name as AudioFormat["name"],
    sampleRateHz,
    ...(bitrateBps !== undefined && { bitrateBps }),
    ...(encoding !== undefined && { encoding: encoding as SampleEncoding }),
  };
}

function wordsIn(value: unknown): WordPlace[] | undefined {
  if (!Array.isArray(value)) return undefined;
  const words: WordPlace[] = [];
  for (const word of value as unknown[]) {
    if (!isRecord(word)) return undefined;
    const { from, to, startMs, endMs } = word;
    if (!isCount(from) || !isCount(to) || !isAmount(startMs) || !isAmount(endMs)) return undefined;
    words.push({ from, to, startMs, endMs });
  }
  return words;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
function isAmount(value: unknown): value is number {
  return typeof value === "number" && Number.isFinite(value) && value >= 0;
}
function isCount(value: unknown): value is number {
  return isAmount(value) && Number.isInteger(value);
}
