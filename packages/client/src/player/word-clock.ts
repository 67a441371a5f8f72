import type { SpokenWord } from "@mynah/protocol";

export type WordClock = {
  /** Words arrived or time has passed. */
  check(): void;
  stop(): void;
};

const LATE_MS = 10;

/** Calls `onWord` for each word as `positionMs()` reaches it; words that arrive late are called at once, all in order. */
export function wordClock(
  words: () => readonly SpokenWord[],
  positionMs: () => number,
  onWord: (word: SpokenWord) => void,
): WordClock {
  let next = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;
  function check(): void {
    clearTimeout(timer);
    const nowMs = positionMs();
    for (let word = words()[next]; word; word = words()[next]) {
      if (word.startMs > nowMs) {
        // The audio's clock and the timers' are not the same: it looks again, and does not count on having slept.
        timer = setTimeout(check, Math.max(LATE_MS, word.startMs - nowMs));
        return;
      }
      next++;
      onWord(word);
    }
  }
  return { check, stop: () => clearTimeout(timer) };
}
