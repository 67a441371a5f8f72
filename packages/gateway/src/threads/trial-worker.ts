import { SpeechError } from "../core/errors.ts";
import { serveJobs } from "./serve-jobs.ts";

/** For worker-pool.test.ts: does on request everything that a worker can do wrong. */
export type TrialJob =
  | { readonly kind: "echo"; readonly values: readonly number[]; readonly pauseMs?: number }
  | { readonly kind: "spin" | "spinUntilCancelled" | "exit" | "throw" | "refuse" | "threadId" };

serveJobs<TrialJob, number>(async (job, { send, cancelled }) => {
  if (job.kind === "spin") for (;;);
  if (job.kind === "spinUntilCancelled") while (!cancelled());
  if (job.kind === "exit") process.exit(3);
  if (job.kind === "throw") throw new TypeError("a defect");
  if (job.kind === "refuse") throw new SpeechError("engine_cannot_say", "refused");
  if (job.kind === "threadId") send((await import("node:worker_threads")).threadId);
  if (job.kind !== "echo") return;
  for (const value of job.values) {
    if (job.pauseMs) await new Promise((resolve) => setTimeout(resolve, job.pauseMs));
    send(value);
  }
});
