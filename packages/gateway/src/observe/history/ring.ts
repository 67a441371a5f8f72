import { ROW_LENGTH } from "./row.ts";

/** The last rows, in memory that is taken once and never grows. */
export class Ring {
  readonly #rows: Float32Array;
  readonly #times: Float64Array;
  readonly #size: number;
  #written = 0;

  constructor(size: number) {
    this.#size = size;
    this.#rows = new Float32Array(size * ROW_LENGTH);
    this.#times = new Float64Array(size);
  }

  get bytes(): number {
    return this.#rows.byteLength + this.#times.byteLength;
  }

  /** Keeps a copy, in the place of the oldest when it is full. */
  push(row: Float64Array, atMs: number): void {
    const slot = this.#written++ % this.#size;
    this.#rows.set(row, slot * ROW_LENGTH);
    this.#times[slot] = atMs;
  }

  /** Oldest first. A row is a view, true until the next `push`. */
  *rows(): Generator<{ readonly row: Float32Array; readonly atMs: number }> {
    for (let n = Math.max(0, this.#written - this.#size); n < this.#written; n++) {
      const slot = n % this.#size;
      yield { row: this.#rows.subarray(slot * ROW_LENGTH, (slot + 1) * ROW_LENGTH), atMs: this.#times[slot]! };
    }
  }
}
