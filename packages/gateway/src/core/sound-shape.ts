/** What is done to an engine's audio, because the engine cannot do it itself. 1 leaves a side of it as it is. */
export type SoundShape = {
  /** 2: twice as fast, at the same pitch. */
  readonly tempo: number;
  /** 2: an octave higher, in the same time. */
  readonly pitch: number;
  /** 2: twice the amplitude, held below full scale. */
  readonly gain: number;
};

/** Raised whenever the same shape comes to sound otherwise. Part of the key of everything shaped. */
export const SHAPER_REVISION = 1;
