import { bytesPerSample } from "../../core/audio-format.ts";
import type { Clock } from "../../core/clock.ts";
import type { SpeechError } from "../../core/errors.ts";
import { wholeSamples } from "../../core/whole-samples.ts";
import { IncomingText } from "../../speech/incoming-text.ts";
import type { SpeakResult, Speech } from "../../speech/speak.ts";
import type { SocketOut } from "../socket-out.ts";
import type { SessionLimits } from "../speech-session.ts";
import { SpokenTurn } from "../spoken-turn.ts";

export type DeepgramTurnOptions = {
  readonly out: SocketOut;
  readonly clock: Clock;
  readonly limits: SessionLimits;
  readonly speak: (incoming: IncomingText, signal: AbortSignal) => Promise<SpeakResult>;
  readonly onSent: () => void;
  readonly onOver: (error: SpeechError | undefined) => void;
  readonly onDefect: (error: unknown) => void;
};

const MAX_FRAME_BYTES = 32 * 1024;

/** The text from one flush to the next, and its audio. */
export class DeepgramTurn {
  /** Of the flushes that are answered when all of it was sent. */
  readonly flushes: number[] = [];
  readonly #incoming: IncomingText;
  readonly #spoken: SpokenTurn;

  constructor({ out, clock, limits, speak, onSent, onOver, onDefect }: DeepgramTurnOptions) {
    // Only a flush says that a text is complete; what sounds like a sentence is begun before it.
    this.#incoming = new IncomingText({
      ...limits,
      clock,
      maxChars: limits.maxTextChars,
      textPauseMs: limits.idleTimeoutMs,
    });
    this.#spoken = new SpokenTurn({
      ...{ out, onOver, onDefect },
      speak: (signal) => speak(this.#incoming, signal),
      play: (speech, turn) => this.#play(speech, turn, { out, onSent }),
    });
  }

  /** Throws `text_too_long`. */
  append(text: string): void {
    this.#incoming.append(text);
  }

  end(): void {
    this.#incoming.end();
  }

  run(): void {
    void this.#spoken.run();
  }

  /** With `onOver`. */
  fail(error: SpeechError): void {
    this.#spoken.end(error);
  }

  leave(): void {
    this.#spoken.leave();
  }

  async #play(
    { audio, format }: Speech,
    turn: SpokenTurn,
    { out, onSent }: Pick<DeepgramTurnOptions, "out" | "onSent">,
  ): Promise<void> {
    for await (const bytes of wholeSamples(audio, bytesPerSample(format))) {
      for (let at = 0; at < bytes.byteLength; at += MAX_FRAME_BYTES) {
        if (!(await turn.room())) return;
        out.bytes(bytes.subarray(at, at + MAX_FRAME_BYTES));
        onSent();
      }
    }
  }
}
