import { Resampler } from "../resample.ts";

/** Largest denominator of the fraction that stands for a factor: it is off by less than 1/128², a tenth of a cent. */
const MAX_DENOMINATOR = 128;

/** Samples as if played `factor` times as fast: pitch and formants go up by it, the length down. */
export function playFaster(factor: number): Resampler {
  const [numerator, denominator] = fractionOf(factor);
  return new Resampler(numerator, denominator);
}

/** How fast that really is. */
export function playedFactor(factor: number): number {
  const [numerator, denominator] = fractionOf(factor);
  return numerator / denominator;
}

/** The best approximation by a continued fraction. */
function fractionOf(factor: number): [number, number] {
  let [p0, q0, p1, q1] = [0, 1, 1, 0];
  let rest = factor;
  for (;;) {
    const whole = Math.floor(rest);
    const [p, q] = [whole * p1 + p0, whole * q1 + q0];
    if (q > MAX_DENOMINATOR) return [p1, q1];
    [p0, q0, p1, q1] = [p1, q1, p, q];
    const fraction = rest - whole;
    if (fraction < 1e-9) return [p1, q1];
    rest = 1 / fraction;
  }
}
