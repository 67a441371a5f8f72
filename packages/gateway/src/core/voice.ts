export type Gender = "female" | "male" | "neutral";

/** One voice of one engine, as the engine itself names it. */
export type Voice = {
  /** The engine's own name for it; unique within the engine. */
  readonly id: string;
  /** What a person reads. */
  readonly name: string;
  /** BCP-47, for example `en-US`. */
  readonly language: string;
  readonly gender?: Gender;
  /** The configured name of its engine. */
  readonly engine: string;
};
