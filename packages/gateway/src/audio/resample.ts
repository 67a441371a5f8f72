/**
 * A streaming polyphase windowed-sinc resampler. An output sample at time t is a weighted sum of the input around t;
 * the weights depend only on where t falls between two input samples, and for a rational ratio L/M there are only
 * L such places ("phases"). So all weights are computed once. Length is exact: n samples become round(n·L/M).
 */
const ZERO_CROSSINGS = 24;
const KAISER_BETA = 9;
/** Passband edge as a part of the lower Nyquist frequency: what is above folds back below -80 dB. */
const CUTOFF = 0.94;

/** 22,255 Hz, an odd rate that was once usual, to 48 kHz takes 460,800. */
const MAX_WEIGHTS = 2 ** 21;

type Bank = {
  readonly up: number;
  readonly down: number;
  readonly half: number;
  readonly phases: readonly Float32Array[];
};

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}

function besselI0(x: number): number {
  let sum = 1;
  let term = 1;
  for (let k = 1; k < 40; k++) {
    term *= (x / 2 / k) ** 2;
    sum += term;
  }
  return sum;
}

function buildBank(fromHz: number, toHz: number): Bank {
  const divisor = greatestCommonDivisor(fromHz, toHz);
  const up = toHz / divisor;
  const narrow = Math.min(1, toHz / fromHz);
  const half = Math.ceil(ZERO_CROSSINGS / narrow);
  // Two rates with nothing in common: seconds of work and a hundred megabytes before the first sample.
  if (2 * half * up > MAX_WEIGHTS) throw new Error(`cannot make ${toHz} Hz out of ${fromHz}`);
  const atZero = besselI0(KAISER_BETA);
  const weight = (x: number): number => {
    if (Math.abs(x) > half) return 0;
    const window = besselI0(KAISER_BETA * Math.sqrt(1 - (x / half) ** 2)) / atZero;
    const cutoff = narrow * CUTOFF;
    return (x === 0 ? cutoff : Math.sin(Math.PI * cutoff * x) / (Math.PI * x)) * window;
  };
  const phases = Array.from({ length: up }, (_, phase) => {
    const taps = Float64Array.from({ length: 2 * half }, (_, k) => weight(k - half + 1 - phase / up));
    const sum = taps.reduce((total, tap) => total + tap, 0);
    return Float32Array.from(taps, (tap) => tap / sum); // a constant passes unchanged: no ripple
  });
  return { up, down: fromHz / divisor, half, phases };
}

export class Resampler {
  readonly #bank: Bank;
  #held: Float32Array;
  #phase = 0;
  /** Input samples to drop before the next window starts; the window may have stepped past all that was held. */
  #owed = 0;
  #taken = 0;
  #given = 0;

  /** Rates in hertz, integers. Throws for two that no filter of a sane size goes between. */
  constructor(fromHz: number, toHz: number) {
    this.#bank = buildBank(fromHz, toHz);
    this.#held = new Float32Array(this.#bank.half - 1);
  }

  push(samples: Float32Array): Float32Array {
    this.#taken += samples.length;
    return this.#run(samples, Number.POSITIVE_INFINITY);
  }

  /** The tail, as if silence followed. */
  finish(): Float32Array {
    const { up, down, half } = this.#bank;
    const missing = Math.round((this.#taken * up) / down) - this.#given;
    return this.#run(new Float32Array(half + down), missing);
  }

  #run(samples: Float32Array, limit: number): Float32Array {
    const { up, down, half, phases } = this.#bank;
    const input = new Float32Array(this.#held.length + samples.length);
    input.set(this.#held);
    input.set(samples, this.#held.length);
    const taps = 2 * half;
    const output = new Float32Array(Math.ceil((input.length * up) / down) + 2);
    let at = this.#owed;
    let count = 0;
    let phase = this.#phase;
    while (at + taps <= input.length && count < limit) {
      const weights = phases[phase]!;
      let sum = 0;
      for (let k = 0; k < taps; k++) sum += input[at + k]! * weights[k]!;
      output[count++] = sum;
      phase += down;
      while (phase >= up) {
        phase -= up;
        at++;
      }
    }
    this.#phase = phase;
    this.#held = input.slice(at);
    this.#owed = Math.max(0, at - input.length);
    this.#given += count;
    return output.subarray(0, count);
  }
}
