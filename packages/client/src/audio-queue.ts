type End = { readonly error?: unknown };

/** What an utterance's frames wait in until they are read: one reader, an end that may be an error. Whoever fills it bounds it. */
export class AudioQueue implements AsyncIterableIterator<Uint8Array> {
  readonly #chunks: Uint8Array[] = [];
  readonly #onLeave: () => void;
  #bytes = 0;
  #end: End | undefined;
  #wake: (() => void) | undefined;

  /** `onLeave`: the reader left before the end. */
  constructor(onLeave: () => void) {
    this.#onLeave = onLeave;
  }

  /** Bytes that arrived and were not read yet. */
  get bytes(): number {
    return this.#bytes;
  }

  push(chunk: Uint8Array): void {
    if (this.#end) return;
    this.#chunks.push(chunk);
    this.#bytes += chunk.byteLength;
    this.#wake?.();
  }

  /** What waits is still read, and then the error, if there is one. */
  end(end: End = {}): void {
    this.#end ??= end;
    this.#wake?.();
  }

  /** What waits is dropped: the reader is at the end now. */
  cut(end: End = {}): void {
    this.#chunks.length = 0;
    this.#bytes = 0;
    this.end(end);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async next(): Promise<IteratorResult<Uint8Array, undefined>> {
    for (;;) {
      const value = this.#chunks.shift();
      if (value) {
        this.#bytes -= value.byteLength;
        return { done: false, value };
      }
      if (this.#end && "error" in this.#end) throw this.#end.error;
      if (this.#end) return { done: true, value: undefined };
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  async return(): Promise<IteratorResult<Uint8Array, undefined>> {
    const early = !this.#end;
    this.cut();
    if (early) this.#onLeave();
    return { done: true, value: undefined };
  }
}
