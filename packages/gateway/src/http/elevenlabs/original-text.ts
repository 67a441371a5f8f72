import type { TimedCharacters } from "./alignment.ts";

/** Characters in a row that may have been left out of what is spoken: a link's address, a row of emoji. */
const MAX_LEFT_OUT = 256;

/**
 * The text as the caller wrote it. What is spoken of it differs: white space is joined, what has no sound is left out.
 * Clients that highlight their own text want the times of its own characters.
 */
export class OriginalText {
  #characters: string[];
  #at = 0;
  #lost = false;

  constructor(text = "") {
    this.#characters = Array.from(text.normalize("NFC"));
  }

  /** More of it, where it comes in pieces. */
  append(text: string): void {
    this.#characters.splice(0, this.#at);
    this.#at = 0;
    for (const character of text.normalize("NFC")) this.#characters.push(character);
  }

  /**
   * The piece that a sentence was made of, with the sentence's times. What was left out takes no time. From where the two can
   * no longer be found in each other, the sentences themselves are given.
   */
  aligned(spoken: TimedCharacters): TimedCharacters {
    if (this.#lost) return spoken;
    const own: TimedCharacters = { characters: [], startMs: [], endMs: [] };
    let ms = spoken.startMs[0] ?? 0;
    for (const [at, character] of spoken.characters.entries()) {
      if (isSpace(character)) continue;
      const found = this.#find(character);
      if (found < 0) {
        this.#lost = true;
        return spoken;
      }
      while (this.#at < found) ms = this.#push(own, ms, this.#leftOut() ? spoken.startMs[at]! : ms);
      ms = this.#push(own, spoken.startMs[at]!, spoken.endMs[at]!);
    }
    while (isSpace(this.#characters[this.#at])) ms = this.#push(own, ms, ms);
    return own;
  }

  /** Whether the next character is a space, which lasts until the word behind it begins. */
  #leftOut(): boolean {
    return isSpace(this.#characters[this.#at]);
  }

  #find(character: string): number {
    const end = Math.min(this.#characters.length, this.#at + MAX_LEFT_OUT);
    for (let at = this.#at; at < end; at++) if (this.#characters[at] === character) return at;
    return -1;
  }

  #push(own: TimedCharacters, startMs: number, endMs: number): number {
    own.characters.push(this.#characters[this.#at++]!);
    own.startMs.push(startMs);
    own.endMs.push(endMs);
    return endMs;
  }
}

function isSpace(character: string | undefined): boolean {
  return character !== undefined && /\s/u.test(character);
}
