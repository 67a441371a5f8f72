import type { SoundShape } from "../../core/sound-shape.ts";
import type { Resampler } from "../resample.ts";
import { Limiter } from "./limiter.ts";
import { playedFactor, playFaster } from "./pitch-shift.ts";
import { TimeStretch } from "./time-stretch.ts";

/** A step of its own length in, its own length out; `finish` gives what it held back. */
type Step = { push(samples: Float32Array): Float32Array; finish(): Float32Array };

/**
 * Does to samples what their engine could not. Higher is: stretched to be longer, then played faster. What is quieter is
 * multiplied, what is louder held below full scale.
 */
export class Shaper {
  readonly #steps: readonly Step[];

  constructor(shape: SoundShape, sampleRateHz: number) {
    this.#steps = [...stretch(shape, sampleRateHz), ...resample(shape), ...amplify(shape, sampleRateHz)];
  }

  push(samples: Float32Array): Float32Array {
    return this.#steps.reduce((passed, step) => (passed.length > 0 ? step.push(passed) : passed), samples);
  }

  /** What the steps held back. */
  finish(): Float32Array[] {
    return this.#steps.map((step, at) =>
      this.#steps.slice(at + 1).reduce((passed, later) => later.push(passed), step.finish()),
    );
  }
}

function stretch({ tempo, pitch }: SoundShape, sampleRateHz: number): Step[] {
  const factor = pitch === 1 ? tempo : tempo / playedFactor(pitch);
  return factor === 1 ? [] : [new TimeStretch(sampleRateHz, factor)];
}

function resample({ pitch }: SoundShape): Resampler[] {
  return pitch === 1 ? [] : [playFaster(pitch)];
}

function amplify({ gain }: SoundShape, sampleRateHz: number): Step[] {
  if (gain === 1) return [];
  if (gain > 1) return [new Limiter(sampleRateHz, gain)];
  return [{ push: (samples) => samples.map((sample) => sample * gain), finish: () => new Float32Array(0) }];
}
