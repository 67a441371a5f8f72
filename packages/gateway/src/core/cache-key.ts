import { type AudioFormat, encodingOf } from "./audio-format.ts";
import type { PronouncedPart } from "./ports.ts";
import { SHAPER_REVISION, type SoundShape } from "./sound-shape.ts";
import type { SpeechSettings } from "./speech-settings.ts";

declare const brand: unique symbol;
/** 64 hex digits: SHA-256 of everything that shapes the sound of one segment in one format. */
export type CacheKey = string & { readonly [brand]: "CacheKey" };

/** Everything that shapes the sound of one segment. A new setting that changes audio belongs here, or hits will lie. */
export type SpeechIdentity = SpeechSettings & {
  readonly engine: string;
  readonly engineVersion: string;
  readonly voice: string;
  readonly text: string;
  readonly model?: string;
  readonly language?: string;
  readonly phonemes?: readonly PronouncedPart[];
  readonly format: AudioFormat;
  /** What we do to the engine's audio. */
  readonly shape?: SoundShape;
};

/** Raised whenever the encoding below, the meaning of a field or our own encoders' output changes. */
const KEY_VERSION = 1;

/**
 * One unambiguous string for an identity: a JSON array with every field at its own place, absent ones as null, so no
 * two identities share a string and neither field order nor a default written out makes a second one. What came later
 * stands behind them as a pair of name and value, only where it is set: older keys stay what they were.
 */
export function encodeIdentity(identity: SpeechIdentity): string {
  const { format, shape, phonemes = [] } = identity;
  const encoding = encodingOf(format);
  return JSON.stringify([
    KEY_VERSION,
    identity.engine,
    identity.engineVersion,
    identity.model ?? null,
    identity.voice,
    identity.language ?? null,
    identity.text,
    identity.speed,
    identity.pitch,
    identity.instructions || null,
    identity.seed ?? null,
    format.name,
    format.sampleRateHz,
    format.bitrateBps ?? null,
    ...(encoding === "s16" ? [] : [encoding]),
    ...(identity.volume === 1 ? [] : [["volume", identity.volume]]),
    ...(identity.style ? [["style", identity.style]] : []),
    ...(phonemes.length === 0 ? [] : [["phonemes", ...phonemes.map(partOf)]]),
    ...(shape === undefined ? [] : [["shape", SHAPER_REVISION, shape.tempo, shape.pitch, shape.gain]]),
  ]);
}

function partOf({ from, to, alphabet, phonemes }: PronouncedPart): readonly unknown[] {
  return [from, to, alphabet, phonemes];
}

/** The digest comes from outside: `core` imports nothing. It must be SHA-256 over the string's UTF-8, in lower-case hex. */
export type Sha256Hex = (text: string) => string;

export function cacheKey(identity: SpeechIdentity, sha256: Sha256Hex): CacheKey {
  return sha256(encodeIdentity(identity)) as CacheKey;
}
