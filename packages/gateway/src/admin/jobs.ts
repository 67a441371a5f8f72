import { randomUUID } from "node:crypto";
import type { Clock } from "../core/clock.ts";
import { SpeechError } from "../core/errors.ts";
import type { Job, JobKind, JobState, JobUpdate } from "../core/job.ts";
import type { CallOptions } from "../core/ports.ts";
import type { SharedJobs } from "./shared-jobs.ts";

export type JobsOptions = {
  readonly clock: Clock;
  /** Absent: nobody else is to know of them. */
  readonly shared?: SharedJobs;
};

export type NewJob = {
  readonly kind: JobKind;
  readonly about: string;
  readonly by: string;
  /** Resolves when it is done. Its signal's reason is what it rejects with when it is stopped. */
  readonly run: (options: CallOptions & { update(update: JobUpdate): void }) => Promise<void>;
};

const MAX_RUNNING = 2;
const MAX_KEPT = 50;
const TELL_EVERY_MS = 1_000;
/** A running job is told of every second; whoever is silent for longer is gone. */
const LOST_AFTER_MS = 15_000;
const LATE_TRIES = 300;
const STOPPED = new SpeechError("caller_gone", "the job was cancelled");
const CLOSED = new SpeechError("shutting_down", "this server was stopped");

type Running = { job: Job; readonly abort: AbortController; over: Promise<void> };

/** Long work for administrators, a few at a time, which any server can be asked about and told to stop. */
export class Jobs {
  readonly #options: JobsOptions;
  readonly #running = new Map<string, Running>();
  readonly #closed = new AbortController();
  /** Of this server, oldest first. */
  readonly #kept = new Map<string, Job>();

  constructor(options: JobsOptions) {
    this.#options = options;
  }

  /** Throws `overloaded` when as many run here as may. */
  start({ kind, about, by, run }: NewJob): Job {
    if (this.#running.size >= MAX_RUNNING)
      throw new SpeechError(
        "overloaded",
        `${MAX_RUNNING} jobs run on this server already; wait for one, or cancel it`,
        {
          retryAfterMs: 10_000,
        },
      );
    const nowMs = this.#options.clock.now();
    const times = { startedAtMs: nowMs, updatedAtMs: nowMs, endedAtMs: null };
    const job: Job = {
      ...{ id: randomUUID(), kind, about, by, state: "running", ...times, done: 0, total: null, error: null },
    };
    const running: Running = { job, abort: new AbortController(), over: Promise.resolve() };
    this.#running.set(job.id, running);
    running.over = this.#follow(running, run);
    return job;
  }

  /** Those of all servers, newest first; of this one alone while Redis cannot be asked. */
  async list(options: CallOptions): Promise<Job[]> {
    const jobs = new Map<string, Job>();
    for (const job of await this.#others(options)) jobs.set(job.id, this.#believed(job));
    for (const job of this.#own()) jobs.set(job.id, job);
    return [...jobs.values()].toSorted((a, b) => b.startedAtMs - a.startedAtMs).slice(0, MAX_KEPT);
  }

  async get(id: string, options: CallOptions): Promise<Job | undefined> {
    const own = this.#running.get(id)?.job ?? this.#kept.get(id);
    return own ?? (await this.list(options)).find((job) => job.id === id);
  }

  /** Stops it wherever it runs; elsewhere within a second or two. Undefined: there is no such job. */
  async cancel(id: string, options: CallOptions): Promise<Job | undefined> {
    const running = this.#running.get(id);
    if (running !== undefined) {
      running.abort.abort(STOPPED);
      await running.over;
    } else if (!this.#kept.has(id)) await this.#options.shared?.cancel(id, options);
    return this.get(id, options);
  }

  async close(): Promise<void> {
    this.#closed.abort(CLOSED);
    for (const { abort } of this.#running.values()) abort.abort(CLOSED);
    await Promise.all([...this.#running.values()].map(({ over }) => over));
  }

  async #follow(running: Running, run: NewJob["run"]): Promise<void> {
    const { clock } = this.#options;
    const { abort } = running;
    const update = (changes: JobUpdate): void => {
      running.job = { ...running.job, ...changes, updatedAtMs: clock.now() };
    };
    const ended = new AbortController();
    const told = this.#tellOn(running, ended.signal);
    const end = (state: JobState, error: string | null): void => {
      const endedAtMs = clock.now();
      running.job = { ...running.job, state, error, endedAtMs, updatedAtMs: endedAtMs };
    };
    try {
      await run({ signal: abort.signal, update });
      end("done", null);
    } catch (error) {
      if (abort.signal.reason === STOPPED) end("cancelled", null);
      else if (abort.signal.aborted) end("cancelled", CLOSED.message);
      else end("failed", error instanceof Error ? error.message : String(error));
    }
    this.#running.delete(running.job.id);
    this.#keep(running.job);
    ended.abort();
    await told;
    if (await this.#tell(running)) await this.#prune();
    else void this.#tellLate(running);
  }

  /** Others must not take it for lost because Redis was away when it ended. */
  async #tellLate(running: Running): Promise<void> {
    const { clock } = this.#options;
    for (let tried = 0; tried < LATE_TRIES && !this.#closed.signal.aborted; tried++) {
      await clock.sleep(TELL_EVERY_MS, this.#closed.signal).catch(() => {});
      if (await this.#tell(running)) return;
    }
  }

  async #tellOn(running: Running, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#tell(running);
      await this.#options.clock.sleep(TELL_EVERY_MS, signal).catch(() => {});
      if (running.job.state === "running") running.job = { ...running.job, updatedAtMs: this.#options.clock.now() };
    }
  }

  /** False: Redis is away. The work goes on. */
  async #tell(running: Running): Promise<boolean> {
    const { signal } = new AbortController();
    try {
      if (await this.#options.shared?.save(running.job, { signal })) running.abort.abort(STOPPED);
      return true;
    } catch {
      return false;
    }
  }

  #keep(job: Job): void {
    this.#kept.set(job.id, job);
    const [oldest] = this.#kept.keys();
    if (this.#kept.size > MAX_KEPT && oldest !== undefined) this.#kept.delete(oldest);
  }

  #own(): Job[] {
    return [...this.#kept.values(), ...[...this.#running.values()].map(({ job }) => job)];
  }

  async #others(options: CallOptions): Promise<Job[]> {
    return (await this.#options.shared?.all(options).catch(() => [])) ?? [];
  }

  #believed(job: Job): Job {
    const silentMs = this.#options.clock.now() - job.updatedAtMs;
    return job.state === "running" && silentMs > LOST_AFTER_MS ? { ...job, state: "lost" } : job;
  }

  async #prune(): Promise<void> {
    const { signal } = new AbortController();
    const all = (await this.#others({ signal })).toSorted((a, b) => b.startedAtMs - a.startedAtMs);
    const old = all.slice(MAX_KEPT).filter((job) => this.#believed(job).state !== "running");
    await this.#options.shared
      ?.forget(
        old.map(({ id }) => id),
        { signal },
      )
      .catch(() => {});
  }
}
