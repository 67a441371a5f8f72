import { SpeechError } from "../core/errors.ts";
import { refusalError } from "../core/quota.ts";
import type { SpeakResult, Speech } from "../speech/speak.ts";
import type { SocketOut } from "./socket-out.ts";

export type SpokenTurnOptions = {
  readonly out: SocketOut;
  /** Resolves with the first audio. */
  readonly speak: (signal: AbortSignal) => Promise<SpeakResult>;
  /** Passes the speech on in the protocol's own messages, asking for `room` before each that holds audio. */
  readonly play: (speech: Speech, turn: SpokenTurn) => Promise<void>;
  /** All was said, or `error` came in between. Called once, and not after `leave`. */
  readonly onOver: (error: SpeechError | undefined) => void;
  /** A failure that is ours, for the log. */
  readonly onDefect: (error: unknown) => void;
};

/** Made once: an abort without a reason builds an exception with a stack for each. */
const LEFT = new SpeechError("caller_gone", "the turn was left");

/** One piece of speech on a socket of another vendor's protocol, which decides what its messages look like. */
export class SpokenTurn {
  readonly #options: SpokenTurnOptions;
  readonly #abort = new AbortController();
  #over = false;

  constructor(options: SpokenTurnOptions) {
    this.#options = options;
  }

  /** Speaks to the end. Never rejects. */
  async run(): Promise<void> {
    const { speak, play, onDefect } = this.#options;
    try {
      const result = await speak(this.#abort.signal);
      if (this.#over) {
        if (result.admitted) await unheard(result.speech);
        return;
      }
      if (!result.admitted) throw refusalError(result.quota);
      await play(result.speech, this);
      this.end(undefined);
    } catch (thrown) {
      if (this.#over) return;
      const error = SpeechError.from(thrown, "internal", "something went wrong here; the log has it");
      if (error.code === "internal") onDefect(error.cause ?? error);
      this.end(error);
    }
  }

  /** Waits until the reader has taken enough for more; false: nobody listens any more, and `play` is to return. */
  async room(): Promise<boolean> {
    const { out } = this.#options;
    for (let room = out.room(); room !== undefined && !this.#over; room = out.room()) await room;
    return !this.#over;
  }

  /** Ends it from outside, with what to tell. */
  end(error: SpeechError | undefined): void {
    if (this.#over) return;
    this.leave();
    this.#options.onOver(error);
  }

  /** Nothing of it is sent any more, the engine is left, nobody is told. */
  leave(): void {
    this.#over = true;
    this.#abort.abort(LEFT);
  }
}

/** Speech that came when nobody wanted it any more. It must be begun to be left: only then does it give back what it holds. */
export async function unheard({ parts }: Speech): Promise<void> {
  for await (const _ of parts) break;
}
