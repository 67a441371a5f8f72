import type { WordTime } from "../core/ports.ts";

/** When a word begins; where it ends nobody says. */
export type WordStart = { readonly text: string; readonly startMs: number };

/** Words of engines that only tell where each begins: each lasts until the next, the last one until `endMs`. */
export function wordsFromStarts(starts: readonly WordStart[], endMs: number): WordTime[] {
  let free = 0;
  return starts.map(({ text, startMs: told }, at) => {
    const startMs = Math.max(free, told);
    free = Math.max(startMs + 1, starts[at + 1]?.startMs ?? endMs);
    return { text, startMs, endMs: free };
  });
}
