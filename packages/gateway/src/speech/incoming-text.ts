import { deferred } from "../core/async.ts";
import type { Clock } from "../core/clock.ts";
import { SpeechError } from "../core/errors.ts";
import type { TextCleaner } from "../core/text/clean/text-cleaner.ts";
import { isSpeakable } from "../core/text/prepare.ts";
import { SegmentBuffer } from "../core/text/segment-buffer.ts";

export type IncomingTextOptions = {
  readonly clock: Clock;
  /** Bound of all that is appended, in UTF-16 code units. */
  readonly maxChars: number;
  /** What is there is spoken as it is when nothing follows for so long. */
  readonly textPauseMs: number;
  /** The same if it sounds like a whole sentence. */
  readonly sentencePauseMs: number;
  /** What stood before a `flush` has been taken out; `segments` of them, from the start, can be heard. */
  readonly onFlushed?: (segments: number) => void;
};

export type SegmentsOptions = {
  readonly maxChars: number;
  readonly signal: AbortSignal;
  /** What the text goes through first. */
  readonly cleaner?: TextCleaner;
};

type Buffer = Pick<SegmentBuffer, "append" | "flush" | "waiting">;

const FLUSH = Symbol("flush");
const TIMER_OVER = new Error("text came before the timer");

/** The text of one utterance while it is being written: appended in any pieces, taken out as segments. */
export class IncomingText {
  readonly #options: IncomingTextOptions;
  /** Pieces that nobody has asked for yet; those in a row are one. */
  readonly #pieces: (string | typeof FLUSH)[] = [];
  #characters = 0;
  #speakable = 0;
  #ended = false;
  #lastAt = 0;
  #wake = deferred();

  constructor(options: IncomingTextOptions) {
    this.#options = options;
  }

  /** UTF-16 code units so far. */
  get characters(): number {
    return this.#characters;
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** Throws `text_too_long`. */
  append(text: string): void {
    if (text === "") return;
    const { maxChars, clock } = this.#options;
    this.#characters += text.length;
    if (this.#characters > maxChars) {
      const message = `the text has more than ${maxChars} characters; say the rest in another utterance`;
      throw new SpeechError("text_too_long", message, { param: "text" });
    }
    this.#lastAt = clock.monotonic();
    const last = this.#pieces.at(-1);
    if (typeof last === "string") this.#pieces[this.#pieces.length - 1] = last + text;
    else this.#pieces.push(text);
    this.#wake.resolve();
  }

  /** What is there is complete; more may follow. */
  flush(): void {
    if (this.#pieces.at(-1) !== FLUSH || this.#options.onFlushed !== undefined) this.#pieces.push(FLUSH);
    this.#wake.resolve();
  }

  end(): void {
    this.#ended = true;
    this.#wake.resolve();
  }

  /** Segments of at most `maxChars`, each as soon as it is complete or the text pauses. To be read once. */
  async *segments({ maxChars, signal, cleaner }: SegmentsOptions): AsyncGenerator<string> {
    const buffer = cleanedBuffer(new SegmentBuffer({ maxChars }), cleaner);
    const gone = (): void => this.#wake.resolve();
    signal.addEventListener("abort", gone, { once: true });
    try {
      for (;;) {
        signal.throwIfAborted();
        const piece = this.#pieces.shift();
        if (piece === FLUSH) yield* this.#flushed(buffer);
        else if (piece !== undefined) yield* this.#counted(buffer.append(piece));
        else if (this.#ended) break;
        else if ((await this.#more(buffer)) === "paused") yield* this.#counted(buffer.flush());
      }
      yield* this.#counted(buffer.flush());
    } finally {
      signal.removeEventListener("abort", gone);
    }
  }

  /** Tells of the flush first: whoever takes the last segment before it shall know that it is that. */
  #flushed(buffer: Buffer): string[] {
    const segments = this.#counted(buffer.flush());
    this.#options.onFlushed?.(this.#speakable);
    return segments;
  }

  #counted(segments: string[]): string[] {
    for (const text of segments) if (isSpeakable(text)) this.#speakable++;
    return segments;
  }

  /** Waits until something was called, or the text has paused for so long that what is held should be spoken. */
  async #more(buffer: Buffer): Promise<"paused" | undefined> {
    const { clock, textPauseMs, sentencePauseMs } = this.#options;
    this.#wake = deferred();
    const { waiting } = buffer;
    if (waiting === "nothing") {
      await this.#wake.promise;
      return undefined;
    }
    const pauseMs = waiting === "sentence" ? Math.min(sentencePauseMs, textPauseMs) : textPauseMs;
    const leftMs = pauseMs - (clock.monotonic() - this.#lastAt);
    if (leftMs > 0) {
      const timer = new AbortController();
      clock.sleep(leftMs, timer.signal).then(this.#wake.resolve, () => {});
      await this.#wake.promise;
      timer.abort(TIMER_OVER);
    }
    // If this process was busy, what arrived in time may still wait to be read.
    await new Promise(setImmediate);
    const idle = this.#pieces.length === 0 && !this.#ended;
    return idle && clock.monotonic() - this.#lastAt >= pauseMs ? "paused" : undefined;
  }
}

function cleanedBuffer(buffer: SegmentBuffer, cleaner: TextCleaner | undefined): Buffer {
  if (cleaner === undefined) return buffer;
  return {
    append: (text) => buffer.append(cleaner.push(text)),
    flush: () => [...buffer.append(cleaner.flush()), ...buffer.flush()],
    get waiting() {
      return cleaner.holds ? "text" : buffer.waiting;
    },
  };
}
