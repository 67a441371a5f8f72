/**
 * Runs in a worker thread: many transcoding jobs at once, a small step of each in turn, so that a long text does not
 * delay the first sound of a short one, and so that a cancellation is heard between two steps.
 */
import { parentPort } from "node:worker_threads";
import type { AudioFormatName } from "../core/audio-format.ts";
import { Codecs } from "./codecs.ts";
import { type Converter, createConverter } from "./converter.ts";
import { type FromWorker, MAX_OUTPUT_BYTES, type ToWorker } from "./worker-messages.ts";

/** About a third of a second of PCM, or a second of anything compressed: 5 to 15 ms of work. */
const PCM_SLICE_BYTES = 16 * 1024;
const COMPRESSED_SLICE_BYTES = 4 * 1024; // and hostile ones a thousand times that, in as many steps
const UNCOMPRESSED: ReadonlySet<AudioFormatName> = new Set(["pcm", "wav"]);

type Job = {
  readonly id: number;
  readonly sliceBytes: number;
  readonly inbox: Uint8Array[];
  ended: boolean;
  converter: Converter | undefined;
  /** What is being made of one slice of input; of none: of the end. */
  making: { readonly steps: Iterator<Uint8Array>; readonly sliceBytes: number | undefined } | undefined;
  untakenBytes: number;
};

class JobRunner {
  readonly #codecs = new Codecs();
  readonly #post: (message: FromWorker, transfer?: ArrayBuffer[]) => void;
  /** In the order of their turns. */
  readonly #jobs = new Map<number, Job>();
  #scheduled = false;

  constructor(post: (message: FromWorker, transfer?: ArrayBuffer[]) => void) {
    this.#post = post;
  }

  receive(message: ToWorker): void {
    if (message.type === "start") {
      this.#start(message);
      return;
    }
    const job = this.#jobs.get(message.job);
    if (job === undefined) return; // it failed or was cancelled, and this was on its way
    if (message.type === "input") job.inbox.push(message.bytes);
    else if (message.type === "end") job.ended = true;
    else if (message.type === "taken") job.untakenBytes -= message.bytes;
    else this.#remove(job);
    this.#schedule();
  }

  #start({ job: id, type: _, ...conversion }: Extract<ToWorker, { type: "start" }>): void {
    const sliceBytes = UNCOMPRESSED.has(conversion.from.name) ? PCM_SLICE_BYTES : COMPRESSED_SLICE_BYTES;
    const job: Job = {
      id,
      sliceBytes,
      inbox: [],
      ended: false,
      converter: undefined,
      making: undefined,
      untakenBytes: 0,
    };
    this.#jobs.set(id, job);
    createConverter(this.#codecs, conversion).then(
      (converter) => {
        if (!this.#jobs.has(id)) return converter.free();
        job.converter = converter;
        this.#schedule();
      },
      (error: unknown) => this.#fail(job, error),
    );
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.#turn();
    });
  }

  #turn(): void {
    for (const job of this.#jobs.values()) {
      const idle = job.making === undefined && job.inbox.length === 0 && !job.ended;
      if (job.converter === undefined || idle || job.untakenBytes >= MAX_OUTPUT_BYTES) continue;
      this.#jobs.delete(job.id); // to the end of the queue
      this.#jobs.set(job.id, job);
      try {
        this.#work(job, job.converter);
      } catch (error) {
        this.#fail(job, error);
      }
      this.#schedule();
      return;
    }
  }

  /** One step: what a slice becomes may be more than the consumer has room for. */
  #work(job: Job, converter: Converter): void {
    job.making ??= this.#begin(job, converter);
    const { steps, sliceBytes } = job.making;
    const step = steps.next();
    if (!step.done) {
      this.#give(job, step.value);
      return;
    }
    job.making = undefined;
    if (sliceBytes === undefined) {
      this.#post({ type: "done", job: job.id, heard: converter.heard() });
      this.#remove(job);
    } else this.#post({ type: "consumed", job: job.id, bytes: sliceBytes });
  }

  #begin(job: Job, converter: Converter): NonNullable<Job["making"]> {
    const first = job.inbox[0];
    if (first === undefined) return { steps: converter.finish()[Symbol.iterator](), sliceBytes: undefined };
    const slice = first.subarray(0, job.sliceBytes);
    if (slice.length === first.length) job.inbox.shift();
    else job.inbox[0] = first.subarray(slice.length);
    return { steps: converter.push(slice)[Symbol.iterator](), sliceBytes: slice.length };
  }

  #give(job: Job, bytes: Uint8Array): void {
    // Heard, or not yet enough for a frame: said as well, for who does not hear from this thread thinks that it hangs.
    if (bytes.length === 0) {
      this.#post({ type: "consumed", job: job.id, bytes: 0 });
      return;
    }
    const own = bytes.byteLength === bytes.buffer.byteLength ? bytes : bytes.slice();
    job.untakenBytes += own.length;
    this.#post({ type: "output", job: job.id, bytes: own }, [own.buffer as ArrayBuffer]);
  }

  #fail(job: Job, error: unknown): void {
    this.#post({ type: "failed", job: job.id, message: error instanceof Error ? error.message : "unknown error" });
    this.#remove(job);
  }

  #remove(job: Job): void {
    this.#jobs.delete(job.id);
    job.converter?.free();
    job.converter = undefined;
  }
}

// Codecs complain on the console about every broken byte; what matters reaches the main thread as a message.
console.error = console.warn = console.log = () => {};

const port = parentPort;
if (port !== null) {
  const runner = new JobRunner((message, transfer) => port.postMessage(message, transfer));
  port.on("message", (message: ToWorker) => runner.receive(message));
}
