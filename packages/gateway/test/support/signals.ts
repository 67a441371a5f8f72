/** Made signals, and what can be measured of any. */

export function tone(hz: number, rate: number, count: number, amplitude = 0.5): Float32Array {
  return Float32Array.from({ length: count }, (_, at) => amplitude * Math.sin((2 * Math.PI * hz * at) / rate));
}

/** Like a sung vowel: twelve harmonics below two formants; `hz` may change with the time in seconds. Peak 0.9. */
export function vowel(hz: number | ((seconds: number) => number), rate: number, count: number): Float32Array {
  const samples = new Float32Array(count);
  let phase = 0;
  for (let at = 0; at < count; at++) {
    const now = typeof hz === "number" ? hz : hz(at / rate);
    phase += (2 * Math.PI * now) / rate;
    for (let n = 1; n <= 12; n++) samples[at]! += weight(n * now) * Math.sin(n * phase + n * n);
  }
  const peak = samples.reduce((most, sample) => Math.max(most, Math.abs(sample)), 0);
  return samples.map((sample) => (0.9 * sample) / peak);
}

const weight = (hz: number): number => 0.05 + 1 / (1 + ((hz - 500) / 200) ** 2) + 0.4 / (1 + ((hz - 1_500) / 250) ** 2);

export function concatSamples(pieces: readonly Float32Array[]): Float32Array {
  const whole = new Float32Array(pieces.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}

export function rms(samples: Float32Array): number {
  return Math.sqrt(samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length);
}

/** The largest change of slope: a click is one that nothing around it has. */
export function largestStep(samples: Float32Array): number {
  let most = 0;
  for (let at = 2; at < samples.length; at++)
    most = Math.max(most, Math.abs(samples[at]! - 2 * samples[at - 1]! + samples[at - 2]!));
  return most;
}

const MOST_WINDOWS = 16;

/** The median over windows of the lag at which a window is most like itself, between samples. */
export function fundamentalHz(samples: Float32Array, rate: number, { least = 60, most = 700 } = {}): number {
  const window = Math.round(rate * 0.05);
  const found: number[] = [];
  const stride = Math.max(window, Math.floor(samples.length / MOST_WINDOWS));
  for (let at = 0; at + 2 * window <= samples.length; at += stride) {
    const lag = bestLag(
      samples.subarray(at, at + 2 * window),
      window,
      Math.floor(rate / most),
      Math.ceil(rate / least),
    );
    if (lag !== undefined) found.push(rate / lag);
  }
  return found.sort((a, b) => a - b)[found.length >> 1]!;
}

/** Undefined for what has no pitch. */
function bestLag(samples: Float32Array, window: number, shortest: number, longest: number): number | undefined {
  const likeness = new Float64Array(longest + 2);
  for (let lag = shortest - 1; lag <= longest + 1; lag++) {
    let [product, left, right] = [0, 0, 0];
    for (let n = 0; n < window; n++) {
      const [x, y] = [samples[n]!, samples[n + lag]!];
      product += x * y;
      left += x * x;
      right += y * y;
    }
    likeness[lag] = product / Math.sqrt(left * right + 1e-12);
  }
  const best = likeness.subarray(shortest, longest + 1).reduce((a, b) => Math.max(a, b), 0);
  if (best < 0.6) return undefined;
  // The first that is as good as the best: its multiples are as alike.
  for (let lag = shortest; lag <= longest; lag++) {
    const [before, here, after] = [likeness[lag - 1]!, likeness[lag]!, likeness[lag + 1]!];
    if (here < 0.97 * best || here < before || here < after) continue;
    const bend = before - 2 * here + after;
    return bend === 0 ? lag : lag + (before - after) / (2 * bend);
  }
  return undefined;
}
