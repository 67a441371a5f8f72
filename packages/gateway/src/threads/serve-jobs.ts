import { parentPort, type Transferable } from "node:worker_threads";
import { SpeechError } from "../core/errors.ts";
import type { JobReport, JobStart } from "./job-protocol.ts";

/** What a job may do while it runs. */
export type JobContext<Message> = {
  /** Hands a message to the caller at once; buffers in `transfer` are moved, not copied. */
  send(message: Message, transfer?: readonly Transferable[]): void;
  /** True once nobody wants the result: stop early and stay usable. Works from inside synchronous code. */
  cancelled(): boolean;
};

/**
 * The worker's side of a WorkerPool: call it once, at the end of the worker's file. What `work` throws fails its job
 * only: a SpeechError keeps its code, anything else gets the pool's `failureCode`.
 */
export function serveJobs<Job, Message>(work: (job: Job, context: JobContext<Message>) => void | Promise<void>): void {
  const port = parentPort;
  if (port === null) throw new Error("serveJobs() runs in worker threads only");
  const report = (report: JobReport<Message>, transfer: readonly Transferable[] = []): void =>
    port.postMessage(report, transfer);

  port.on("message", async ({ id, job, cancelled }: JobStart<Job>) => {
    try {
      await work(job, {
        send: (message, transfer) => report({ id, kind: "message", message }, transfer),
        cancelled: () => Atomics.load(cancelled, 0) === 1,
      });
      report({ id, kind: "done" });
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      report({ id, kind: "failed", reason, ...(error instanceof SpeechError && { code: error.code }) });
    }
  });
}
