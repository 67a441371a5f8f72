import { Worker } from "node:worker_threads";
import type { Clock } from "../core/clock.ts";
import { SpeechError } from "../core/errors.ts";
import type { Conversion, FromWorker, Heard, ToWorker } from "./worker-messages.ts";

/** What a job hears from its worker. After `done` or `failed` nothing more comes. */
export type JobEvents = {
  output(bytes: Uint8Array): void;
  consumed(bytes: number): void;
  done(heard: Heard): void;
  failed(error: SpeechError): void;
  /** Whether the worker has something to do for this job that nothing but itself holds up. */
  waiting(): boolean;
};

/** A job's side of the wire. All calls are harmless after its end. */
export type JobHandle = {
  input(bytes: Uint8Array<ArrayBuffer>): void;
  end(): void;
  taken(bytes: number): void;
  cancel(): void;
};

export type WorkerPoolOptions = {
  readonly workers: number;
  readonly clock: Clock;
  /** A worker that has work and says nothing for so long hangs in some codec, and is ended. */
  readonly stallTimeoutMs: number;
  /** Other code for the threads; tests use it to let them crash and hang. */
  readonly workerUrl?: URL;
};

type Member = {
  readonly worker: Worker;
  readonly jobs: Map<number, JobEvents>;
  messages: number;
  watch: AbortController | undefined;
};

const WORKER_URL = new URL(
  import.meta.url.endsWith(".ts") ? "./transcode-worker.ts" : "./transcode-worker.js",
  import.meta.url,
);
/**
 * How often it is looked at in that time. More than once: it is noticed soon after, whenever its silence began; and where this
 * whole process stood still (a laptop that slept, a container that was frozen) that is one look, and not its worker's fault.
 */
const LOOKS = 5;
/** Codec memory is outside the JavaScript heap, which holds little more than the chunks under way. */
const RESOURCE_LIMITS = { maxOldGenerationSizeMb: 128, maxYoungGenerationSizeMb: 2 };

/**
 * Worker threads with many jobs each. Started when first needed; an idle one does not keep the process alive. When one
 * dies or hangs, its jobs fail with `transcode_failed`, and the next job starts a new one.
 */
export class WorkerPool {
  readonly #options: WorkerPoolOptions;
  readonly #members = new Set<Member>();
  #nextJob = 0;
  #closed = false;

  constructor(options: WorkerPoolOptions) {
    this.#options = options;
  }

  /** Without `to` the job only inspects. Throws `shutting_down` after close. */
  start(conversion: Conversion, events: JobEvents): JobHandle {
    if (this.#closed) throw new SpeechError("shutting_down", "the transcoder is closed");
    const member = this.#leastBusy();
    const job = this.#nextJob++;
    if (member.jobs.size === 0) member.worker.ref();
    member.jobs.set(job, events);
    this.#watch(member);
    const post = (message: ToWorker, transfer?: ArrayBuffer[]): void => {
      if (member.jobs.has(job)) member.worker.postMessage(message, transfer);
    };
    post({ type: "start", job, ...conversion });
    return {
      input: (bytes) => post({ type: "input", job, bytes }, [bytes.buffer]),
      end: () => post({ type: "end", job }),
      taken: (bytes) => post({ type: "taken", job, bytes }),
      cancel: () => {
        post({ type: "cancel", job });
        this.#forget(member, job);
      },
    };
  }

  /** Ends the threads; running jobs fail with `shutting_down`. */
  async close(): Promise<void> {
    this.#closed = true;
    const error = new SpeechError("shutting_down", "the transcoder was closed");
    await Promise.all([...this.#members].map((member) => this.#end(member, error)));
  }

  #leastBusy(): Member {
    const [best] = [...this.#members].sort((a, b) => a.jobs.size - b.jobs.size);
    if (best !== undefined && (best.jobs.size === 0 || this.#members.size >= this.#options.workers)) return best;
    return this.#addMember();
  }

  #addMember(): Member {
    // Without our own command line: flags such as --input-type are not for a file.
    const url = this.#options.workerUrl ?? WORKER_URL;
    const worker = new Worker(url, { execArgv: [], resourceLimits: RESOURCE_LIMITS });
    const member: Member = { worker, jobs: new Map(), messages: 0, watch: undefined };
    const died = (cause?: unknown): void => {
      void this.#end(member, new SpeechError("transcode_failed", "the transcoding thread ended", { cause }));
    };
    worker.on("message", (message: FromWorker) => this.#receive(member, message));
    worker.on("error", died);
    worker.on("exit", () => died());
    this.#members.add(member);
    return member;
  }

  #receive(member: Member, message: FromWorker): void {
    member.messages++;
    const events = member.jobs.get(message.job);
    if (events === undefined) return;
    if (message.type === "output") events.output(message.bytes);
    else if (message.type === "consumed") events.consumed(message.bytes);
    else {
      this.#forget(member, message.job);
      if (message.type === "done") events.done(message.heard);
      else events.failed(new SpeechError("transcode_failed", message.message));
    }
  }

  #forget(member: Member, job: number): void {
    if (!member.jobs.delete(job) || member.jobs.size > 0) return;
    member.worker.unref();
    member.watch?.abort();
    member.watch = undefined;
  }

  #watch(member: Member): void {
    if (member.watch !== undefined) return;
    member.watch = new AbortController();
    const { signal } = member.watch;
    const { clock, stallTimeoutMs } = this.#options;
    const look = async (): Promise<void> => {
      // The first of them may have come right behind its last message.
      for (let silent = 0; silent <= LOOKS; ) {
        const seen = member.messages;
        await clock.sleep(stallTimeoutMs / LOOKS, signal);
        const waiting = [...member.jobs.values()].some((events) => events.waiting());
        silent = member.messages === seen && waiting ? silent + 1 : 0;
      }
      return this.#end(member, new SpeechError("transcode_failed", "the transcoding thread hangs"));
    };
    look().catch(() => {}); // the sleep was ended: the worker is idle or gone
  }

  async #end(member: Member, error: SpeechError): Promise<void> {
    if (!this.#members.delete(member)) return;
    member.watch?.abort();
    const failed = [...member.jobs.values()];
    member.jobs.clear();
    for (const events of failed) events.failed(error);
    await member.worker.terminate();
  }
}
