export type Gender = "female" | "male" | "neutral";

/** Roughly how old a voice sounds. */
export const VOICE_AGES = ["child", "young", "middle", "old"] as const;
export type VoiceAge = (typeof VOICE_AGES)[number];

/** One voice of one engine, as the engine itself names it. */
export type Voice = {
  /** The engine's own name for it; unique within the engine. */
  readonly id: string;
  /** What a person reads. */
  readonly name: string;
  /** BCP-47, for example `en-US`; `mul` speaks many languages, `und` does not say. */
  readonly language: string;
  /** Further languages that it speaks well, BCP-47. */
  readonly languages?: readonly string[];
  readonly gender?: Gender;
  readonly age?: VoiceAge;
  /** In a word, for example `british`; absent: that of the language's region. */
  readonly accent?: string;
  /** Ways of speaking that it is known for or can be told, for example `cheerful`. */
  readonly styles?: readonly string[];
  /** The configured name of its engine. */
  readonly engine: string;
};

/** What a voice should be like, where nobody has said which one. */
export type VoiceTraits = {
  /** BCP-47. */
  readonly language?: string;
  readonly gender?: Gender;
  readonly age?: VoiceAge;
  readonly accent?: string;
  readonly style?: string;
};
