import { closesFence, lineHead } from "./blocks.ts";
import { type Cleaning, DEFAULT_CLEANING } from "./cleaning.ts";
import { inline } from "./inline.ts";

/** Signs that are read, though they have emoji forms. */
const EMOJI =
  /^[[\p{Emoji_Presentation}\p{Emoji_Modifier}\p{Regional_Indicator}\p{Extended_Pictographic}\u20E3\uFE0F\u{E0020}-\u{E007F}]--[©®™ℹ‼⁉↔-↙↩↪Ⓜ㊗㊙〰〽]]/v;
const MAX_CODE_LINE_CHARS = 1_000;
const ZERO_WIDTH_JOINER = "\u200d";

/**
 * What an assistant writes for a chat window, as it is spoken: without the marks of Markdown, without emoji, code blocks
 * and bare addresses. Text may come in pieces, cut wherever it may be; what comes out is the same for every cut, and comes
 * as soon as nothing that follows could change it. Holds at most an unfinished construct, the longest of which is a row
 * of a table (2,000 characters).
 */
export class TextCleaner {
  readonly #cleaning: Cleaning;
  /** Not cleaned yet; the first `#at` characters are, and are there for what looks back. */
  #raw = "";
  #at = 0;
  #fence: string | undefined;
  /** Whether the line has just begun. */
  #isLineStart = true;
  /** Whether only markup came on this line. */
  #isBare = true;
  #spaces = "";
  #afterEmoji = false;

  constructor(cleaning: Cleaning = DEFAULT_CLEANING) {
    this.#cleaning = cleaning;
  }

  push(text: string): string {
    this.#raw = this.#raw.slice(Math.max(0, this.#at - 1)) + text;
    this.#at = Math.min(1, this.#at);
    return this.#run(false);
  }

  /** What is held, as it is; more may follow. A line of code that nobody hears stays held: it may be the fence's end. */
  flush(): string {
    const isUnheard = this.#fence !== undefined && this.#cleaning.code === "skip";
    const rest = (isUnheard ? "" : this.#run(true)) + this.#spaces;
    this.#spaces = "";
    return rest;
  }

  /** Whether `flush` could give anything. */
  get holds(): boolean {
    return this.#at < this.#raw.length && !(this.#fence !== undefined && this.#cleaning.code === "skip");
  }

  #run(final: boolean): string {
    let out = "";
    while (this.#at < this.#raw.length) {
      const said = this.#step(final);
      if (said === undefined) break;
      out += said;
    }
    return out;
  }

  /** Undefined: what follows would decide. */
  #step(final: boolean): string | undefined {
    if (this.#fence !== undefined) return this.#inFence(this.#fence, final);
    if (this.#isLineStart) return this.#lineStart(final);
    const at = this.#at;
    const char = this.#raw[at]!;
    if (char === "\n") return this.#lineEnd();
    const found = inline(this.#raw, at, final, this.#cleaning, this.#isBare);
    if (found === "wait") return undefined;
    if (found !== undefined) {
      this.#at += found.length;
      const says = found.marked ? this.#within(found.says) : found.says;
      return says === "" ? "" : this.#say(says);
    }
    return this.#character(final);
  }

  /** What stands within a link or a cell may be marked up too. */
  #within(text: string): string {
    if (!/[*_`~&<\\![]|\p{Extended_Pictographic}/u.test(text)) return text;
    const inner = new TextCleaner(this.#cleaning);
    inner.#isLineStart = false;
    return inner.push(text) + inner.flush();
  }

  #character(final: boolean): string | undefined {
    const point = this.#raw.codePointAt(this.#at)!;
    const isHalf = point >= 0xd800 && point <= 0xdbff;
    if (isHalf && this.#at + 1 === this.#raw.length && !final) return undefined;
    const char = String.fromCodePoint(point);
    this.#at += char.length;
    if (char === " " || char === "\t") {
      this.#spaces += char;
      return "";
    }
    if (this.#cleaning.emoji === "skip" && (EMOJI.test(char) || (this.#afterEmoji && char === ZERO_WIDTH_JOINER))) {
      this.#afterEmoji = true;
      return "";
    }
    return this.#say(char);
  }

  /** Spaces before are said too, but for those between an emoji that is left out and a sign that ends a sentence. */
  #say(text: string): string {
    const spaces = this.#afterEmoji && /^[.,;:!?…]/.test(text) ? "" : this.#spaces;
    this.#spaces = "";
    this.#afterEmoji = false;
    this.#isBare = false;
    return spaces + text;
  }

  #lineStart(final: boolean): string | undefined {
    const head = lineHead(this.#raw, this.#at, final);
    if (head === undefined) return undefined;
    this.#at += head.length;
    if (head.kind === "nothing") return "";
    this.#isLineStart = false;
    if (head.kind === "fence") this.#fence = head.mark;
    if (head.kind !== "row" || this.#cleaning.tables === "skip") return "";
    return head.cells.length === 0 ? "" : this.#say(`${head.cells.map((cell) => this.#within(cell)).join(", ")}.`);
  }

  #lineEnd(): string {
    this.#at++;
    this.#isLineStart = true;
    this.#isBare = true;
    this.#spaces = "";
    this.#afterEmoji = false;
    return "\n";
  }

  /** A line of code, or as much of a long one as is worth holding; each is taken with the line break before it. */
  #inFence(mark: string, final: boolean): string | undefined {
    const begins = this.#raw[this.#at] === "\n";
    const from = begins ? this.#at + 1 : this.#at;
    const window = this.#raw.slice(from, from + MAX_CODE_LINE_CHARS);
    const end = window.indexOf("\n");
    if (end < 0 && window.length < MAX_CODE_LINE_CHARS && !final) return undefined;
    const line = end < 0 ? window : window.slice(0, end);
    this.#at = from + line.length;
    if (begins && closesFence(line, mark)) {
      this.#fence = undefined;
      return "\n";
    }
    return this.#cleaning.code === "read" ? (begins ? "\n" : "") + line : "";
  }
}

/** The whole of a text, cleaned. */
export function cleanText(text: string, cleaning?: Cleaning): string {
  const cleaner = new TextCleaner(cleaning);
  return cleaner.push(text) + cleaner.flush();
}
