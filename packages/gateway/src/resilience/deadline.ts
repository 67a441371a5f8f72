import type { Clock } from "../core/clock.ts";

export type DeadlineOptions = {
  readonly clock: Clock;
  /** Until the first value. */
  readonly firstMs: number;
  /** From one value to the next. */
  readonly betweenMs: number;
  /** Builds what is thrown when time is up. */
  readonly onLate: (waitedMs: number) => Error;
  /** The caller's: its reason is thrown when it aborts, whatever the source is doing. */
  readonly signal: AbortSignal;
};

/**
 * Passes on what `start` yields as long as it keeps its deadlines. When time is up, or the caller leaves, the source's
 * own signal is aborted and the consumer is told at once: a source that never answers cannot hold anybody.
 */
export async function* withDeadlines<T>(
  start: (signal: AbortSignal) => AsyncIterable<T>,
  { clock, firstMs, betweenMs, onLate, signal }: DeadlineOptions,
): AsyncGenerator<T> {
  signal.throwIfAborted();
  const ours = new AbortController();
  const abort = (): void => ours.abort(signal.reason);
  signal.addEventListener("abort", abort, { once: true });
  const source = start(ours.signal)[Symbol.asyncIterator]();
  let ended = false;
  try {
    for (let limitMs = firstMs; ; limitMs = betweenMs) {
      const next = await nextWithin(source, limitMs, clock, ours, onLate);
      if (next.done) {
        ended = true;
        return;
      }
      yield next.value;
    }
  } finally {
    signal.removeEventListener("abort", abort);
    if (!ended) {
      if (!ours.signal.aborted) ours.abort(new Error("the consumer left"));
      // Not awaited: a source that hangs would hang its return() too.
      void Promise.resolve(source.return?.()).catch(() => {});
    }
  }
}

async function nextWithin<T>(
  source: AsyncIterator<T>,
  limitMs: number,
  clock: Clock,
  ours: AbortController,
  onLate: (waitedMs: number) => Error,
): Promise<IteratorResult<T>> {
  const timer = new AbortController();
  const pending = source.next();
  pending.catch(() => {}); // when the deadline wins, its late failure is nobody's
  const late = clock.sleep(limitMs, timer.signal).then(() => {
    const error = onLate(limitMs);
    ours.abort(error);
    throw error;
  });
  late.catch(() => {});
  const left = new Promise<never>((_, reject) => {
    if (ours.signal.aborted) reject(ours.signal.reason);
    ours.signal.addEventListener("abort", () => reject(ours.signal.reason), { once: true, signal: timer.signal });
  });
  left.catch(() => {});
  try {
    return await Promise.race([pending, late, left]);
  } finally {
    timer.abort();
  }
}
