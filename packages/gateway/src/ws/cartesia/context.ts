import type { Clock } from "../../core/clock.ts";
import type { SpeechError } from "../../core/errors.ts";
import { CartesiaEvents } from "../../http/cartesia/events.ts";
import type { Output } from "../../http/cartesia/output-format.ts";
import { ignoredField } from "../../http/ignored-fields.ts";
import { IncomingText } from "../../speech/incoming-text.ts";
import type { SpeakResult, Speech } from "../../speech/speak.ts";
import type { SocketOut } from "../socket-out.ts";
import { SpokenTurn } from "../spoken-turn.ts";

export type CartesiaContextOptions = {
  readonly out: SocketOut;
  readonly clock: Clock;
  readonly limits: { readonly maxTextChars: number; readonly textPauseMs: number; readonly sentencePauseMs: number };
  readonly contextId: string;
  readonly output: Output;
  readonly timestamps: boolean;
  /** What of the client's settings is not heard. */
  readonly ignored: readonly string[];
  /** How long text may wait for more; 0: each piece is spoken when it comes. Undefined: as the gateway's own sockets. */
  readonly maxBufferDelayMs: number | undefined;
  readonly speak: (incoming: IncomingText, signal: AbortSignal) => Promise<SpeakResult>;
  readonly onSent: () => void;
  readonly onOver: (error: SpeechError | undefined) => void;
  readonly onDefect: (error: unknown) => void;
};

/** One context: transcripts go in, chunks and timestamps come out, and word of each flush when all before it was sent. */
export class CartesiaContext {
  readonly #options: CartesiaContextOptions;
  readonly #events: CartesiaEvents;
  readonly #incoming: IncomingText;
  readonly #turn: SpokenTurn;
  /** Of each flush that was taken out of the text: how many segments stand before it. */
  readonly #flushes: number[] = [];
  #told = 0;
  #ended = 0;

  constructor(options: CartesiaContextOptions) {
    const { out, clock, limits, maxBufferDelayMs: delayMs, speak, onOver, onDefect } = options;
    this.#options = options;
    this.#events = new CartesiaEvents(options);
    this.#incoming = new IncomingText({
      clock,
      maxChars: limits.maxTextChars,
      textPauseMs: delayMs || limits.textPauseMs,
      sentencePauseMs: limits.sentencePauseMs,
      onFlushed: (segments) => {
        this.#flushes.push(segments);
        this.#tellFlushes();
      },
    });
    this.#turn = new SpokenTurn({
      out,
      speak: (signal) => speak(this.#incoming, signal),
      play: (speech, turn) => this.#play(speech, turn),
      onOver: (error) => onOver(error?.code === "text_empty" && this.#incoming.characters === 0 ? undefined : error),
      onDefect,
    });
    void this.#turn.run();
  }

  /** Throws `text_too_long`. */
  append(transcript: string, { flush, last }: { readonly flush: boolean; readonly last: boolean }): void {
    this.#incoming.append(transcript);
    if (last) this.#incoming.end();
    else if (flush || (this.#options.maxBufferDelayMs === 0 && transcript !== "")) this.#incoming.flush();
  }

  done(): void {
    this.#options.out.message(this.#events.done());
  }

  fail(error: SpeechError | undefined): void {
    this.#turn.end(error);
  }

  leave(): void {
    this.#turn.leave();
  }

  async #play({ parts }: Speech, turn: SpokenTurn): Promise<void> {
    const { out, timestamps, ignored, onSent } = this.#options;
    let told: object = ignoredField(ignored);
    for await (const part of parts) {
      switch (part.type) {
        case "audio":
          for (const event of this.#events.chunks(part.audio, this.#flushId())) {
            if (!(await turn.room())) return;
            onSent();
            out.message({ ...event, ...told });
            told = {};
          }
          break;
        case "words":
          if (timestamps) out.message(this.#events.timestamps(part.words, this.#flushId()));
          break;
        case "ended":
          this.#ended++;
          this.#tellFlushes();
      }
    }
  }

  /** What is sent now belongs to this flush; none if nothing was ever flushed. */
  #flushId(): { flush_id?: number } {
    if (this.#flushes.length === 0) return {};
    return { flush_id: 1 + this.#flushes.filter((segments) => segments <= this.#ended).length };
  }

  #tellFlushes(): void {
    for (; this.#told < this.#flushes.length && this.#flushes[this.#told]! <= this.#ended; this.#told++)
      this.#options.out.message(this.#events.flushDone(this.#told + 1));
  }
}
