const BATCH_BYTES = 32 * 1024;
const MAX_HELD_MS = 100;
/** Of one UTF-16 code unit, in UTF-8. */
const MAX_BYTES_PER_CHAR = 3;

/**
 * Writes lines in batches: under load a write for each line costs several times what making the line does. A line is held
 * for a tenth of a second at most, as bytes: as the many small strings that a logger joins it from, it would keep the
 * garbage collector busy.
 */
export class LineBatch {
  readonly #out: { write(bytes: Uint8Array): unknown };
  readonly #batchBytes: number;
  #batch: Buffer = Buffer.alloc(0);
  #used = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(
    out: { write(bytes: Uint8Array): unknown },
    { batchBytes = BATCH_BYTES }: { readonly batchBytes?: number } = {},
  ) {
    this.#out = out;
    this.#batchBytes = batchBytes;
  }

  write(line: string): void {
    const mostBytes = line.length * MAX_BYTES_PER_CHAR;
    if (mostBytes > this.#batch.byteLength - this.#used) this.#next(mostBytes);
    this.#used += this.#batch.write(line, this.#used);
    this.#timer ??= setTimeout(() => this.flush(), MAX_HELD_MS).unref();
  }

  /** At once. Has to be called when the process ends, or the last lines are lost. */
  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#used === 0) return;
    const bytes = this.#batch.subarray(0, this.#used);
    this.#batch = this.#batch.subarray(this.#used); // what was handed out may be read later
    this.#used = 0;
    this.#out.write(bytes);
  }

  #next(leastBytes: number): void {
    this.flush();
    this.#batch = Buffer.allocUnsafeSlow(Math.max(this.#batchBytes, leastBytes));
  }
}
