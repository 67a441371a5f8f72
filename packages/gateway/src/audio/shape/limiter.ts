/**
 * Louder without clipping: a look-ahead limiter. Each sample asks for as much gain as fits below the ceiling; the least
 * that is asked for within the look-ahead holds, comes back slowly, and is smoothed by a mean over the look-ahead. A mean
 * of gains that all fit a sample fits it too, so nothing exceeds the ceiling, and the gain has no steps that could be
 * heard. (P. Hämäläinen, "Smoothing of the control signal without clipped output in digital peak limiters", DAFx 2002.)
 */
const LOOK_AHEAD_S = 0.005;
const RELEASE_S = 0.06;
/** −0.4 dB: room for what a lossy codec adds. */
const CEILING = 0.95;

export class Limiter {
  readonly #gain: number;
  readonly #ahead: number;
  readonly #release: number;
  readonly #least: LeastOfLast;
  /** Samples made louder, and the gains that the mean is of: rings as long as the look-ahead. */
  readonly #delayed: Float32Array;
  readonly #gains: Float64Array;
  #sum: number;
  #last = 1;
  #taken = 0;

  constructor(sampleRateHz: number, gain: number) {
    this.#gain = gain;
    this.#ahead = Math.max(1, Math.round(LOOK_AHEAD_S * sampleRateHz));
    this.#release = 1 - Math.exp(-1 / (RELEASE_S * sampleRateHz));
    this.#least = new LeastOfLast(this.#ahead);
    this.#delayed = new Float32Array(this.#ahead);
    this.#gains = new Float64Array(this.#ahead).fill(1);
    this.#sum = this.#ahead;
  }

  push(samples: Float32Array): Float32Array {
    return this.#run(samples);
  }

  /** What the look-ahead still holds. */
  finish(): Float32Array {
    return this.#run(new Float32Array(Math.min(this.#taken, this.#ahead - 1)));
  }

  #run(samples: Float32Array): Float32Array {
    const ahead = this.#ahead;
    const out = new Float32Array(samples.length);
    let count = 0;
    for (const sample of samples) {
      const louder = sample * this.#gain;
      const at = this.#taken % ahead;
      this.#delayed[at] = louder;
      const size = Math.abs(louder);
      const least = this.#least.of(size > CEILING ? CEILING / size : 1);
      this.#last = least < this.#last ? least : this.#last + (least - this.#last) * this.#release;
      this.#sum += this.#last - this.#gains[at]!;
      this.#gains[at] = this.#last;
      this.#taken++;
      const oldest = this.#delayed[this.#taken % ahead]!;
      if (this.#taken >= ahead) out[count++] = oldest * Math.min(1, this.#sum / ahead);
    }
    return out.subarray(0, count);
  }
}

/** The least of the last so many values: those that a later and smaller one has made irrelevant are forgotten. */
class LeastOfLast {
  readonly #length: number;
  readonly #values: Float64Array;
  readonly #times: Float64Array;
  #first = 0;
  #end = 0;
  #now = 0;

  constructor(length: number) {
    this.#length = length;
    this.#values = new Float64Array(length + 1);
    this.#times = new Float64Array(length + 1);
  }

  of(value: number): number {
    const size = this.#values.length;
    while (this.#end > this.#first && this.#values[(this.#end - 1) % size]! >= value) this.#end--;
    this.#values[this.#end % size] = value;
    this.#times[this.#end % size] = this.#now;
    this.#end++;
    if (this.#times[this.#first % size]! <= this.#now - this.#length) this.#first++;
    this.#now++;
    return this.#values[this.#first % size]!;
  }
}
