import type { Clock } from "../../src/core/clock.ts";

export type ManualClock = Clock & {
  /** Moves time on, waking sleepers in the order of their times; lets what they woke run in between. */
  advance(ms: number): Promise<void>;
};

type Sleeper = { readonly at: number; readonly wake: () => void };

/** A clock that stands still until it is told to move. */
export function manualClock(startMs = 1_700_000_000_000): ManualClock {
  let elapsed = 0;
  const sleepers = new Set<Sleeper>();
  return {
    now: () => startMs + elapsed,
    monotonic: () => elapsed,
    sleep(ms, signal) {
      return new Promise((resolve, reject) => {
        signal.throwIfAborted();
        const sleeper: Sleeper = {
          at: elapsed + ms,
          wake() {
            signal.removeEventListener("abort", stop);
            resolve();
          },
        };
        const stop = (): void => {
          sleepers.delete(sleeper);
          reject(signal.reason);
        };
        signal.addEventListener("abort", stop, { once: true });
        sleepers.add(sleeper);
      });
    },
    async advance(ms) {
      const until = elapsed + ms;
      for (;;) {
        await settled();
        const [first] = [...sleepers].filter(({ at }) => at <= until).sort((a, b) => a.at - b.at);
        if (first === undefined) break;
        elapsed = first.at;
        sleepers.delete(first);
        first.wake();
      }
      elapsed = until;
      await settled();
    },
  };
}

/** Lets every promise that can settle now do so. */
export function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
