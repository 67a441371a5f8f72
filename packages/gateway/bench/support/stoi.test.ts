import { describe, expect, it } from "vitest";
import { stoi } from "./stoi.ts";

const RATE_HZ = 10_000;
const speech = toneSyllables(3);

/** Syllables of a few partials with pauses between: what an ear could tell words in. */
function toneSyllables(seconds: number): Float64Array {
  return Float64Array.from({ length: seconds * RATE_HZ }, (_, n) => {
    const t = n / RATE_HZ;
    const syllable = Math.floor(t / 0.18);
    const pitch = 110 + 15 * ((syllable * 7) % 5);
    const envelope = Math.max(0, Math.sin((Math.PI * (t % 0.18)) / 0.16));
    const formant = 400 + 300 * ((syllable * 3) % 7);
    let sum = 0;
    for (let k = 1; k * pitch < 4_500; k++)
      sum += Math.sin(2 * Math.PI * k * pitch * t) / (1 + ((k * pitch - formant) / 300) ** 2);
    return envelope * sum;
  });
}

/** White noise at a ratio to the speech, from a small generator so that it is the same each time. */
function noisy(snrDb: number): Float64Array {
  let state = 12_345;
  const noise = speech.map(() => {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31;
    return state / 2 ** 30 - 1;
  });
  const power = (signal: Float64Array): number => signal.reduce((sum, value) => sum + value * value, 0);
  const gain = Math.sqrt(power(speech) / (power(noise) * 10 ** (snrDb / 10)));
  return speech.map((value, n) => value + gain * noise[n]!);
}

describe("stoi()", () => {
  it("is 1 for the source itself, however loud", () => {
    expect(stoi(speech, speech)).toBeCloseTo(1, 6);
    expect(
      stoi(
        speech,
        speech.map((value) => value * 0.01),
      ),
    ).toBeCloseTo(1, 6);
  });

  it("falls with every step of noise, as intelligibility does, and is low where nothing can be made out", () => {
    const ratios = [30, 15, 5, 0, -5, -15].map((snr) => stoi(speech, noisy(snr)));
    expect(ratios).toEqual([...ratios].sort((a, b) => b - a));
    expect(ratios[0]).toBeGreaterThan(0.9);
    expect(ratios.at(-1)).toBeLessThan(0.5);
  });

  it("does not hear silence: a pause of noise costs nothing", () => {
    const pause = new Float64Array(RATE_HZ);
    const padded = (filler: Float64Array) => Float64Array.from([...speech, ...filler]);
    const hiss = pause.map((_, n) => ((n * 7919) % 101) / 101 - 0.5);
    expect(stoi(padded(pause), padded(hiss))).toBeGreaterThan(0.98);
  });

  it("refuses less than one stretch of 384 ms", () => {
    expect(() => stoi(speech.subarray(0, 1_000), speech.subarray(0, 1_000))).toThrow(RangeError);
  });
});
