import { cleanCharacters, collapseSpace } from "./prepare.ts";
import { type SegmentOptions, SegmentSplitter } from "./segment.ts";
import { soundsOver } from "./sounds-over.ts";

/**
 * How text before one of these is prepared can no longer change: it is no mark, no white space, nothing silent, and none
 * of the few letters that NFC joins to the one before (Hangul vowels and finals, Kirat Rai vowels).
 */
const SETTLED =
  /[[\p{L}\p{N}\p{P}\p{S}\p{Co}\p{Cn}]--[\p{Default_Ignorable_Code_Point}\p{Noncharacter_Code_Point}\u1160-\u11FF\uD7B0-\uD7FF\u{16D40}-\u{16D7F}]]/v;

/** A tail without a settled character is hostile (endless white space or marks): taken as it is from here on. */
const TAIL_MAX_CHARS = 1024;

/**
 * Text that arrives in pieces, cut wherever it may be, also inside surrogate pairs. The segments are those of
 * `splitSegments(prepareText(whole))`, each given out as soon as no further text could change it.
 * Holds at most one unfinished segment and a little lookahead.
 */
export class SegmentBuffer {
  readonly #splitter: SegmentSplitter;
  /** Raw text from the last settled character on: what follows may still change how it is prepared. */
  #tail = "";
  /** Prepared text without the tail's. */
  #stable = "";
  #lineChars = 0;

  constructor(options: SegmentOptions) {
    this.#splitter = new SegmentSplitter(options);
  }

  /** Segments that this piece completed, in order. */
  append(text: string): string[] {
    const raw = this.#tail + text;
    const at = lastSettled(raw, this.#tail.length);
    if (at > 0) this.#settle(raw, at);
    this.#tail = raw.slice(Math.max(at, 0));
    if (this.#tail.length > TAIL_MAX_CHARS) this.#shortenTail();
    return this.#take(collapseSpace(cleanCharacters(this.#tail), this.#lineChars).trimEnd(), false);
  }

  /** All that is left. The buffer is empty then and may be used again for a new text. */
  flush(): string[] {
    const rest = collapseSpace(cleanCharacters(this.#tail), this.#lineChars).trimEnd();
    this.#stable += rest;
    this.#tail = "";
    const segments = this.#take("", true);
    this.#stable = "";
    this.#lineChars = 0;
    return segments;
  }

  /**
   * What `flush` would give now: nothing, text that breaks off, or what sounds like a whole sentence, though what follows
   * might still belong to it ("3." before "5", "Really?" before "he asked").
   */
  get waiting(): "nothing" | "text" | "sentence" {
    const rest = this.#stable + this.#tail;
    if (rest.trim() === "") return this.#splitter.holds ? "sentence" : "nothing";
    return soundsOver(rest) ? "sentence" : "text";
  }

  /** Prepares what stands before the settled character, which only decides how. */
  #settle(raw: string, at: number): void {
    const character = String.fromCodePoint(raw.codePointAt(at)!);
    const prepared = collapseSpace(cleanCharacters(raw.slice(0, at) + character), this.#lineChars);
    this.#commit(prepared.slice(0, prepared.length - cleanCharacters(character).length));
  }

  #commit(prepared: string): void {
    const line = prepared.lastIndexOf("\n");
    this.#lineChars = line < 0 ? this.#lineChars + prepared.length : prepared.length - line - 1;
    this.#stable += prepared;
  }

  /** Ends in the same white space; only how much of it there was is forgotten. */
  #shortenTail(): void {
    const short = collapseSpace(cleanCharacters(this.#tail), 1);
    this.#tail = short.length > TAIL_MAX_CHARS / 2 ? short.slice(0, TAIL_MAX_CHARS / 2) : short;
  }

  #take(lookahead: string, final: boolean): string[] {
    this.#splitter.text = this.#stable + lookahead;
    const segments = this.#splitter.take(this.#stable.length, final);
    this.#stable = this.#splitter.text.slice(0, this.#splitter.text.length - lookahead.length);
    return segments;
  }
}

/** Index of the last settled character at or after `from` - 1, or -1. */
function lastSettled(raw: string, from: number): number {
  for (let at = raw.length - 1; at >= Math.max(0, from - 1); at--) {
    const unit = raw.charCodeAt(at);
    if (unit >= 0xdc00 && unit <= 0xdfff) continue; // seen again from its high half
    const character = String.fromCodePoint(raw.codePointAt(at)!);
    if (SETTLED.test(character)) return at;
  }
  return -1;
}
