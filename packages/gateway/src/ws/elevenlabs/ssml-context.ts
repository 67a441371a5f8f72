import { SpeechError } from "../../core/errors.ts";
import { OriginalText } from "../../http/elevenlabs/original-text.ts";
import { ignoredField } from "../../http/ignored-fields.ts";
import { maxMarkupChars } from "../../speech/script-of.ts";
import type { SpeakResult } from "../../speech/speak.ts";
import { SpokenTurn } from "../spoken-turn.ts";
import type { ContextOptions, SocketContext } from "./context.ts";
import { sendAligned } from "./send-aligned.ts";
import { documentOf, isClosed } from "./ssml-fragment.ts";

export type SsmlContextOptions = Omit<ContextOptions, "speak"> & {
  /** `nth`: of the context's documents, from 0. */
  readonly speak: (document: string, nth: number, signal: AbortSignal) => Promise<SpeakResult>;
};

const TEXT_CAME = new Error("text came before the timer");

/**
 * One voice on one socket with `enable_ssml_parsing`. An element can be read when it is closed, so the text is spoken in
 * documents and not in sentences: what came up to a flush, up to the end, or until the text pauses with nothing open.
 */
export class ElevenLabsSsmlContext implements SocketContext {
  readonly #options: SsmlContextOptions;
  /** What no document has got yet. */
  #held = "";
  #characters = 0;
  /** Documents that wait for those before them. */
  readonly #waiting: string[] = [];
  readonly #before = { text: "" };
  #begun = 0;
  #turn: SpokenTurn | undefined;
  #pause: AbortController | undefined;
  #ended = false;
  #over = false;
  #told = false;

  constructor(options: SsmlContextOptions) {
    this.#options = options;
  }

  /** Throws `text_too_long`. */
  append(text: string, { flush }: { readonly flush: boolean }): void {
    const { limits, auto } = this.#options;
    this.#pause?.abort(TEXT_CAME);
    this.#characters += text.length;
    const most = maxMarkupChars(limits.maxTextChars);
    if (this.#characters > most)
      throw new SpeechError("text_too_long", `the SSML has more than ${most} characters`, { param: "text" });
    this.#held += text;
    if (flush || (auto && text.trim() !== "")) this.#flush();
    else if (this.#held.trim() !== "") void this.#flushAfterPause();
  }

  end(): void {
    this.#ended = true;
    this.#flush();
  }

  /** What was flushed is still heard, anything else is not. */
  close(): void {
    this.#held = "";
    this.end();
  }

  fail(error: SpeechError | undefined): void {
    if (this.#over) return;
    this.leave();
    this.#options.onOver(error);
  }

  leave(): void {
    this.#over = true;
    this.#pause?.abort(TEXT_CAME);
    this.#turn?.leave();
  }

  async #flushAfterPause(): Promise<void> {
    const { clock, limits } = this.#options;
    const pause = new AbortController();
    this.#pause = pause;
    await clock.sleep(limits.textPauseMs, pause.signal).catch(() => {});
    if (!pause.signal.aborted && isClosed(this.#held)) this.#flush();
  }

  #flush(): void {
    this.#pause?.abort(TEXT_CAME);
    const fragment = this.#held;
    this.#held = "";
    if (fragment.trim() !== "") this.#waiting.push(documentOf(fragment));
    this.#next();
  }

  /** The next document, when the one before was sent. */
  #next(): void {
    if (this.#over || this.#turn !== undefined) return;
    const document = this.#waiting.shift();
    if (document === undefined) {
      if (this.#ended) this.fail(undefined);
      return;
    }
    const { out, named, ignored, speak, onSent, onDefect } = this.#options;
    const nth = this.#begun++;
    this.#turn = new SpokenTurn({
      out,
      speak: (signal) => speak(document, nth, signal),
      play: (speech, turn) => {
        const told = {
          ...ignoredField([...(this.#told ? [] : ignored), ...(speech.ignored ?? [])]),
          ...(speech.notices.length > 0 && { mynah_notices: speech.notices }),
        };
        this.#told = true;
        // Characters are those that are spoken: tags are none of them.
        const original = new OriginalText();
        return sendAligned(speech, turn, { out, named, original, told, before: this.#before, onSent });
      },
      onOver: (error) => {
        this.#turn = undefined;
        if (error === undefined || error.code === "text_empty") this.#next();
        else this.fail(error);
      },
      onDefect,
    });
    void this.#turn.run();
  }
}
