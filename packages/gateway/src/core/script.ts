import type { SpeechSettings } from "./speech-settings.ts";
import type { Place } from "./ssml/place.ts";
import type { VoiceTraits } from "./voice.ts";

/** Who is to speak. */
export type VoiceWish = {
  /** As `Utterance.voice`, in order of preference; the first that anybody has speaks. */
  readonly names: readonly string[];
  /** What the voice should be like, where no name is given. */
  readonly traits?: VoiceTraits;
  /** What to do where nobody has any of them. Default: the request is refused. */
  readonly otherwise?: { readonly voice: VoiceWish } | "leave-out";
  /** Where it was asked for: in a document, in which field. */
  readonly place?: Place;
  readonly param?: string;
};

/** How a span is to be said. */
export type SpanSettings = SpeechSettings & {
  readonly voice: VoiceWish;
  /** BCP-47. */
  readonly language?: string;
};

/** How a piece of text is pronounced; `from` and `to` count like a mark's `at`. */
export type Pronunciation = {
  readonly from: number;
  readonly to: number;
  /** `ipa`, or what an engine calls its own. */
  readonly alphabet: string;
  readonly phonemes: string;
  readonly place: Place;
};

/** A mark in a text. `at`: how many characters (UTF-16, white space not counted) of the span's text stand before it. */
export type PlacedMark = { readonly name: string; readonly at: number };

/** Silence, and marks within it. */
export type Rest = { readonly ms: number; readonly marks: readonly { readonly name: string; readonly atMs: number }[] };

export const NO_REST: Rest = { ms: 0, marks: [] };

/** Text that is said with one set of settings, and the silence before it. */
export type Span = {
  readonly lead: Rest;
  /** May still be raw where `prepared` is not said; speakable. */
  readonly text: string;
  readonly settings: SpanSettings;
  readonly marks: readonly PlacedMark[];
  readonly pronunciations: readonly Pronunciation[];
};

/** Something that was asked for and is not done as it was asked, for the caller to know. Holds no spoken text. */
export type Notice = Partial<Place> & { readonly message: string };

/** An utterance that is more than a text with one set of settings: a row of spans. */
export type Script = {
  readonly spans: readonly Span[];
  /** Behind the last span. */
  readonly tail: Rest;
  readonly notices: readonly Notice[];
};

/** Bounds of one script, whatever it was made of. */
export const SCRIPT_BOUNDS = {
  /** Longest silence of one break. */
  maxRestMs: 20_000,
  /** All silence of one script. */
  maxTotalRestMs: 300_000,
  maxSpans: 1_000,
  maxMarks: 1_000,
  maxMarkChars: 256,
  maxNotices: 20,
  /** Different ways to say who speaks. */
  maxVoices: 32,
} as const;
