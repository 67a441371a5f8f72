/** How far two sounds are apart as ears hear it: mean absolute difference of their log-mel spectra, in dB, over frames that are not silent. */
import { magnitudes } from "./fft.ts";

const SAMPLE_RATE_HZ = 24_000;
const FRAME = 1024;
const HOP = 256;
const BANDS = 40;
const TOP_HZ = 12_000;
/** Below the loudest band of the source, both ears and codecs stop caring. */
const FLOOR_DB = 60;
const WINDOW = Float64Array.from({ length: FRAME }, (_, n) => 0.5 - 0.5 * Math.cos((2 * Math.PI * n) / FRAME));

/** The distance of other signals from this one; all at 24 kHz and in step with it. */
export function logMelDistanceFrom(source: Float64Array): (other: Float64Array) => number {
  const a = melFrames(source);
  return (other) => distance(a, melFrames(other));
}

function distance(a: readonly Float64Array[], b: readonly Float64Array[]): number {
  const floor = 10 * Math.log10(Math.max(...a.map((frame) => Math.max(...frame)))) - FLOOR_DB;
  const decibels = (energy: number): number => Math.max(floor, 10 * Math.log10(energy + 1e-20));
  let sum = 0;
  let count = 0;
  for (let at = 0; at < Math.min(a.length, b.length); at++) {
    if (!a[at]!.some((energy) => decibels(energy) > floor)) continue;
    for (let band = 0; band < BANDS; band++) sum += Math.abs(decibels(a[at]![band]!) - decibels(b[at]![band]!));
    count += BANDS;
  }
  return sum / count;
}

function melFrames(signal: Float64Array): Float64Array[] {
  const frames: Float64Array[] = [];
  for (let at = 0; at + FRAME <= signal.length; at += HOP) {
    const frame = Float64Array.from(WINDOW, (weight, n) => weight * signal[at + n]!);
    const spectrum = magnitudes(frame, FRAME);
    frames.push(
      Float64Array.from(FILTERS, ({ from, weights }) =>
        weights.reduce((sum, weight, n) => sum + weight * spectrum[from + n]! ** 2, 0),
      ),
    );
  }
  return frames;
}

const mel = (hz: number): number => 2595 * Math.log10(1 + hz / 700);
const hz = (value: number): number => 700 * (10 ** (value / 2595) - 1);

/** Triangles, evenly on the mel scale. */
const FILTERS: readonly { readonly from: number; readonly weights: Float64Array }[] = Array.from(
  { length: BANDS },
  (_, band) => {
    const edge = (n: number): number => (hz((mel(TOP_HZ) * n) / (BANDS + 1)) * FRAME) / SAMPLE_RATE_HZ;
    const [low, top, high] = [edge(band), edge(band + 1), edge(band + 2)];
    const from = Math.floor(low);
    const weights = Float64Array.from({ length: Math.min(FRAME / 2, Math.ceil(high)) - from + 1 }, (_, n) =>
      Math.max(0, Math.min((from + n - low) / (top - low), (high - from - n) / (high - top))),
    );
    return { from, weights };
  },
);
