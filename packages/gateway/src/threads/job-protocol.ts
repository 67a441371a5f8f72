import type { ErrorCode } from "../core/errors.ts";

/** Main thread to worker. `cancelled[0]` turns 1 when nobody wants the job any more; the worker may look at it. */
export type JobStart<Job> = { readonly id: number; readonly job: Job; readonly cancelled: Int32Array };

/** Worker to main thread. After `done` or `failed` the worker is free for the next job. */
export type JobReport<Message> = { readonly id: number } & (
  | { readonly kind: "message"; readonly message: Message }
  | { readonly kind: "done" }
  | { readonly kind: "failed"; readonly code?: ErrorCode; readonly reason: string }
);
