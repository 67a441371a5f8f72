import { SpeechError } from "../errors.ts";
import { CUT_LOOKAHEAD_CHARS, cutLong } from "./cut-long.ts";
import { isSpeakable, SPEAKABLE } from "./prepare.ts";
import { findSentenceEnd } from "./sentence-end.ts";

export type SegmentOptions = {
  /** The longest segment, in UTF-16 code units: the engine's own limit. At least 16. */
  readonly maxChars: number;
};

/** Below this, a cut could not keep a surrogate pair and its neighbour apart sensibly. */
const MIN_MAX_CHARS = 16;

/**
 * Cuts prepared text into sentences: the units that are cached, shared and spoken in order. Nothing is lost or
 * reordered: without white space, the segments joined are the text. Each is trimmed, not empty, at most `maxChars` long,
 * and cut again gives itself. A segment depends on its own sentence and the first word after it, on nothing else, so
 * that a sentence has one cache key wherever it stands. What cannot be spoken alone stays with its neighbour if it fits.
 */
export function splitSegments(text: string, options: SegmentOptions): string[] {
  const splitter = new SegmentSplitter(options);
  splitter.text = text;
  return splitter.take(text.length, true);
}

/** The state between two pieces of text; `splitSegments` and `SegmentBuffer` are two ways to drive it. */
export class SegmentSplitter {
  readonly #maxChars: number;
  /** Prepared text from the first character that is in no segment yet. */
  text = "";
  #start = 0;
  #scanned = 0;
  /** The last segment, until it is known that nothing unspeakable follows. */
  #held: string | undefined;
  #heldSpeakable = false;

  constructor({ maxChars }: SegmentOptions) {
    if (!(maxChars >= MIN_MAX_CHARS)) throw new SpeechError("internal", `maxChars must be at least ${MIN_MAX_CHARS}`);
    this.#maxChars = maxChars;
  }

  /**
   * The segments that are complete. Characters from `stableChars` on may still change and only serve to look ahead.
   * `final`: no more text will come, so everything is. Segments taken are no longer in `text`.
   */
  take(stableChars: number, final: boolean): string[] {
    const out: string[] = [];
    for (;;) {
      const space = this.#skipSpace(stableChars);
      if (this.#start >= stableChars) break;
      const end = this.#nextEnd(stableChars, final);
      if (end === undefined) break;
      this.#add(this.text.slice(this.#start, end).trimEnd(), space, out);
      this.#start = end;
      this.#scanned = end;
    }
    if (final || this.#nextIsSpeakable(stableChars)) this.#release(out);
    this.text = this.text.slice(this.#start);
    this.#scanned -= this.#start;
    this.#start = 0;
    return out;
  }

  /** Whether a whole segment waits only for what follows not to belong to it. */
  get holds(): boolean {
    return this.#held !== undefined;
  }

  #skipped = false;

  #skipSpace(stableChars: number): boolean {
    while (this.#start < stableChars && /\s/.test(this.text[this.#start]!)) {
      this.#start++;
      this.#skipped = true;
    }
    this.#scanned = Math.max(this.#scanned, this.#start);
    return this.#skipped;
  }

  #nextEnd(stableChars: number, final: boolean): number | undefined {
    const { text } = this;
    const start = this.#start;
    const limit = start + this.#maxChars;
    const found = findSentenceEnd({ text, start, final }, this.#scanned, Math.min(limit, stableChars));
    if (found.kind === "end" && found.end <= limit) return found.end <= stableChars ? found.end : undefined;
    if (found.kind !== "end") this.#scanned = Math.max(this.#scanned, found.from);
    if (found.kind === "wait") return undefined;
    if (final && text.length <= limit) return text.length;
    if (!final && stableChars < limit + CUT_LOOKAHEAD_CHARS) return undefined;
    return start + this.#cut(text.slice(start, limit + CUT_LOOKAHEAD_CHARS));
  }

  /** A cut takes away what came after, and with it perhaps the reason why there was no sentence end before. */
  #cut(window: string): number {
    const cut = cutLong(window, this.#maxChars);
    const piece = window.slice(0, cut).trimEnd();
    const inner = findSentenceEnd({ text: piece, start: 0, final: true }, 0, piece.length);
    return inner.kind === "end" && inner.end > 0 && inner.end < piece.length ? inner.end : cut;
  }

  #add(piece: string, space: boolean, out: string[]): void {
    this.#skipped = false;
    const speakable = isSpeakable(piece);
    if (this.#held !== undefined && !(speakable && this.#heldSpeakable)) {
      const joined = this.#held + (space ? " " : "") + piece;
      if (joined.length <= this.#maxChars) {
        this.#held = joined;
        this.#heldSpeakable ||= speakable;
        return;
      }
    }
    this.#release(out);
    this.#held = piece;
    this.#heldSpeakable = speakable;
  }

  #release(out: string[]): void {
    if (this.#held !== undefined) out.push(this.#held);
    this.#held = undefined;
  }

  /** Whether the segment that begins now will be speakable, so that the one held is complete. */
  #nextIsSpeakable(stableChars: number): boolean {
    if (!this.#heldSpeakable || this.#start >= this.text.length) return false;
    const head = this.text.slice(this.#start, this.#start + Math.min(64, this.#maxChars >> 2));
    const first = head.search(SPEAKABLE);
    if (first < 0 || this.#start + first > stableChars) return false;
    return !/[\p{Sentence_Terminal}…;\n•‣▪◦●]/u.test(head.slice(0, first));
  }
}
