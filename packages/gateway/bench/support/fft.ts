/** Magnitudes of the bins from 0 to half the size; the signal is filled up with zeroes. Radix 2, in place. */
export function magnitudes(signal: Float64Array, size: number): Float64Array {
  const re = new Float64Array(size);
  const im = new Float64Array(size);
  re.set(signal);
  transform(re, im);
  return Float64Array.from({ length: size / 2 + 1 }, (_, bin) => Math.hypot(re[bin]!, im[bin]!));
}

/** Cosines and sines by size. */
const turns = new Map<number, readonly [Float64Array, Float64Array]>();

function turnsOf(size: number): readonly [Float64Array, Float64Array] {
  const known = turns.get(size);
  if (known !== undefined) return known;
  const angles = Float64Array.from({ length: size / 2 }, (_, n) => (-2 * Math.PI * n) / size);
  const made = [angles.map(Math.cos), angles.map(Math.sin)] as const;
  turns.set(size, made);
  return made;
}

function transform(re: Float64Array, im: Float64Array): void {
  const size = re.length;
  const [cosines, sines] = turnsOf(size);
  for (let n = 1, reversed = 0; n < size; n++) {
    let bit = size >> 1;
    for (; reversed & bit; bit >>= 1) reversed ^= bit;
    reversed ^= bit;
    if (n < reversed) {
      [re[n], re[reversed]] = [re[reversed]!, re[n]!];
      [im[n], im[reversed]] = [im[reversed]!, im[n]!];
    }
  }
  for (let width = 2; width <= size; width *= 2) {
    const step = size / width;
    for (let start = 0; start < size; start += width) {
      for (let n = 0; n < width / 2; n++) {
        const cos = cosines[n * step]!;
        const sin = sines[n * step]!;
        const a = start + n;
        const b = a + width / 2;
        const real = re[b]! * cos - im[b]! * sin;
        const imaginary = re[b]! * sin + im[b]! * cos;
        re[b] = re[a]! - real;
        im[b] = im[a]! - imaginary;
        re[a]! += real;
        im[a]! += imaginary;
      }
    }
  }
}
