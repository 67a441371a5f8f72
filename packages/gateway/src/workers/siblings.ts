import { deferred } from "../core/async.ts";
import type { FromWorker, Topic, ToWorker } from "./messages.ts";

/** The processes of one server, for what has to be told of all of them. */
export interface Siblings {
  /** Has this process answer its siblings. */
  answer(topic: Topic, body: () => unknown): void;
  /** What the others answer; those that cannot in time are left out. */
  others(topic: Topic): Promise<readonly unknown[]>;
}

/** A server of one process. */
export const ALONE: Siblings = { answer() {}, others: async () => [] };

/** A worker's line to its supervisor, and through it to the other workers. */
export class WorkerLine implements Siblings {
  readonly #process: NodeJS.Process;
  readonly #bodies = new Map<Topic, () => unknown>();
  readonly #asked = new Map<number, (bodies: readonly unknown[]) => void>();
  readonly #stopped = deferred();
  #lastId = 0;

  constructor(process: NodeJS.Process) {
    this.#process = process;
    process.on("message", (message) => this.#hear(message as ToWorker));
    process.on("disconnect", () => {
      for (const resolve of this.#asked.values()) resolve([]);
      this.#stopped.resolve(); // the supervisor is gone: nobody would ever stop us
    });
  }

  /** Resolves when this process shall stop. */
  get stopped(): Promise<void> {
    return this.#stopped.promise;
  }

  /** Tells that this worker answers requests, and where. */
  ready(port: number): void {
    this.#send({ type: "ready", port });
  }

  /** Lets the process end. */
  close(): void {
    if (this.#process.connected) this.#process.disconnect();
  }

  answer(topic: Topic, body: () => unknown): void {
    this.#bodies.set(topic, body);
  }

  others(topic: Topic): Promise<readonly unknown[]> {
    if (!this.#process.connected) return Promise.resolve([]);
    const id = ++this.#lastId;
    const { promise, resolve } = deferred<readonly unknown[]>();
    this.#asked.set(id, resolve);
    this.#send({ type: "ask", id, topic });
    return promise;
  }

  #hear(message: ToWorker): void {
    if (message.type === "stop") this.#stopped.resolve();
    else if (message.type === "tell")
      this.#send({ type: "told", round: message.round, body: this.#bodies.get(message.topic)?.() });
    else if (message.type === "answers") {
      this.#asked.get(message.id)?.(message.bodies);
      this.#asked.delete(message.id);
    }
  }

  #send(message: FromWorker): void {
    if (this.#process.connected) this.#process.send?.(message);
  }
}
