import cluster, { type Worker } from "node:cluster";
import type { Clock } from "../core/clock.ts";
import type { FromWorker, ToWorker } from "./messages.ts";
import { Rounds } from "./rounds.ts";

export type SupervisorOptions = {
  readonly workers: number;
  /** What workers get in their environment beside what is in ours. */
  readonly env: Readonly<Record<string, string>>;
  readonly clock: Clock;
  /** A worker that ends with this code was started wrongly; another one would be, too. */
  readonly fatalExitCode: number;
  readonly onCrash: (crash: {
    readonly pid: number | undefined;
    readonly code: number | null;
    readonly signal: string | null;
  }) => void;
};

/** A worker that lived so long was well; the next crash is the first again. */
const WELL_AFTER_MS = 10_000;
const FIRST_WAIT_MS = 100;
const MOST_WAIT_MS = 10_000;

/**
 * Several processes on one port, each a whole gateway: what they share is in Redis, as between servers. This process only
 * starts them, passes on what they tell each other, and starts another one for each that ends unasked.
 */
export class Supervisor {
  readonly #options: SupervisorOptions;
  readonly #rounds: Rounds<Worker>;
  readonly #stopping = new AbortController();
  readonly #ended = Promise.withResolvers<number>();
  #crashes = 0;

  constructor(options: SupervisorOptions) {
    this.#options = options;
    this.#rounds = new Rounds(options.clock, (worker, message) => send(worker, message));
  }

  /** Resolves with an exit code when all workers have ended. The first one shows whether they can start at all. */
  async run(): Promise<number> {
    cluster.setupPrimary({ serialization: "advanced" });
    cluster.on("exit", (worker, code, signal) => this.#gone(worker, code, signal));
    this.#start((port) => {
      const args = [...process.argv.slice(2), "--port", String(port)]; // it may have been 0, and then means this one
      cluster.setupPrimary({ serialization: "advanced", args });
      for (let others = this.#options.workers - 1; others > 0; others--) this.#start();
    });
    return this.#ended.promise;
  }

  /** Has all workers finish what they are saying. */
  stop(): void {
    this.#stopping.abort();
    for (const worker of this.#all()) send(worker, { type: "stop" });
    if (this.#all().length === 0) this.#ended.resolve(0);
  }

  /** At once. */
  kill(): void {
    for (const worker of this.#all()) worker.process.kill("SIGKILL");
  }

  #all(): Worker[] {
    return Object.values(cluster.workers ?? {}).filter((worker) => worker !== undefined);
  }

  #start(onReady?: (port: number) => void): void {
    if (this.#stopping.signal.aborted) return;
    const worker = cluster.fork(this.#options.env);
    const { clock } = this.#options;
    const startedAt = clock.monotonic();
    worker.on("message", (message: FromWorker) => {
      if (message.type === "ready") onReady?.(message.port);
      else if (message.type === "ask") {
        const others = this.#all().filter((other) => other !== worker && other.isConnected());
        void this.#rounds
          .ask(others, message.topic)
          .then((bodies) => send(worker, { type: "answers", id: message.id, bodies }));
      } else this.#rounds.told(worker, message.round, message.body);
    });
    worker.on("exit", () => {
      if (clock.monotonic() - startedAt > WELL_AFTER_MS) this.#crashes = 0;
    });
  }

  #gone(worker: Worker, code: number | null, signal: string | null): void {
    const { fatalExitCode, onCrash, clock } = this.#options;
    this.#rounds.left(worker);
    const stopping = this.#stopping.signal;
    if (!stopping.aborted && code === fatalExitCode) {
      this.#ended.resolve(code);
      this.stop();
    } else if (stopping.aborted) {
      if (this.#all().length === 0) this.#ended.resolve(0);
    } else {
      onCrash({ pid: worker.process.pid, code, signal });
      const waitMs = Math.min(MOST_WAIT_MS, FIRST_WAIT_MS * 2 ** this.#crashes++);
      clock.sleep(waitMs, stopping).then(
        () => this.#start(),
        () => this.#all().length === 0 && this.#ended.resolve(0),
      );
    }
  }
}

function send(worker: Worker, message: ToWorker): void {
  if (worker.isConnected()) worker.send(message);
}
