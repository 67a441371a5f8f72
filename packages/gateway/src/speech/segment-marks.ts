import type { SpokenMark, SpokenWord } from "../core/ports.ts";
import type { SegmentMark } from "./segment.ts";

/**
 * The marks of one segment: each is reached when the word behind it begins, or in the middle of a word where it stands in
 * one; what no word follows is reached at the segment's end.
 */
export class SegmentMarks {
  readonly #waiting: SegmentMark[];

  constructor(marks: readonly SegmentMark[] = []) {
    this.#waiting = [...marks];
  }

  get any(): boolean {
    return this.#waiting.length > 0;
  }

  /** Those that these words, which follow the ones before, have reached. */
  reached(words: readonly SpokenWord[]): SpokenMark[] {
    const reached: SpokenMark[] = [];
    for (const word of words) {
      for (let mark = this.#waiting[0]; mark !== undefined && mark.at < word.to; mark = this.#waiting[0]) {
        reached.push({
          name: mark.name,
          timeMs: timeIn(word, mark.at),
          ...(word.estimated && { estimated: true }),
        });
        this.#waiting.shift();
      }
    }
    return reached;
  }

  /** The rest of them. */
  ended(atMs: number): SpokenMark[] {
    return this.#waiting.splice(0).map(({ name }) => ({ name, timeMs: atMs }));
  }
}

function timeIn({ from, to, startMs, endMs }: SpokenWord, at: number): number {
  return at <= from ? startMs : startMs + ((endMs - startMs) * (at - from)) / (to - from);
}
