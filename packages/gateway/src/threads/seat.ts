import { type Transferable, Worker, type WorkerOptions } from "node:worker_threads";
import { type ErrorCode, SpeechError } from "../core/errors.ts";
import type { JobReport, JobStart } from "./job-protocol.ts";
import type { Mailbox } from "./mailbox.ts";

/** One job on its way through the pool. */
export type Task<Job, Message> = {
  readonly job: Job;
  readonly transfer: readonly Transferable[];
  readonly mailbox: Mailbox<Message>;
};

export type SeatOptions = {
  readonly name: string;
  readonly script: URL;
  readonly workerOptions: WorkerOptions;
  readonly timeoutMs: number;
  readonly abortGraceMs: number;
  readonly failureCode: ErrorCode;
  readonly timeoutCode: ErrorCode;
  /** The job is over and the worker is fit for another one. */
  readonly onFree: () => void;
  /** The worker is gone, for whatever reason; called once. */
  readonly onGone: () => void;
};

/**
 * One worker thread and the job it is doing. JavaScript and WASM that spin can only be ended with their thread, so a
 * job that is overdue, or given up and not ended by itself within the grace, takes its worker with it.
 * The thread holds the process alive only while a job runs.
 */
export class Seat<Job, Message> {
  readonly #options: SeatOptions;
  readonly #worker: Worker;
  readonly #cancelled = new Int32Array(new SharedArrayBuffer(4));
  #task: Task<Job, Message> | undefined;
  #jobId = 0;
  #deadline: NodeJS.Timeout | undefined;
  #gone = false;

  constructor(options: SeatOptions) {
    this.#options = options;
    this.#worker = new Worker(options.script, options.workerOptions);
    this.#worker.on("message", (report: JobReport<Message>) => this.#receive(report));
    this.#worker.on("messageerror", (error) => this.#leave(this.#crashed(error)));
    this.#worker.on("error", (error) => this.#leave(this.#crashed(error)));
    this.#worker.on("exit", (code) => this.#leave(this.#crashed(new Error(`worker thread exited with ${code}`))));
    this.#worker.unref();
  }

  /** Only for a free seat. The job's deadline counts from now. */
  start(task: Task<Job, Message>): void {
    this.#task = task;
    Atomics.store(this.#cancelled, 0, 0);
    const start: JobStart<Job> = { id: ++this.#jobId, job: task.job, cancelled: this.#cancelled };
    this.#worker.ref();
    const { name, timeoutMs, timeoutCode } = this.#options;
    this.#arm(timeoutMs, () => new SpeechError(timeoutCode, `${name} took longer than ${timeoutMs} ms`));
    try {
      this.#worker.postMessage(start, task.transfer);
    } catch (error) {
      this.#finish(this.#crashed(error));
    }
  }

  /** The caller has left: asks the job to stop, and ends the worker if it does not within the grace. */
  abandon(task: Task<Job, Message>, reason: unknown): void {
    if (this.#task !== task) return;
    task.mailbox.fail(reason);
    Atomics.store(this.#cancelled, 0, 1);
    this.#arm(this.#options.abortGraceMs, () => reason);
  }

  /** Ends the thread now; its job fails with `reason`. */
  async end(reason: unknown): Promise<void> {
    this.#leave(reason);
    await this.#worker.terminate();
  }

  #receive(report: JobReport<Message>): void {
    if (report.id !== this.#jobId || !this.#task) return;
    if (report.kind === "message") this.#task.mailbox.put(report.message);
    else if (report.kind === "done") this.#finish();
    else this.#finish(this.#failed(report));
  }

  #failed({ code, reason }: { readonly code?: ErrorCode; readonly reason: string }): SpeechError {
    if (code !== undefined) return new SpeechError(code, reason);
    return this.#crashed(new Error(reason));
  }

  #crashed(cause: unknown): SpeechError {
    return new SpeechError(this.#options.failureCode, `${this.#options.name} broke off`, { cause });
  }

  #finish(failure?: SpeechError): void {
    const task = this.#task;
    clearTimeout(this.#deadline);
    this.#task = undefined;
    if (failure) task?.mailbox.fail(failure);
    else task?.mailbox.end();
    if (this.#gone) return;
    this.#worker.unref();
    this.#options.onFree();
  }

  #arm(ms: number, reason: () => unknown): void {
    clearTimeout(this.#deadline);
    this.#deadline = setTimeout(() => void this.end(reason()), ms);
  }

  #leave(reason: unknown): void {
    if (this.#gone) return;
    this.#gone = true;
    clearTimeout(this.#deadline);
    this.#task?.mailbox.fail(reason);
    this.#task = undefined;
    this.#options.onGone();
  }
}
