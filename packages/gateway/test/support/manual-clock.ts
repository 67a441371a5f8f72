import type { Clock } from "../../src/core/clock.ts";

/** Time that only moves when told. Starts at 0 on both scales, where "no time at all" bugs live. */
export function manualClock(): Clock & { advance(ms: number): void } {
  let nowMs = 0;
  let sleepers: { atMs: number; wake: () => void }[] = [];
  return {
    now: () => nowMs,
    monotonic: () => nowMs,
    sleep(ms, signal) {
      return new Promise((resolve, reject) => {
        signal.throwIfAborted();
        sleepers.push({ atMs: nowMs + ms, wake: resolve });
        signal.addEventListener("abort", () => reject(signal.reason), { once: true });
      });
    },
    advance(ms) {
      nowMs += ms;
      const due = sleepers.filter(({ atMs }) => atMs <= nowMs);
      sleepers = sleepers.filter(({ atMs }) => atMs > nowMs);
      for (const { wake } of due) wake();
    },
  };
}
