import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { concatSamples, fundamentalHz, largestStep, rms, tone, vowel } from "../../../test/support/signals.ts";
import type { SoundShape } from "../../core/sound-shape.ts";
import { Shaper } from "./shaper.ts";

const RATE = 24_000;
const AS_IT_IS: SoundShape = { tempo: 1, pitch: 1, gain: 1 };

function shaped(samples: Float32Array, shape: Partial<SoundShape>, sizes: readonly number[] = [4_096]): Float32Array {
  const shaper = new Shaper({ ...AS_IT_IS, ...shape }, RATE);
  const out: Float32Array[] = [];
  for (let at = 0, turn = 0; at < samples.length; turn++) {
    const size = sizes[turn % sizes.length]!;
    out.push(shaper.push(samples.subarray(at, at + size)));
    at += size;
  }
  return concatSamples([...out, ...shaper.finish()]);
}

const cents = (one: number, other: number): number => 1200 * Math.log2(one / other);
/** Without the edges, where there is half a window of nothing. */
const inside = (samples: Float32Array): Float32Array => samples.subarray(1_200, -1_200);

describe("Shaper: tempo", () => {
  const factors = [0.25, 0.5, 0.8, 1.1, 1.5, 2, 3, 4];

  it.each(factors)(
    "%f times as fast: the length by it, the pitch within 5 cents, the loudness within 0.5 dB",
    (tempo) => {
      for (const hz of [90, 220]) {
        const voice = vowel(hz, RATE, 2 * RATE);
        const out = shaped(voice, { tempo });
        expect(out.length).toBe(Math.round(voice.length / tempo));
        expect(Math.abs(cents(fundamentalHz(inside(out), RATE), hz))).toBeLessThan(5);
        expect(Math.abs(20 * Math.log10(rms(inside(out)) / rms(voice)))).toBeLessThan(0.5);
      }
    },
  );

  it.each(factors)("%f times as fast: no clicks in a voice that glides", (tempo) => {
    const glide = vowel((t) => 120 + 40 * Math.sin(2 * t), RATE, 2 * RATE);
    expect(largestStep(shaped(glide, { tempo }))).toBeLessThan(1.25 * largestStep(glide));
  });

  it("keeps a hiss as loud as it is", () => {
    let state = 1;
    const hiss = Float32Array.from({ length: 2 * RATE }, () => {
      state = (state * 48_271) % 2_147_483_647;
      return 0.2 * (state / 1_073_741_823.5 - 1);
    });
    for (const tempo of [0.5, 0.8, 1.5, 2.5])
      expect(Math.abs(20 * Math.log10(rms(inside(shaped(hiss, { tempo }))) / rms(hiss)))).toBeLessThan(1);
  });

  it("puts a sound where it belongs in time", () => {
    const silent = new Float32Array(RATE);
    const clip = concatSamples([silent, tone(200, RATE, RATE / 2), silent]);
    for (const tempo of [0.5, 0.8, 1.5, 2, 4]) {
      const out = shaped(clip, { tempo });
      const begins = out.findIndex((sample) => Math.abs(sample) > 0.05) / RATE;
      const ends = out.findLastIndex((sample) => Math.abs(sample) > 0.05) / RATE;
      expect(Math.abs(begins - 1 / tempo)).toBeLessThan(0.02);
      expect(Math.abs(ends - 1.5 / tempo)).toBeLessThan(0.02);
    }
  });
});

describe("Shaper: pitch", () => {
  it.each([0.5, 0.75, 1.1, 1.37, 2])("%f times as high: within 5 cents, in the same time, without clicks", (pitch) => {
    const voice = vowel(170, RATE, 2 * RATE);
    const out = shaped(voice, { pitch });
    expect(Math.abs(out.length - voice.length)).toBeLessThanOrEqual(2);
    expect(Math.abs(cents(fundamentalHz(inside(out), RATE), 170 * pitch))).toBeLessThan(5);
    expect(largestStep(inside(out))).toBeLessThan(1.25 * pitch ** 2 * largestStep(voice));
  });

  it("goes together with tempo", () => {
    const voice = vowel(170, RATE, 2 * RATE);
    const out = shaped(voice, { pitch: 1.25, tempo: 1.6 });
    expect(Math.abs(out.length - voice.length / 1.6)).toBeLessThanOrEqual(2);
    expect(Math.abs(cents(fundamentalHz(inside(out), RATE), 170 * 1.25))).toBeLessThan(5);
  });
});

describe("Shaper: gain", () => {
  it("is exact where nothing comes near full scale, and delays nothing", () => {
    const quiet = tone(200, RATE, RATE, 0.2);
    for (const gain of [0.1, 0.5, 2, 4]) {
      const out = shaped(quiet, { gain });
      expect(out.length).toBe(quiet.length);
      expect(Math.max(...out.map((sample, at) => Math.abs(sample - gain * quiet[at]!)))).toBeLessThan(1e-6);
    }
  });

  it("never exceeds full scale, and distorts no more than a limiter may", () => {
    const loud = vowel((t) => 120 + 40 * Math.sin(2 * t), RATE, 2 * RATE);
    const out = shaped(loud, { gain: 4 });
    expect(Math.max(...out.map(Math.abs))).toBeLessThanOrEqual(0.9501);
    expect(rms(out)).toBeGreaterThan(1.05 * rms(loud));
    expect(largestStep(out)).toBeLessThan(4 * largestStep(loud));
  });

  it("holds back a burst before it comes", () => {
    const clip = concatSamples([tone(200, RATE, RATE / 2, 0.2), tone(200, RATE, RATE / 2, 0.9)]);
    const out = shaped(clip, { gain: 3 });
    expect(Math.max(...out.map(Math.abs))).toBeLessThanOrEqual(0.9501);
    expect(Math.abs(out[2_460]!)).toBeCloseTo(3 * Math.abs(clip[2_460]!), 3);
  });
});

describe("Shaper", () => {
  it("gives the same samples however the input is cut", () => {
    const voice = vowel(170, RATE, RATE / 2);
    const shape = fc.record({
      tempo: fc.constantFrom(0.5, 1, 1.3, 3),
      pitch: fc.constantFrom(0.8, 1, 1.5),
      gain: fc.constantFrom(0.5, 1, 3),
    });
    const sizes = fc.array(fc.integer({ min: 1, max: 3_000 }), { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(shape, sizes, fc.integer({ min: 1, max: RATE / 4 }), (shape, cut, length) => {
        const clip = voice.subarray(0, length);
        expect(shaped(clip, shape, cut)).toEqual(shaped(clip, shape));
      }),
      { numRuns: 30 },
    );
  });
});
