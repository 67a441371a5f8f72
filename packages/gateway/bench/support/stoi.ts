/**
 * Short-time objective intelligibility: C. H. Taal, R. C. Hendriks, R. Heusdens, J. Jensen, "An Algorithm for Intelligibility
 * Prediction of Time–Frequency Weighted Noisy Speech", IEEE TASLP 19(7), 2011. 1 is the source itself, about 0.75 is where
 * listeners begin to lose words. At 10 kHz, as the paper has it: frames of 256 samples overlapping by half, 15 third-octave bands
 * from 150 Hz, stretches of 30 frames (384 ms), clipped at −15 dB, frames 40 dB below the loudest left out.
 */
import { magnitudes } from "./fft.ts";

const SAMPLE_RATE_HZ = 10_000;
const FRAME = 256;
const HOP = FRAME / 2;
const FFT_SIZE = 512;
const BANDS = 15;
const LOWEST_HZ = 150;
const STRETCH = 30;
const CLIP = 1 + 10 ** (15 / 20);
const SILENCE_DB = 40;
/** MATLAB's `hanning`: without the zeroes at its ends. */
const WINDOW = Float64Array.from(
  { length: FRAME },
  (_, n) => 0.5 - 0.5 * Math.cos((2 * Math.PI * (n + 1)) / (FRAME + 1)),
);

/** Both at 10 kHz, in step with each other; of different lengths the shorter one counts. */
export function stoi(clean: Float64Array, processed: Float64Array): number {
  const length = Math.min(clean.length, processed.length);
  const [x, y] = withoutSilence(clean.subarray(0, length), processed.subarray(0, length));
  const bandsX = thirdOctaves(x);
  const bandsY = thirdOctaves(y);
  if (bandsX.length < STRETCH) throw new RangeError(`needs ${STRETCH} frames that are not silent`);
  let sum = 0;
  let count = 0;
  for (let end = STRETCH; end <= bandsX.length; end++) {
    for (let band = 0; band < BANDS; band++) {
      sum += clippedCorrelation(column(bandsX, band, end), column(bandsY, band, end));
      count++;
    }
  }
  return sum / count;
}

export const STOI_SAMPLE_RATE_HZ = SAMPLE_RATE_HZ;

/** What the frames that are not silent in the clean signal overlap-add to, in both. */
function withoutSilence(x: Float64Array, y: Float64Array): [Float64Array, Float64Array] {
  const starts: number[] = [];
  for (let at = 0; at + FRAME <= x.length; at += HOP) starts.push(at);
  const energies = starts.map((at) => 20 * Math.log10(norm(windowed(x, at)) + 1e-12));
  const loudest = energies.reduce((most, energy) => Math.max(most, energy), Number.NEGATIVE_INFINITY);
  const kept = starts.filter((_, index) => energies[index]! > loudest - SILENCE_DB);
  const rebuilt = (source: Float64Array): Float64Array => {
    const out = new Float64Array(Math.max(0, (kept.length - 1) * HOP + FRAME));
    for (const [index, at] of kept.entries()) {
      const frame = windowed(source, at);
      for (let n = 0; n < FRAME; n++) out[index * HOP + n]! += frame[n]!;
    }
    return out;
  };
  return [rebuilt(x), rebuilt(y)];
}

/** For each frame the root of the energy in each band. */
function thirdOctaves(signal: Float64Array): Float64Array[] {
  const frames: Float64Array[] = [];
  for (let at = 0; at + FRAME <= signal.length; at += HOP) {
    const spectrum = magnitudes(windowed(signal, at), FFT_SIZE);
    frames.push(
      Float64Array.from(EDGES, ([from, to]) => {
        let energy = 0;
        for (let bin = from; bin < to; bin++) energy += spectrum[bin]! ** 2;
        return Math.sqrt(energy);
      }),
    );
  }
  return frames;
}

/** First bin, and the one after the last, of each band. */
const EDGES: readonly (readonly [number, number])[] = Array.from({ length: BANDS }, (_, band) => {
  const center = LOWEST_HZ * 2 ** (band / 3);
  const bin = (hz: number): number => Math.round((hz * FFT_SIZE) / SAMPLE_RATE_HZ);
  return [bin(center * 2 ** (-1 / 6)), bin(center * 2 ** (1 / 6))];
});

function clippedCorrelation(x: Float64Array, y: Float64Array): number {
  const scale = norm(x) / (norm(y) + 1e-12);
  const limited = y.map((value, n) => Math.min(value * scale, x[n]! * CLIP));
  return correlation(x, limited);
}

function correlation(a: Float64Array, b: Float64Array): number {
  const x = centered(a);
  const y = centered(b);
  let dot = 0;
  for (let n = 0; n < x.length; n++) dot += x[n]! * y[n]!;
  return dot / (norm(x) * norm(y) + 1e-12);
}

function centered(values: Float64Array): Float64Array {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return values.map((value) => value - mean);
}

function column(frames: readonly Float64Array[], band: number, end: number): Float64Array {
  return Float64Array.from({ length: STRETCH }, (_, n) => frames[end - STRETCH + n]![band]!);
}

function windowed(signal: Float64Array, at: number): Float64Array {
  return Float64Array.from(WINDOW, (weight, n) => weight * signal[at + n]!);
}

function norm(values: Float64Array): number {
  let sum = 0;
  for (const value of values) sum += value * value;
  return Math.sqrt(sum);
}
