import { setTimeout as sleep } from "node:timers/promises";
import type { GatewayClient } from "./gateway-client.ts";
import { progressLine } from "./progress-line.ts";

/** A job as `/admin/jobs` tells it. */
export type JobTold = {
  readonly id: string;
  readonly state: "running" | "done" | "failed" | "cancelled" | "lost";
  readonly about: string;
  readonly done: number;
  readonly total: number | null;
  readonly purge?: { readonly seen: number; readonly removed: number };
  readonly warm?: WarmTold;
  readonly error: string | null;
};

export type WarmTold = {
  readonly hits: number;
  readonly made: number;
  readonly failed: number;
  readonly characters: number;
  readonly cost: number | null;
  readonly failures: Readonly<Record<string, number>>;
  readonly failedPhrases: readonly { readonly at: number; readonly code: string }[];
};

export type FollowOptions = {
  readonly label: string;
  /** Done before this job, and all of it. */
  readonly before?: number;
  readonly total?: number;
  readonly more?: (job: JobTold) => string;
  /** Stops the job. */
  readonly signal: AbortSignal;
};

const LOOK_EVERY_MS = 300;

/** Watches a job to its end, with a line that moves on a terminal. */
export async function followJob(client: GatewayClient, job: JobTold, options: FollowOptions): Promise<JobTold> {
  const { label, before = 0, total, more, signal } = options;
  const all = total ?? job.total ?? 0;
  const line = progressLine(process.stderr, { label, total: Math.max(1, all), unit: all > 0 ? "phrases" : "" });
  try {
    for (let now = job; ; ) {
      line.update(all > 0 ? before + now.done : 0, more?.(now));
      if (now.state !== "running") return now;
      if (signal.aborted) return await client.ask<JobTold>("DELETE", `/admin/jobs/${job.id}`);
      await sleep(LOOK_EVERY_MS, undefined, { signal }).catch(() => {});
      now = await client.ask<JobTold>("GET", `/admin/jobs/${job.id}`);
    }
  } finally {
    line.end();
  }
}

/** Aborts at the first Ctrl-C; the second ends the program. */
export function interruptSignal(): { readonly signal: AbortSignal; off(): void } {
  const controller = new AbortController();
  const interrupt = (): void => {
    if (controller.signal.aborted) process.exit(130);
    controller.abort();
  };
  process.on("SIGINT", interrupt);
  return { signal: controller.signal, off: () => process.off("SIGINT", interrupt) };
}
