/** How something is to be said. What one segment of an utterance may have that another has not. */
export type SpeechSettings = {
  /** 1 is the voice's normal speed, 2 twice as fast. */
  readonly speed: number;
  /** 1 is the voice's normal pitch, 2 an octave higher. */
  readonly pitch: number;
  /** 1 is the voice's normal loudness, 2 twice the amplitude (+6 dB). */
  readonly volume: number;
  /** How to speak, in words. */
  readonly instructions?: string;
  /** One of the voice's own ways of speaking, for example `cheerful`. */
  readonly style?: string;
  /** The same seed and request: the same audio, where the engine draws lots. */
  readonly seed?: number;
};

/** From the least to the most, both included. */
export type FactorRange = { readonly min: number; readonly max: number };

/** What callers may ask for, of any engine. */
export const SETTING_RANGES = {
  speed: { min: 0.25, max: 4 },
  pitch: { min: 0.5, max: 2 },
  /** −20 dB to +12 dB. */
  volume: { min: 0.1, max: 4 },
  seed: { min: 0, max: 4_294_967_295 },
} as const satisfies Record<string, FactorRange>;

export const MAX_INSTRUCTIONS_CHARS = 4096;
export const MAX_STYLE_CHARS = 64;

/** What an engine declares that has nothing but the voice's own. */
export const ONLY_NORMAL: FactorRange = { min: 1, max: 1 };

/** Settings that nobody can do for an engine that lacks them. */
export const TOLD_SETTINGS = ["instructions", "style", "seed"] as const;
export type ToldSetting = (typeof TOLD_SETTINGS)[number];
