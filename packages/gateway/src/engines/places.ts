import { SpeechError } from "../core/errors.ts";

type Waiting = { readonly enter: () => void; readonly fail: (reason: unknown) => void };

/** A bounded number of places and a bounded queue for them, first come first served. */
export class Places {
  readonly #name: string;
  readonly #maxQueued: number;
  readonly #waiting: Waiting[] = [];
  #free: number;
  #closed = false;

  constructor({ name, size, maxQueued }: { readonly name: string; readonly size: number; readonly maxQueued: number }) {
    this.#name = name;
    this.#free = size;
    this.#maxQueued = maxQueued;
  }

  /** Resolves to what gives the place back. Throws `overloaded`, `shutting_down` or the signal's reason. */
  async enter(signal: AbortSignal): Promise<() => void> {
    signal.throwIfAborted();
    if (this.#closed) throw new SpeechError("shutting_down", `${this.#name} is closed`);
    if (this.#free > 0) this.#free--;
    else {
      if (this.#waiting.length >= this.#maxQueued)
        throw new SpeechError("overloaded", `${this.#name} has too much to do`);
      await this.#wait(signal);
    }
    let given = false;
    return () => {
      if (given) return;
      given = true;
      const next = this.#waiting.shift();
      if (next) next.enter();
      else this.#free++;
    };
  }

  /** Refuses everyone, also those who wait. */
  close(): void {
    this.#closed = true;
    for (const { fail } of this.#waiting.splice(0)) fail(new SpeechError("shutting_down", `${this.#name} is closed`));
  }

  #wait(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const leave = (): void => {
        this.#waiting.splice(this.#waiting.indexOf(waiting), 1);
        reject(signal.reason);
      };
      const done = (): void => signal.removeEventListener("abort", leave);
      const waiting: Waiting = {
        enter: () => {
          done();
          resolve();
        },
        fail: (reason) => {
          done();
          reject(reason);
        },
      };
      this.#waiting.push(waiting);
      signal.addEventListener("abort", leave, { once: true });
    });
  }
}
