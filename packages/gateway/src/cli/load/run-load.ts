import type { Random } from "./random.ts";
import { Tally } from "./tally.ts";
import type { Answer, Target } from "./target.ts";

export type Order = "random" | "zipf" | "sequence";

export type RunOptions = {
  readonly target: Target;
  readonly phrases: readonly string[];
  readonly order: Order;
  readonly users: number;
  /** When requests start, in ms from the beginning, in order. */
  readonly arrivals: Iterable<number>;
  readonly random: Random;
  /** Ends the run; what was measured so far stands. */
  readonly signal: AbortSignal;
  /** After the last request: how long its answers are waited for. */
  readonly drainMs: number;
  /** Called a few times a second. */
  readonly onProgress?: (elapsedMs: number, tally: Tally) => void;
};

const PROGRESS_MS = 250;
const TICK_MS = 1;

/**
 * Sends requests at their times whether or not earlier ones were answered. A time to first audio counts from the moment
 * at which its request was to start: a gateway that stalls is charged for everybody who would have called meanwhile,
 * which a client that waits for its answers leaves out (coordinated omission).
 */
export async function runLoad(options: RunOptions): Promise<{ readonly tally: Tally; readonly elapsedMs: number }> {
  const { target, arrivals, signal, drainMs, onProgress } = options;
  const tally = new Tally();
  const pick = picker(options);
  const startedAt = performance.now();
  const elapsed = (): number => performance.now() - startedAt;
  let toldAt = 0;
  const tell = (): void => {
    tally.mostWaiting = Math.max(tally.mostWaiting, target.waiting);
    if (elapsed() - toldAt < PROGRESS_MS) return;
    toldAt = elapsed();
    onProgress?.(toldAt, tally);
  };
  for (const dueMs of arrivals) {
    while (dueMs > elapsed() && !signal.aborted) {
      tell();
      await pause(Math.max(TICK_MS, Math.min(PROGRESS_MS, dueMs - elapsed())));
    }
    if (signal.aborted) break;
    const { user, text } = pick();
    const dueAt = startedAt + dueMs;
    tally.started(dueMs, performance.now() - dueAt);
    target.send({ user, text, dueAt, done: (answer) => tally.end(dueMs, ended(answer, dueAt)) });
  }
  const elapsedMs = elapsed();
  while (tally.ended < tally.sent && elapsed() - elapsedMs < drainMs && !signal.aborted) {
    tell();
    await pause(PROGRESS_MS / 10);
  }
  target.close();
  return { tally, elapsedMs };
}

function ended(answer: Answer, dueAt: number) {
  if (!answer.ok) return answer;
  const { hit, firstAudioAt, endedAt, bytes } = answer;
  return { ok: true, hit, firstAudioMs: firstAudioAt - dueAt, wholeMs: endedAt - dueAt, bytes } as const;
}

/** Who says what next. */
function picker({ phrases, order, users, random }: RunOptions): () => { readonly user: number; readonly text: string } {
  let next = 0;
  const zipf = order === "zipf" ? zipfOver(phrases.length, random) : undefined;
  const index = (): number => {
    if (order === "sequence") return next++ % phrases.length;
    return zipf === undefined ? Math.floor(random() * phrases.length) : zipf();
  };
  return () => ({ user: Math.floor(random() * users), text: phrases[index()]! });
}

/** The n-th most frequent is said 1/n as often as the first, as in most collections of texts. */
function zipfOver(count: number, random: Random): () => number {
  const sums = new Float64Array(count);
  let sum = 0;
  for (let at = 0; at < count; at++) sums[at] = sum += 1 / (at + 1);
  return () => {
    const wanted = random() * sum;
    let [low, high] = [0, count - 1];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (sums[middle]! < wanted) low = middle + 1;
      else high = middle;
    }
    return low;
  };
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
