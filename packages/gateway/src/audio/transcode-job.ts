import { deferred, once } from "../core/async.ts";
import type { AudioInspection } from "../core/ports.ts";
import { type Conversion, type Heard, MAX_INPUT_BYTES } from "./worker-messages.ts";
import type { JobHandle, WorkerPool } from "./worker-pool.ts";

/** One message's worth: what is cancelled or fails was not copied for nothing. */
const INPUT_CHUNK_BYTES = 32 * 1024;

export type TranscodeJobOptions = {
  readonly conversion: Conversion;
  readonly pool: WorkerPool;
  readonly audio: AsyncIterable<Uint8Array>;
  readonly signal: AbortSignal;
  readonly onEnd?: (soundMs: number) => void;
};

/**
 * One conversion as the main thread sees it. Two flows run against each other: input is read from its source only while
 * the worker has room, output waits here only until the worker's credit is used up. Whoever ends first, source, worker,
 * consumer or signal, ends both, once.
 */
export class TranscodeJob {
  readonly #options: TranscodeJobOptions;
  readonly #ready: Uint8Array[] = [];
  #state: "running" | "done" | "failed" = "running";
  #error: unknown;
  #heard: Heard = { durationMs: 0, peak: 0, soundMs: 0 };
  #inFlightBytes = 0;
  #endSent = false;
  #wake = deferred();
  #room = deferred();
  #handle: JobHandle | undefined;

  constructor(options: TranscodeJobOptions) {
    this.#options = options;
  }

  async *output(): AsyncGenerator<Uint8Array, void, void> {
    const stop = this.#start();
    try {
      for (;;) {
        for (let bytes = this.#ready.shift(); bytes !== undefined; bytes = this.#ready.shift()) {
          yield bytes;
          this.#options.signal.throwIfAborted();
          this.#handle?.taken(bytes.length);
        }
        if (this.#state === "failed") throw this.#error;
        if (this.#state === "done") return this.#options.onEnd?.(this.#heard.soundMs);
        await this.#wake.promise;
      }
    } finally {
      stop();
    }
  }

  async inspection(): Promise<AudioInspection> {
    for await (const _ of this.output()); // there is none without a format to make
    const { durationMs, peak } = this.#heard;
    return { durationMs, peak };
  }

  #start(): () => void {
    const { pool, audio, conversion, signal } = this.#options;
    const handle = pool.start(conversion, {
      output: (bytes) => {
        this.#ready.push(bytes);
        this.#notify();
      },
      consumed: (bytes) => {
        this.#inFlightBytes -= bytes;
        this.#room.resolve();
      },
      done: (heard) => {
        this.#heard = heard;
        this.#settle("done");
      },
      failed: (error) => this.#settle("failed", error),
      waiting: () => this.#ready.length === 0 && (this.#inFlightBytes > 0 || this.#endSent),
    });
    this.#handle = handle;
    const iterator = audio[Symbol.asyncIterator]();
    const stop = once(() => {
      signal.removeEventListener("abort", abort);
      this.#settle("failed", signal.reason);
      handle.cancel();
      // Not awaited: a source that hangs in next() would hold up a consumer who has already left.
      iterator.return?.().catch(() => {});
    });
    const abort = (): void => {
      this.#ready.length = 0;
      stop(); // now: the consumer may never ask again
    };
    signal.addEventListener("abort", abort, { once: true });
    this.#feed(iterator, handle).catch((error: unknown) => this.#settle("failed", error));
    return stop;
  }

  async #feed(iterator: AsyncIterator<Uint8Array>, handle: JobHandle): Promise<void> {
    for (;;) {
      const { done, value } = await iterator.next();
      if (this.#state !== "running") return;
      if (done) break;
      for (let at = 0; at < value.length; at += INPUT_CHUNK_BYTES) {
        while (this.#inFlightBytes >= MAX_INPUT_BYTES) {
          this.#room = deferred();
          await this.#room.promise;
          if (this.#state !== "running") return;
        }
        // A copy, for the bytes were lent and a transfer takes them away. Not slice(): on a Buffer that is only a view.
        const part = new Uint8Array(value.subarray(at, at + INPUT_CHUNK_BYTES));
        this.#inFlightBytes += part.length;
        handle.input(part);
      }
    }
    this.#endSent = true;
    handle.end();
  }

  #settle(state: "done" | "failed", error?: unknown): void {
    if (this.#state !== "running") return;
    this.#state = state;
    this.#error = error;
    this.#room.resolve();
    this.#notify();
  }

  #notify(): void {
    this.#wake.resolve();
    this.#wake = deferred();
  }
}
