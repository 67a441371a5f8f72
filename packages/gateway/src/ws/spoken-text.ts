import type { SpokenWord } from "../core/ports.ts";

/** Scripts whose sentences follow each other without a space. */
const UNSPACED_END = /[\u3000-\u9fff\uff00-\uffef]$/;
/** A brisk speaker: who is cut before anybody knows its word times has said no less than this, hardly more. */
const MS_PER_CHAR = 70;

/** How much of an utterance's text its audio has reached, as it is sent. */
export class SpokenText {
  readonly #speed: number;
  #whole = "";
  #current: { readonly text: string; readonly fromMs: number; words: SpokenWord[] } | undefined;
  #sentMs = 0;

  constructor({ speed }: { readonly speed: number }) {
    this.#speed = speed;
  }

  /** How long what was sent is to be heard. */
  get durationMs(): number {
    return this.#sentMs;
  }

  begin(text: string): void {
    this.#current = { text, fromMs: this.#sentMs, words: [] };
  }

  words(words: readonly SpokenWord[]): void {
    this.#current?.words.push(...words);
  }

  /** Audio was sent up to here, on the utterance's clock. */
  sent(untilMs: number): void {
    this.#sentMs = untilMs;
  }

  /** The segment was sent whole. */
  ended(): void {
    if (this.#current !== undefined) this.#whole = joined(this.#whole, this.#current.text);
    this.#current = undefined;
  }

  /** Segments sent whole, and of the one under way the words whose audio was sent. */
  get text(): string {
    if (this.#current === undefined) return this.#whole;
    const { text, words } = this.#current;
    const to = words.length > 0 ? this.#lastHeard(words) : this.#reckoned();
    return joined(this.#whole, text.slice(0, to).trimEnd());
  }

  #lastHeard(words: readonly SpokenWord[]): number {
    return words.reduce((to, word) => (word.endMs <= this.#sentMs ? Math.max(to, word.to) : to), 0);
  }

  /** To the end of a word, by the pace of most speakers. */
  #reckoned(): number {
    const { text, fromMs } = this.#current!;
    const chars = Math.floor(((this.#sentMs - fromMs) * this.#speed) / MS_PER_CHAR);
    if (chars >= text.length) return text.length;
    return Math.max(0, text.lastIndexOf(" ", chars));
  }
}

function joined(before: string, after: string): string {
  if (before === "" || after === "") return before + after;
  return UNSPACED_END.test(before) ? before + after : `${before} ${after}`;
}
