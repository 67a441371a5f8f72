import type { AudioFormat } from "./audio-format.ts";
import type { SpeechSettings } from "./speech-settings.ts";

/** What the caller allows of the cache: HTTP's request directives, as far as they mean something for speech. */
export type CachePolicy = {
  /** `no-cache`: false. Stored audio is not used, new audio replaces it. */
  readonly read: boolean;
  /** `no-store`: false. */
  readonly write: boolean;
  /** `only-if-cached`: nothing is synthesized. */
  readonly onlyIfCached: boolean;
  /** `max-age`: older audio counts as missing. */
  readonly maxAgeMs?: number;
};

export const DEFAULT_CACHE_POLICY: CachePolicy = { read: true, write: true, onlyIfCached: false };

export const INPUT_TYPES = ["text", "ssml"] as const;
export type InputType = (typeof INPUT_TYPES)[number];

/** What one voice says in a dialogue; what it does not say of itself is that of the utterance. */
export type Turn = Partial<SpeechSettings> & {
  readonly text: string;
  readonly voice?: string;
  readonly language?: string;
};

/** Bounds of a dialogue. */
export const TURN_BOUNDS = { maxTurns: 200, maxPauseMs: 10_000 } as const;

/** One thing to be said, as the caller asked for it. The text may still be raw; `speak` prepares it. */
export type Utterance = SpeechSettings & {
  /** Empty where there are turns. */
  readonly text: string;
  /** How the text, or that of every turn, is written. Default: plain. */
  readonly inputType?: InputType;
  /** A dialogue in place of the text. */
  readonly turns?: readonly Turn[];
  /** What is silent between two turns, beside what the engines leave. */
  readonly turnPauseMs?: number;
  /** A voice, an alias, one of OpenAI's names, a BCP-47 tag, or any of them as `engine/voice`. */
  readonly voice: string;
  /** An engine, several in order of preference (`a,b`), `auto`, or a model name of OpenAI's, which means `auto`. */
  readonly model?: string;
  /** BCP-47. */
  readonly language?: string;
  /** Whether a chat's markup is taken out of the text first. Default: as the gateway is configured. */
  readonly clean?: boolean;
  /** Settings that nobody can heed are told as ignored, not refused: for what other vendors' clients are written to send. */
  readonly lenient?: boolean;
  readonly format: AudioFormat;
  readonly cache: CachePolicy;
  /** Who is counted for it: a user, within the tenant if there is one. */
  readonly subject: string;
  readonly tenant?: string;
  /** How much the user may have; absent: the default plan. */
  readonly plan?: string;
  /** Names under which what is said can be purged. */
  readonly tags?: readonly string[];
};
