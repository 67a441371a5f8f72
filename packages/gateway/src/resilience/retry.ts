import type { Clock } from "../core/clock.ts";

export type RetryOptions = {
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** Whether this failure is one that asking again may mend. */
  readonly mayRetry: (error: unknown) => boolean;
  /** A failure that took longer is not repeated: the caller has waited once. */
  readonly withinMs: number;
  readonly onRetry?: () => void;
  /** 0..1. Default: chance. */
  readonly random?: () => number;
};

/** So that many who failed together do not come back together. */
const MAX_JITTER_MS = 50;

/** What `start` yields; started once more if it failed at once and before its first value. */
export async function* retriedOnce<T>(start: () => AsyncIterable<T>, options: RetryOptions): AsyncGenerator<T> {
  const { clock, signal, mayRetry, withinMs, onRetry, random = Math.random } = options;
  const startedAt = clock.monotonic();
  let begun = false;
  try {
    for await (const value of start()) {
      begun = true;
      yield value;
    }
    return;
  } catch (error) {
    signal.throwIfAborted();
    if (begun || clock.monotonic() - startedAt > withinMs || !mayRetry(error)) throw error;
  }
  await clock.sleep(random() * MAX_JITTER_MS, signal);
  onRetry?.();
  yield* start();
}

/** A connection that the other side dropped while it was kept for the next call, as Node and its fetch name it. */
const DROPPED: ReadonlySet<unknown> = new Set(["ECONNRESET", "EPIPE", "ECONNABORTED", "UND_ERR_SOCKET"]);
const MAX_CAUSES = 5;

/** Whether somewhere among its causes an error says that an open connection was dropped. */
export function isDroppedConnection(error: unknown): boolean {
  let cause = error;
  for (let depth = 0; depth < MAX_CAUSES && cause instanceof Error; depth++) {
    if ("code" in cause && DROPPED.has(cause.code)) return true;
    cause = cause.cause;
  }
  return false;
}
