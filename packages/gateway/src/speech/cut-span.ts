import type { Pronunciation, Span } from "../core/script.ts";
import { lengthWithoutSpace } from "../core/script-writer.ts";
import { splitSegments } from "../core/text/segment.ts";
import type { SegmentMark } from "./segment.ts";

/** One segment of a span, and what stands in it. Pronunciations: indices into the segment's text. */
export type CutSegment = {
  readonly text: string;
  readonly marks: readonly SegmentMark[];
  readonly pronunciations: readonly Pronunciation[];
};

type CutOptions = {
  readonly maxChars: number;
  /** Called for each pronunciation of more than one segment, which none of them has. */
  readonly onDivided: (pronunciation: Pronunciation) => void;
};

/** Cuts the text of a span, as any text is cut, and gives each mark and pronunciation to the segment in which it stands. */
export function cutSpan(span: Omit<Span, "settings">, { maxChars, onDivided }: CutOptions): CutSegment[] {
  const { text, marks, lead, pronunciations } = span;
  const parts = splitSegments(text, { maxChars });
  const cut: CutSegment[] = [];
  let next = 0;
  let nextSaid = 0;
  let before = 0;
  for (const [at, part] of parts.entries()) {
    const until = before + lengthWithoutSpace(part);
    const last = at === parts.length - 1;
    // Marks before any sound, with no silence to stand in, are reached with it.
    const inside: SegmentMark[] = at === 0 && lead.ms === 0 ? lead.marks.map(({ name }) => ({ name, at: 0 })) : [];
    const places = new Places(part);
    for (; next < marks.length && (last || marks[next]!.at < until); next++)
      inside.push({ name: marks[next]!.name, at: places.of(marks[next]!.at - before) });
    const said: Pronunciation[] = [];
    const ends = new Places(part);
    for (; nextSaid < pronunciations.length && pronunciations[nextSaid]!.from < until; nextSaid++) {
      const one = pronunciations[nextSaid]!;
      if (one.to > until) onDivided(one);
      else said.push({ ...one, from: ends.of(one.from - before), to: ends.of(one.to - 1 - before) + 1 });
    }
    cut.push({ text: part, marks: inside, pronunciations: said });
    before = until;
  }
  return cut;
}

/** Turns counts of characters without white space into indices. Asked in rising order, it goes through the text once. */
class Places {
  readonly #text: string;
  #index = 0;
  #count = 0;

  constructor(text: string) {
    this.#text = text;
  }

  /** The index of the character that so many others stand before; the text's length if there are not as many. */
  of(count: number): number {
    for (; this.#index < this.#text.length; this.#index++) {
      if (/\s/.test(this.#text[this.#index]!)) continue;
      if (this.#count >= count) break;
      this.#count++;
    }
    return this.#index;
  }
}
