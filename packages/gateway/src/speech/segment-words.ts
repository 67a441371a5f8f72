import type { JoinedStream, SpokenWord, WordPlace, WordTime } from "../core/ports.ts";
import { estimatedWords } from "./estimated-words.ts";
import { wordPlaces } from "./word-places.ts";

/**
 * The words of one segment on their way from the segment's own clock to that of the whole answer. They wait until it is
 * known when the segment is heard; a segment that ends without any gets estimated ones.
 */
export class SegmentWords {
  readonly #text: string;
  #waiting: WordPlace[] = [];
  #searchedTo = 0;
  #any = false;

  constructor(text: string) {
    this.#text = text;
  }

  /** As an engine gives them. One that is not in the text is left out, as it is from stored words. */
  add(words: readonly WordTime[]): void {
    this.addPlaces(wordPlaces(words, this.#text, this.#searchedTo));
  }

  addPlaces(places: readonly WordPlace[]): void {
    if (places.length === 0) return;
    this.#any = true;
    this.#searchedTo = places.at(-1)!.to;
    this.#waiting.push(...places);
  }

  /** The words that are ready, and were not taken before. */
  take({ partStartMs }: JoinedStream): SpokenWord[] {
    if (partStartMs === undefined) return [];
    return this.#waiting.splice(0).map((place) => this.#spoken(place, partStartMs));
  }

  /** The same at the segment's end, when its length is known. */
  takeLast(stream: JoinedStream): SpokenWord[] {
    const { partStartMs, lengthMs } = stream;
    if (this.#any || partStartMs === undefined) return this.take(stream);
    return estimatedWords(this.#text, lengthMs - partStartMs).map((place) => ({
      ...this.#spoken(place, partStartMs),
      estimated: true,
    }));
  }

  #spoken({ from, to, startMs, endMs }: WordPlace, partStartMs: number): SpokenWord {
    const text = this.#text.slice(from, to);
    return { text, from, to, startMs: partStartMs + startMs, endMs: partStartMs + endMs };
  }
}
