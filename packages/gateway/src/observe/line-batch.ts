const BATCH_BYTES = 32 * 1024;
const MAX_HELD_MS = 100;
/** Lines not yet made. */
const MAX_LATE = 64;
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
  #late: (() => string)[] = [];
  #timer: NodeJS.Timeout | undefined;

  constructor(
    out: { write(bytes: Uint8Array): unknown },
    { batchBytes = BATCH_BYTES }: { readonly batchBytes?: number } = {},
  ) {
    this.#out = out;
    this.#batchBytes = batchBytes;
  }

  write(line: string): void {
    this.#makeLate(); // what came before it stands before it
    this.#add(line);
  }

  /**
   * A line that is made when it is written, with others: one alone, in the midst of a request, takes several times as long. It has
   * to have its time in it.
   */
  writeLater(make: () => string): void {
    this.#late.push(make);
    if (this.#late.length >= MAX_LATE) this.#makeLate();
    else this.#hold();
  }

  #makeLate(): void {
    if (this.#late.length === 0) return;
    const late = this.#late;
    this.#late = [];
    for (const make of late) this.#add(make());
  }

  #hold(): void {
    this.#timer ??= setTimeout(() => this.flush(), MAX_HELD_MS).unref();
  }

  #add(line: string): void {
    const mostBytes = line.length * MAX_BYTES_PER_CHAR;
    if (mostBytes > this.#batch.byteLength - this.#used) this.#next(mostBytes);
    this.#used += this.#batch.write(line, this.#used);
    this.#hold();
  }

  /** At once. Has to be called when the process ends, or the last lines are lost. */
  flush(): void {
    this.#makeLate();
    this.#send();
  }

  #send(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#used === 0) return;
    const bytes = this.#batch.subarray(0, this.#used);
    this.#batch = this.#batch.subarray(this.#used); // what was handed out may be read later
    this.#used = 0;
    this.#out.write(bytes);
  }

  #next(leastBytes: number): void {
    this.#send();
    this.#batch = Buffer.allocUnsafeSlow(Math.max(this.#batchBytes, leastBytes));
  }
}
