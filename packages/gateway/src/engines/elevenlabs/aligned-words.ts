import type { WordTime } from "../../core/ports.ts";

/** When each character is heard, as ElevenLabs says it: three lists of one length. */
export type Alignment = {
  readonly characters: readonly string[];
  readonly character_start_times_seconds: readonly number[];
  readonly character_end_times_seconds: readonly number[];
};

type TimedCharacter = { readonly text: string; readonly startMs: number; readonly endMs: number };

/** Letters, digits and marks, with what joins them within a word: don't, 3.5, e-mail. */
const WORD = /[\p{L}\p{N}\p{M}_]+(?:['’.,-][\p{L}\p{N}\p{M}_]+)*/gu;
/** Of one clip; beyond it is a broken server. */
const MAX_PENDING = 65_536;

/** Words out of characters that come in pieces, cut anywhere, also within a word. */
export class AlignedWords {
  #pending: TimedCharacter[] = [];
  /** Of the last word. */
  #endMs = 0;
  /** Of the last character. */
  #heardMs = 0;
  #offsetMs = 0;

  /** The words that are surely complete. Throws for lists that do not fit together. */
  push(alignment: Alignment): WordTime[] {
    this.#pending.push(...this.#timed(alignment));
    if (this.#pending.length > MAX_PENDING) throw new Error("an alignment without words");
    const end = this.#pending.findLastIndex(({ text }) => /\s/u.test(text)) + 1;
    return this.#words(this.#pending.splice(0, end));
  }

  finish(): WordTime[] {
    return this.#words(this.#pending.splice(0));
  }

  /**
   * Times run on from piece to piece; but where a piece begins before the last one ended, they begin anew with it, as they
   * do on ElevenLabs' socket, and go on from there.
   */
  #timed({ characters, character_start_times_seconds: starts, character_end_times_seconds: ends }: Alignment) {
    if (starts.length !== characters.length || ends.length !== characters.length) throw new Error("a torn alignment");
    if (characters.length === 0) return [];
    const firstMs = starts[0]! * 1000 + this.#offsetMs;
    if (firstMs < this.#heardMs - 1) this.#offsetMs += this.#heardMs - firstMs;
    this.#heardMs = ends.at(-1)! * 1000 + this.#offsetMs;
    return characters.map((text, at) => ({
      text,
      startMs: starts[at]! * 1000 + this.#offsetMs,
      endMs: ends[at]! * 1000 + this.#offsetMs,
    }));
  }

  #words(characters: readonly TimedCharacter[]): WordTime[] {
    const text = characters.map((character) => character.text).join("");
    const places: number[] = []; // of each UTF-16 unit, the character it belongs to
    for (const [at, character] of characters.entries()) for (const _ of character.text.split("")) places.push(at);
    const words: WordTime[] = [];
    for (const { 0: word, index } of text.matchAll(WORD)) {
      const first = characters[places[index]!]!;
      const last = characters[places[index + word.length - 1]!]!;
      const startMs = Math.max(this.#endMs, Math.round(first.startMs));
      this.#endMs = Math.max(startMs + 1, Math.round(last.endMs));
      words.push({ text: word, startMs, endMs: this.#endMs });
    }
    return words;
  }
}
