/**
 * What one side puts in and the other takes out, in order, at its own pace. Ends exactly once, cleanly or with a
 * failure; a failure overtakes what was not taken yet, since nobody wants the rest of something broken.
 */
export class Mailbox<T> implements AsyncIterable<T> {
  readonly #items: T[] = [];
  #end: { failure?: unknown; failed: boolean } | undefined;
  #wake = Promise.withResolvers<void>();

  get ended(): boolean {
    return this.#end !== undefined;
  }

  put(item: T): void {
    if (this.#end) return;
    this.#items.push(item);
    this.#notify();
  }

  end(): void {
    this.#end ??= { failed: false };
    this.#notify();
  }

  fail(failure: unknown): void {
    this.#end ??= { failed: true, failure };
    this.#notify();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T> {
    for (;;) {
      if (this.#end?.failed) throw this.#end.failure;
      if (this.#items.length > 0) yield this.#items.shift()!;
      else if (this.#end) return;
      else await this.#wake.promise;
    }
  }

  #notify(): void {
    this.#wake.resolve();
    this.#wake = Promise.withResolvers<void>();
  }
}
