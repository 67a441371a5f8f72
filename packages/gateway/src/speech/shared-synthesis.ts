import { concat, deferred, once } from "../core/async.ts";
import { SpeechError } from "../core/errors.ts";
import type { SynthesisChunk, WordTime } from "../core/ports.ts";

export type Synthesized = { readonly audio: Uint8Array; readonly words: readonly WordTime[] };

export type SharedSynthesisOptions = {
  readonly start: (signal: AbortSignal) => AsyncIterable<SynthesisChunk>;
  /** More audio than this is a fault of the engine. */
  readonly maxBytes: number;
  /** Asked when the last reader leaves: whether the rest is worth having anyway. */
  readonly finishAnyway?: (bytesSoFar: number) => boolean;
};

/**
 * One running synthesis, any number of readers. The audio is kept once and a reader is only an index into it: a late
 * reader replays from the start, a slow one costs no memory and is never cut off, none delays another.
 * Cancelled when the LAST reader leaves, whoever started it, unless the rest is worth having.
 * `#state` leaves "running" exactly once; no chunk after that.
 */
export class SharedSynthesis {
  /** The whole of it. Rejects with whatever ended it; handled here, so nobody has to listen. */
  readonly finished: Promise<Synthesized>;
  readonly #options: SharedSynthesisOptions;
  readonly #chunks: SynthesisChunk[] = [];
  readonly #abort = new AbortController();
  #state: "running" | "done" | "failed" = "running";
  #error: unknown;
  #readers = 0;
  #bytes = 0;
  #wake = deferred();

  constructor(options: SharedSynthesisOptions) {
    this.#options = options;
    this.finished = this.#run();
    this.finished.catch(() => {});
  }

  /** Whether a new reader would get the whole audio. */
  get joinable(): boolean {
    return this.#state !== "failed" && !this.#abort.signal.aborted;
  }

  /** Counts the reader now, not at its first pull: in between, the last other reader could leave. */
  read(signal: AbortSignal): AsyncIterableIterator<SynthesisChunk> {
    signal.throwIfAborted();
    this.#readers++;
    const leave = once(() => {
      signal.removeEventListener("abort", leave);
      if (--this.#readers > 0 || this.#state !== "running") return;
      if (this.#options.finishAnyway?.(this.#bytes)) return;
      this.#abort.abort(new SpeechError("caller_gone", "every listener left"));
    });
    signal.addEventListener("abort", leave, { once: true });
    return this.#reader(signal, leave);
  }

  // An iterator by hand: return() on a generator that was never started would not run its finally, and the reader
  // would be counted for ever.
  #reader(signal: AbortSignal, leave: () => void): AsyncIterableIterator<SynthesisChunk> {
    let next = 0;
    let left = false;
    const end = (): IteratorResult<SynthesisChunk> => {
      left = true;
      leave();
      return { done: true, value: undefined };
    };
    const reader: AsyncIterableIterator<SynthesisChunk> = {
      next: async () => {
        while (!left) {
          if (signal.aborted) {
            end();
            throw signal.reason;
          }
          const chunk = this.#chunks[next];
          if (chunk !== undefined) {
            next++;
            return { done: false, value: chunk };
          }
          if (this.#state === "done") return end();
          if (this.#state === "failed") {
            end();
            throw this.#error;
          }
          await this.#changed(signal);
        }
        return end();
      },
      return: async () => end(),
      [Symbol.asyncIterator]: () => reader,
    };
    return reader;
  }

  /** Resolves at the next chunk or end, or when this reader's own caller leaves. */
  async #changed(signal: AbortSignal): Promise<void> {
    const left = deferred();
    const wake = (): void => left.resolve();
    signal.addEventListener("abort", wake, { once: true });
    try {
      await Promise.race([this.#wake.promise, left.promise]);
    } finally {
      signal.removeEventListener("abort", wake);
    }
  }

  async #run(): Promise<Synthesized> {
    const audio: Uint8Array[] = [];
    const words: WordTime[] = [];
    try {
      for await (const chunk of this.#options.start(this.#abort.signal)) {
        if (chunk.audio !== undefined && chunk.audio.byteLength > 0) {
          this.#bytes += chunk.audio.byteLength;
          audio.push(chunk.audio);
        } else if (chunk.words === undefined) continue;
        if (this.#bytes > this.#options.maxBytes) {
          throw new SpeechError("engine_failed", `more than ${this.#options.maxBytes} bytes of audio for one segment`);
        }
        if (chunk.words !== undefined) words.push(...chunk.words);
        this.#chunks.push(chunk);
        this.#notify();
      }
      if (this.#bytes === 0) throw new SpeechError("engine_no_audio", "the engine finished without audio");
      this.#state = "done";
      return { audio: concat(audio), words };
    } catch (error) {
      this.#error = error;
      this.#state = "failed";
      throw error;
    } finally {
      this.#notify();
    }
  }

  #notify(): void {
    this.#wake.resolve();
    this.#wake = deferred();
  }
}
