import type { Clock } from "../core/clock.ts";
import { SpeechError } from "../core/errors.ts";
import type { CallOptions } from "../core/ports.ts";
import { LooseAttempt } from "./attempt.ts";
import type { SpokenSegment } from "./segment.ts";

export type Start = (options: CallOptions) => Promise<SpokenSegment>;

export type HedgedOptions = CallOptions & {
  readonly clock: Clock;
  readonly delayMs: number;
  readonly first: Start;
  readonly second: Start;
  /** Time is up for the first; whether the second may start. */
  readonly onDelay: () => boolean;
  /** The second failed while the first had not yet spoken. */
  readonly onSecondFailed: (error: unknown) => void;
};

/** Somebody else was faster: no fault of whoever hears it. */
const LOST = new SpeechError("caller_gone", "another engine was faster");

/**
 * The first audio of two: the second starts only if the first takes too long, and whoever loses is cancelled. Rejects with
 * the first one's failure when that comes before the second was started, or both fail.
 */
export async function hedged(options: HedgedOptions): Promise<SpokenSegment> {
  const { clock, delayMs, first, second, onDelay, onSecondFailed, signal } = options;
  const waited = new AbortController();
  const one = new LooseAttempt(first, { signal });
  const late = clock.sleep(delayMs, AbortSignal.any([signal, waited.signal])).then(
    () => true,
    () => false,
  );
  const isLate = await Promise.race([late, one.spoken.then(over, over)]);
  waited.abort();
  if (!isLate || signal.aborted || !onDelay()) return one.spoken;
  const two = new LooseAttempt(second, { signal });
  two.spoken.catch((error: unknown) => {
    if (error !== LOST) onSecondFailed(error);
  });
  const winner = await Promise.any([one.spoken.then(() => one), two.spoken.then(() => two)]).catch(() => undefined);
  if (winner === one) two.cancel(LOST);
  if (winner === two) one.cancel(LOST);
  return (winner ?? one).spoken;
}

const over = (): boolean => false;
