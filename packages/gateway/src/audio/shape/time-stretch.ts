/**
 * Speech made faster or slower at the same pitch: WSOLA, overlap-add by waveform similarity (W. Verhelst and M. Roelands,
 * "An overlap-add technique based on waveform similarity (WSOLA) for high quality time-scale modification of speech",
 * ICASSP 1993).
 *
 * The output is laid out of pieces of the input, one every `hop`. Each is taken from near the place where it belongs by
 * the tempo, but there where the input looks most like what would have followed the piece before, so that periods of the
 * voice meet in phase; the two are crossfaded over one hop. Samples are copied and never stretched, so pitch and timbre
 * stay. The crossfade keeps the power of what it fades whether that is alike (a vowel) or not (a hiss), after M. Fink,
 * M. Holters and U. Zölzer, "Signal-matched power-complementary cross-fading and dry-wet mixing", DAFx 2016.
 *
 * Length is exact: n samples become round(n / tempo). A piece stands at most `reach` away from its time by the tempo.
 */
const HOP_S = 0.012;
/** To both sides: together a period of the deepest voices. */
const REACH_S = 0.008;
/** The first search looks at so many samples a second; what it finds is looked at closely. */
const COARSE_HZ = 6_000;

export class TimeStretch {
  readonly #tempo: number;
  readonly #hop: number;
  readonly #reach: number;
  readonly #step: number;
  /** The rising half of a crossfade. */
  readonly #rise: Float32Array;
  /** Input from `#from` on. */
  #held = new Float32Array(0);
  #from = 0;
  #taken = 0;
  #given = 0;
  /** Pieces laid so far. */
  #pieces = 0;
  /** Where the input would go on after the last piece. */
  #next = 0;

  constructor(sampleRateHz: number, tempo: number) {
    this.#tempo = tempo;
    this.#hop = Math.round(HOP_S * sampleRateHz);
    this.#reach = Math.round(REACH_S * sampleRateHz);
    this.#step = Math.max(1, Math.floor(sampleRateHz / COARSE_HZ));
    this.#rise = Float32Array.from(
      { length: this.#hop },
      (_, at) => Math.sin((Math.PI / 2) * ((at + 0.5) / this.#hop)) ** 2,
    );
  }

  push(samples: Float32Array): Float32Array {
    this.#taken += samples.length;
    this.#keep(samples);
    const pieces: Float32Array[] = [];
    while (this.#isReady()) pieces.push(this.#piece());
    return this.#out(pieces, Number.POSITIVE_INFINITY);
  }

  /** The rest. What is looked at beyond the end is its mirror image: silence would make a sound that is cut off click. */
  finish(): Float32Array {
    const total = Math.round(this.#taken / this.#tempo);
    const missing = Math.max(0, Math.ceil((total - this.#given) / this.#hop));
    const furthest = Math.ceil((this.#pieces + missing) * this.#hop * this.#tempo) + this.#reach + 2 * this.#hop;
    this.#keep(this.#mirror(Math.max(furthest, this.#next + 2 * this.#hop) - this.#taken));
    const pieces: Float32Array[] = [];
    for (let left = missing; left > 0; left--) pieces.push(this.#piece());
    return this.#out(pieces, total - this.#given);
  }

  /** Whether all is there that the next piece may be made of, and it cannot be more than is due in the end. */
  #isReady(): boolean {
    const due = Math.ceil(this.#pieces * this.#hop * this.#tempo);
    const end = Math.ceil((this.#pieces + 1) * this.#hop * this.#tempo);
    return Math.max(this.#next + this.#hop, due + this.#reach + this.#hop, end) <= this.#taken;
  }

  #piece(): Float32Array {
    const hop = this.#hop;
    const due = Math.round(this.#pieces++ * hop * this.#tempo);
    const follow = this.#next;
    const { at, likeness } = this.#pieces === 1 ? { at: due, likeness: 1 } : this.#mostAlike(due, follow);
    const piece = new Float32Array(hop);
    const old = this.#held.subarray(follow - this.#from, follow - this.#from + hop);
    const fresh = this.#held.subarray(at - this.#from, at - this.#from + hop);
    for (let n = 0; n < hop; n++) {
      const rise = this.#rise[n]!;
      const fall = 1 - rise;
      const power = Math.sqrt(rise * rise + fall * fall + 2 * likeness * rise * fall);
      piece[n] = (old[n]! * fall + fresh[n]! * rise) / power;
    }
    this.#next = at + hop;
    return piece;
  }

  /** The place within reach of `due` whose next hop is most like the one from `follow` on, and how alike: 0..1. */
  #mostAlike(due: number, follow: number): { at: number; likeness: number } {
    const least = Math.max(this.#from, due - this.#reach);
    const most = due + this.#reach;
    if (follow >= least && follow <= most && Math.abs(follow - due) <= 1) return { at: follow, likeness: 1 };
    const coarse = this.#best(least, most, this.#step, follow, this.#step);
    const from = Math.max(least, coarse.at - this.#step);
    const to = Math.min(most, coarse.at + this.#step);
    const { at, likeness } = this.#best(from, to, 1, follow, 1);
    return { at, likeness: Math.max(0, likeness) };
  }

  /** Normalized cross-correlation of every `step`th place, of every `stride`th sample. */
  #best(least: number, most: number, step: number, follow: number, stride: number): { at: number; likeness: number } {
    const held = this.#held;
    const hop = this.#hop;
    const a = follow - this.#from;
    let best = { at: least, likeness: -2 };
    for (let at = least; at <= most; at += step) {
      const b = at - this.#from;
      let product = 0;
      let left = 0;
      let right = 0;
      for (let n = 0; n < hop; n += stride) {
        const x = held[a + n]!;
        const y = held[b + n]!;
        product += x * y;
        left += x * x;
        right += y * y;
      }
      const likeness = left > 0 && right > 0 ? product / Math.sqrt(left * right) : 0;
      if (likeness > best.likeness) best = { at, likeness };
    }
    return best;
  }

  #mirror(length: number): Float32Array {
    const held = this.#held;
    const there = held.length;
    if (there === 0) return new Float32Array(Math.max(0, length));
    return Float32Array.from({ length: Math.max(0, length) }, (_, n) => {
      const back = n % (2 * there);
      return held[back < there ? there - 1 - back : back - there]!;
    });
  }

  #keep(samples: Float32Array): void {
    // What lies before both the next piece's reach and what follows the last one is not looked at again.
    const due = Math.round(this.#pieces * this.#hop * this.#tempo) - this.#reach;
    const needless = Math.max(0, Math.min(this.#next, due) - this.#from);
    const drop = Math.min(needless, this.#held.length);
    const held = new Float32Array(this.#held.length - drop + samples.length);
    held.set(this.#held.subarray(drop));
    held.set(samples, this.#held.length - drop);
    this.#held = held;
    this.#from += drop;
  }

  #out(pieces: readonly Float32Array[], most: number): Float32Array {
    const samples = Math.min(most, pieces.length * this.#hop);
    const out = new Float32Array(samples);
    for (const [n, piece] of pieces.entries()) {
      const at = n * this.#hop;
      out.set(piece.subarray(0, Math.max(0, samples - at)), at);
    }
    this.#given += samples;
    return out;
  }
}
