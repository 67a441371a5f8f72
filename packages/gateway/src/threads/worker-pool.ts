import type { ResourceLimits, Transferable } from "node:worker_threads";
import { type ErrorCode, SpeechError } from "../core/errors.ts";
import type { CallOptions } from "../core/ports.ts";
import { Mailbox } from "./mailbox.ts";
import { Seat, type Task } from "./seat.ts";

export type WorkerPoolOptions = {
  /** Who is at work, for error messages. */
  readonly name: string;
  /** The worker's file; it calls `serveJobs`. */
  readonly script: URL;
  /** Most workers at a time; each is started when it is first needed. */
  readonly size: number;
  /** Most jobs waiting for a worker; one more is refused as `overloaded`. */
  readonly maxQueued: number;
  /** Of one job, from the moment it runs; its worker is ended then. */
  readonly timeoutMs: number;
  /** How long a job that nobody wants any more may go on before its worker is ended. Default 0: at once. */
  readonly abortGraceMs?: number;
  /** Idle workers beyond the first end after this long. Default: they stay. */
  readonly idleMs?: number;
  /** Given to each worker as `workerData`. */
  readonly workerData?: unknown;
  readonly resourceLimits?: ResourceLimits;
  /** Of a job whose worker crashed or threw. Default `engine_failed`. */
  readonly failureCode?: ErrorCode;
  /** Of a job past its deadline. Default `engine_timeout`. */
  readonly timeoutCode?: ErrorCode;
};

export type JobOptions = CallOptions & { readonly transfer?: readonly Transferable[] };

/**
 * Worker threads that do one job each at a time, in the order the jobs came. A job that hangs, crashes or is given up
 * costs its own worker at most, never another job. A job's messages arrive as it sends them and are buffered as far as
 * the caller is behind, so a job must be bounded.
 */
export class WorkerPool<Job, Message> {
  readonly #options: WorkerPoolOptions;
  readonly #seats = new Set<Seat<Job, Message>>();
  readonly #idleTimers = new Map<Seat<Job, Message>, NodeJS.Timeout>();
  /** The last one freed is used first, so that surplus workers stay idle and can end. */
  readonly #idle: Seat<Job, Message>[] = [];
  readonly #waiting: Task<Job, Message>[] = [];
  #closed = false;

  constructor(options: WorkerPoolOptions) {
    this.#options = options;
  }

  /** For metrics: how many workers are at work, and how many jobs wait for one. */
  get load(): { readonly running: number; readonly queued: number } {
    return { running: this.#seats.size - this.#idle.length, queued: this.#waiting.length };
  }

  /**
   * Does a job and yields its messages. Throws `overloaded`, `shutting_down`, the failure and timeout codes, or the
   * signal's reason. Leaving the loop early gives the job up.
   */
  async *run(job: Job, { signal, transfer = [] }: JobOptions): AsyncGenerator<Message> {
    signal.throwIfAborted();
    const task: Task<Job, Message> = { job, transfer, mailbox: new Mailbox<Message>() };
    this.#enqueue(task);
    const leave = (): void => this.#abandon(task, signal.reason);
    signal.addEventListener("abort", leave, { once: true });
    try {
      yield* task.mailbox;
    } finally {
      signal.removeEventListener("abort", leave);
      if (!task.mailbox.ended) this.#abandon(task, new SpeechError("caller_gone", "the caller stopped listening"));
    }
  }

  /** Ends every worker; running and waiting jobs fail with `shutting_down`. */
  async close(): Promise<void> {
    this.#closed = true;
    const reason = new SpeechError("shutting_down", `${this.#options.name} is closed`);
    for (const task of this.#waiting.splice(0)) task.mailbox.fail(reason);
    await Promise.all([...this.#seats].map((seat) => seat.end(reason)));
  }

  #enqueue(task: Task<Job, Message>): void {
    const { name, maxQueued, size } = this.#options;
    if (this.#closed) throw new SpeechError("shutting_down", `${name} is closed`);
    const free = this.#idle.length > 0 || this.#seats.size < size;
    if (!free && this.#waiting.length >= maxQueued) throw new SpeechError("overloaded", `${name} has too much to do`);
    this.#waiting.push(task);
    this.#dispatch();
  }

  #abandon(task: Task<Job, Message>, reason: unknown): void {
    const at = this.#waiting.indexOf(task);
    if (at >= 0) this.#waiting.splice(at, 1);
    task.mailbox.fail(reason);
    for (const seat of this.#seats) seat.abandon(task, reason);
  }

  #dispatch(): void {
    while (this.#waiting.length > 0 && !this.#closed) {
      const seat = this.#idle.pop() ?? (this.#seats.size < this.#options.size ? this.#open() : undefined);
      if (!seat) return;
      clearTimeout(this.#idleTimers.get(seat));
      seat.start(this.#waiting.shift()!);
    }
  }

  #open(): Seat<Job, Message> {
    const { workerData, resourceLimits, script, name, timeoutMs, ...rest } = this.#options;
    const seat: Seat<Job, Message> = new Seat({
      name,
      script,
      timeoutMs,
      // Not our process's own flags: `--input-type`, for one, stops a worker from starting.
      workerOptions: { workerData, name, execArgv: [], ...(resourceLimits && { resourceLimits }) },
      abortGraceMs: rest.abortGraceMs ?? 0,
      failureCode: rest.failureCode ?? "engine_failed",
      timeoutCode: rest.timeoutCode ?? "engine_timeout",
      onFree: () => this.#free(seat),
      onGone: () => this.#forget(seat),
    });
    this.#seats.add(seat);
    return seat;
  }

  #free(seat: Seat<Job, Message>): void {
    this.#idle.push(seat);
    this.#dispatch();
    const { idleMs } = this.#options;
    if (idleMs === undefined || !this.#idle.includes(seat)) return;
    const end = (): void => {
      if (this.#seats.size > 1) void seat.end(new SpeechError("shutting_down", "idle"));
    };
    this.#idleTimers.set(seat, setTimeout(end, idleMs).unref());
  }

  #forget(seat: Seat<Job, Message>): void {
    clearTimeout(this.#idleTimers.get(seat));
    this.#idleTimers.delete(seat);
    this.#seats.delete(seat);
    const at = this.#idle.indexOf(seat);
    if (at >= 0) this.#idle.splice(at, 1);
    this.#dispatch();
  }
}
