import type { Clock } from "../../core/clock.ts";
import type { SpeechError } from "../../core/errors.ts";
import { OriginalText } from "../../http/elevenlabs/original-text.ts";
import { ignoredField } from "../../http/ignored-fields.ts";
import { IncomingText } from "../../speech/incoming-text.ts";
import type { SpeakResult } from "../../speech/speak.ts";
import type { SocketOut } from "../socket-out.ts";
import { SpokenTurn } from "../spoken-turn.ts";
import { sendAligned } from "./send-aligned.ts";

export type ContextOptions = {
  readonly out: SocketOut;
  readonly clock: Clock;
  readonly limits: { readonly maxTextChars: number; readonly textPauseMs: number; readonly sentencePauseMs: number };
  /** In front of every message about it. */
  readonly named: Readonly<Record<string, string>>;
  /** What of the client's settings is not heard. */
  readonly ignored: readonly string[];
  /** Each text is a whole one, to be spoken when it comes. */
  readonly auto: boolean;
  readonly speak: (incoming: IncomingText, signal: AbortSignal) => Promise<SpeakResult>;
  readonly onSent: () => void;
  /** It said all it had to, or failed. */
  readonly onOver: (error: SpeechError | undefined) => void;
  readonly onDefect: (error: unknown) => void;
};

/** What the session does with a context, however its text is read. */
export type SocketContext = {
  /** Throws `text_too_long`. */
  append(text: string, how: { readonly flush: boolean }): void;
  /** No text follows; what is there is spoken. */
  end(): void;
  /** As they define it: what was flushed is still heard, anything else is not. */
  close(): void;
  fail(error: SpeechError | undefined): void;
  leave(): void;
};

/** One voice on one socket: text goes in, audio and its alignment come out. */
export class ElevenLabsContext implements SocketContext {
  readonly #options: ContextOptions;
  readonly #incoming: IncomingText;
  readonly #original = new OriginalText();
  readonly #turn: SpokenTurn;
  /** All text so far is to be spoken whatever follows. */
  #flushed = false;

  constructor(options: ContextOptions) {
    const { out, clock, limits, named, ignored, speak, onSent, onOver, onDefect } = options;
    this.#options = options;
    this.#incoming = new IncomingText({ ...limits, clock, maxChars: limits.maxTextChars });
    this.#turn = new SpokenTurn({
      out,
      speak: (signal) => speak(this.#incoming, signal),
      play: (speech, turn) =>
        sendAligned(speech, turn, {
          ...{ out, named, onSent, original: this.#original },
          told: ignoredField([...ignored, ...(speech.ignored ?? [])]),
        }),
      onOver: (error) => onOver(error?.code === "text_empty" ? undefined : error), // all of it was keep-alive
      onDefect,
    });
    void this.#turn.run();
  }

  append(given: string, { flush }: { readonly flush: boolean }): void {
    // A context is opened with a blank, which is no part of what it says.
    const text = this.#incoming.characters === 0 ? given.trimStart() : given;
    if (text !== "") {
      this.#original.append(text);
      this.#incoming.append(text);
      this.#flushed = false;
    }
    if (!flush && !(this.#options.auto && text !== "")) return;
    this.#incoming.flush();
    this.#flushed = true;
  }

  end(): void {
    this.#incoming.end();
  }

  close(): void {
    if (this.#flushed) this.end();
    else this.fail(undefined);
  }

  fail(error: SpeechError | undefined): void {
    this.#turn.end(error);
  }

  leave(): void {
    this.#turn.leave();
  }
}
