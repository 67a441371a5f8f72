import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Resampler } from "./resample.ts";

const sine = (hz: number, rate: number, count: number): Float32Array =>
  Float32Array.from({ length: count }, (_, at) => 0.5 * Math.sin((2 * Math.PI * hz * at) / rate));

function resample(
  samples: Float32Array,
  from: number,
  to: number,
  sizes: readonly number[] = [samples.length],
): number[] {
  const resampler = new Resampler(from, to);
  const out: number[] = [];
  for (let at = 0, turn = 0; at < samples.length; turn++) {
    const size = sizes[turn % sizes.length]!;
    out.push(...resampler.push(samples.subarray(at, at + size)));
    at += size;
  }
  out.push(...resampler.finish());
  return out;
}

describe("Resampler", () => {
  const rates = [8000, 11_025, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000];

  it("gives exactly round(n·to/from) samples, and the same ones however the input is cut", () => {
    const rate = fc.constantFrom(...rates);
    const sizes = fc.array(fc.integer({ min: 1, max: 700 }), { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(rate, rate, fc.integer({ min: 1, max: 2500 }), sizes, (from, to, count, cut) => {
        const samples = sine(440, from, count);
        const whole = resample(samples, from, to);
        expect(whole.length).toBe(Math.round((count * to) / from));
        expect(resample(samples, from, to, cut)).toEqual(whole);
      }),
      { numRuns: 40 },
    );
  });

  it.each([
    [22_050, 24_000],
    [16_000, 24_000],
    [44_100, 24_000],
    [48_000, 24_000],
    [24_000, 48_000],
    [24_000, 8000],
  ])("keeps a 1 kHz tone from %i to %i Hz with 85 dB between it and the error", (from, to) => {
    const out = resample(sine(1000, from, from / 2), from, to);
    let signal = 0;
    let error = 0;
    for (let at = 500; at < out.length - 500; at++) {
      const ideal = 0.5 * Math.sin((2 * Math.PI * 1000 * at) / to);
      signal += ideal ** 2;
      error += (out[at]! - ideal) ** 2;
    }
    expect(10 * Math.log10(signal / error)).toBeGreaterThan(85);
  });

  it("lets nothing through that the lower rate cannot hold", () => {
    const out = resample(sine(14_000, 32_000, 16_000), 32_000, 24_000).slice(500, -500);
    expect(Math.max(...out.map(Math.abs))).toBeLessThan(1e-3);
  });
});
