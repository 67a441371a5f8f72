import { deferred } from "../core/async.ts";
import { SpeechError } from "../core/errors.ts";
import type { InputType } from "../core/utterance.ts";
import type { IncomingText } from "../speech/incoming-text.ts";
import { maxMarkupChars } from "../speech/script-of.ts";

export type WrittenTextOptions = {
  /** Where a plain text goes, piece by piece. */
  readonly incoming: IncomingText;
  /** What the client said that it writes; `unsaid`: how the text begins decides. */
  readonly format: InputType | "unsaid";
  readonly maxTextChars: number;
};

const SSML_BEGINS = "<speak";

/** Whether a text that nobody called SSML is, by its beginning. Undefined: too little of it is there. */
export function looksLikeSsml(text: string): boolean | undefined {
  const begin = text.trimStart();
  if (begin.length > SSML_BEGINS.length) return /^<speak[\s>]/.test(begin);
  return SSML_BEGINS.startsWith(begin) ? undefined : false;
}

/**
 * What comes between `synthesize-start` and `synthesize-stop`. A plain text is spoken while it is written; SSML is read
 * when all of it is there, for an element that is open may still turn out to be wrong.
 */
export class WrittenText {
  readonly #options: WrittenTextOptions;
  #format: WrittenTextOptions["format"];
  /** What no one has got yet: the beginning of a text of which it is not known what it is, or a document. */
  #held = "";
  #characters = 0;
  readonly #document = deferred<string | undefined>();

  constructor(options: WrittenTextOptions) {
    this.#options = options;
    this.#format = options.format;
    if (this.#format === "text") this.#document.resolve(undefined);
  }

  /** What it is, as far as that is known. */
  get format(): InputType | "unsaid" {
    return this.#format;
  }

  /** UTF-16 code units so far. */
  get characters(): number {
    return this.#characters;
  }

  /** The whole document when it has ended, or undefined as soon as it is known to be none: `incoming` has it then. Called once. */
  document(signal: AbortSignal): Promise<string | undefined> {
    const leave = (): void => this.#document.reject(signal.reason);
    if (signal.aborted) leave();
    else signal.addEventListener("abort", leave, { once: true });
    return this.#document.promise.finally(() => signal.removeEventListener("abort", leave));
  }

  /** Throws `text_too_long`. */
  append(text: string): void {
    this.#characters += text.length;
    if (this.#format === "text") {
      this.#options.incoming.append(text);
      return;
    }
    this.#held += text;
    if (this.#format === "unsaid") this.#decide(looksLikeSsml(this.#held));
    const most = maxMarkupChars(this.#options.maxTextChars);
    if (this.#held.length > most)
      throw new SpeechError("text_too_long", `the SSML has more than ${most} characters`, { param: "text" });
  }

  end(): void {
    if (this.#format === "unsaid") this.#decide(false);
    if (this.#format === "ssml") this.#document.resolve(this.#held);
    this.#options.incoming.end();
  }

  #decide(isSsml: boolean | undefined): void {
    if (isSsml === undefined) return;
    this.#format = isSsml ? "ssml" : "text";
    if (isSsml) return;
    this.#options.incoming.append(this.#held);
    this.#held = "";
    this.#document.resolve(undefined);
  }
}
