export type Deferred<T> = { promise: Promise<T>; resolve: (value: T) => void; reject: (reason: unknown) => void };

export function deferred<T = void>(): Deferred<T> {
  return Promise.withResolvers<T>();
}

/**
 * What is at hand, or the promise of it. Nearly all answers are in memory, and there each turn of the event loop is felt:
 * `await` only what is a promise.
 */
export type Soon<T> = T | Promise<T>;

/** The same for what is made of it. */
export function soon<T, R>(value: Soon<T>, make: (value: T) => Soon<R>): Soon<R> {
  return value instanceof Promise ? value.then(make) : make(value);
}

/** Runs `action` at most once, however often the result is called. */
export function once(action: () => void): () => void {
  let done = false;
  return () => {
    if (done) return;
    done = true;
    action();
  };
}

/** An async iterable of just these values. */
export async function* only<T>(...values: T[]): AsyncGenerator<T> {
  yield* values;
}

/** The same, and cheap to make where hardly anybody reads it. */
export class AtHand<T> implements AsyncIterable<T> {
  readonly #values: readonly T[];

  constructor(values: readonly T[]) {
    this.#values = values;
  }

  [Symbol.asyncIterator](): AsyncGenerator<T> {
    return only(...this.#values);
  }
}

/**
 * Pulls values now until one is `enough`, so that a failure before it is thrown here and not in the middle of the consumer.
 * An iterator by hand, not a generator: `return()` on a generator that was never started would not reach the source.
 */
export async function primed<T>(
  source: AsyncIterable<T>,
  enough: (value: T) => boolean = () => true,
): Promise<AsyncIterableIterator<T>> {
  const iterator = source[Symbol.asyncIterator]();
  const head: IteratorResult<T>[] = [];
  for (;;) {
    const result = await iterator.next();
    head.push(result);
    if (result.done || enough(result.value)) break;
  }
  const replay: AsyncIterableIterator<T> = {
    async next() {
      return head.shift() ?? iterator.next();
    },
    async return() {
      head.length = 0;
      await iterator.return?.();
      return { done: true, value: undefined };
    },
    [Symbol.asyncIterator]: () => replay,
  };
  return replay;
}

/** All bytes of a stream as one array. */
export async function collect(source: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of source) chunks.push(chunk);
  return concat(chunks);
}

export function concat(chunks: readonly Uint8Array[]): Uint8Array {
  if (chunks.length === 1) return chunks[0]!;
  const whole = new Uint8Array(chunks.reduce((sum, chunk) => sum + chunk.byteLength, 0));
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.byteLength;
  }
  return whole;
}

/** A stream that is fed by hand: `push` what comes, then `end` or `fail`. Unbounded: the feeder bounds what it pushes. */
export class PushStream<T> implements AsyncIterable<T> {
  readonly #values: T[] = [];
  #ended = false;
  #error: unknown;
  #wake = deferred();

  push(value: T): void {
    this.#values.push(value);
    this.#wake.resolve();
  }
  end(): void {
    this.#ended = true;
    this.#wake.resolve();
  }
  fail(error: unknown): void {
    this.#error = error;
    this.end();
  }
  async *[Symbol.asyncIterator](): AsyncGenerator<T> {
    for (;;) {
      while (this.#values.length > 0) yield this.#values.shift() as T;
      if (this.#ended) {
        if (this.#error !== undefined) throw this.#error;
        return;
      }
      this.#wake = deferred();
      await this.#wake.promise;
    }
  }
}
