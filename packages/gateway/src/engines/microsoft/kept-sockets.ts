import type { Clock } from "../../core/clock.ts";
import type { ServiceSocket } from "./service-socket.ts";

export type KeptSocketsOptions = {
  readonly clock: Clock;
  /** Begins a connection; it need not be open yet. */
  readonly connect: (signal: AbortSignal) => ServiceSocket;
  /** Most that rest at a time. */
  readonly maxResting: number;
  /** After which a resting one is closed: before the service does it. */
  readonly restMs: number;
};

/** A connection for one turn. `used`: it has had turns before, so the service may have left it without our knowing yet. */
export type Lent = { readonly socket: ServiceSocket; readonly used: boolean };

/** Connections that take turn after turn, so that a sentence does not wait for the handshakes of TCP, TLS and the socket. */
export class KeptSockets {
  readonly #options: KeptSocketsOptions;
  readonly #all = new Set<ServiceSocket>();
  /** Oldest first, each with what ends its rest. */
  readonly #resting = new Map<ServiceSocket, AbortController>();

  constructor(options: KeptSocketsOptions) {
    this.#options = options;
  }

  /** One that rests, the latest first, or a new one. Throws what its handshake ends with, or the signal's reason. */
  async take(signal: AbortSignal): Promise<Lent> {
    signal.throwIfAborted();
    for (const [socket, rest] of [...this.#resting].reverse()) {
      rest.abort();
      if (!socket.usable) {
        socket.destroy(new Error("it did not rest quietly"));
        continue;
      }
      socket.attend(signal);
      return { socket, used: true };
    }
    return { socket: await this.open(signal), used: false };
  }

  async open(signal: AbortSignal): Promise<ServiceSocket> {
    const socket = this.#options.connect(signal);
    this.#all.add(socket);
    void socket.closed.then(() => {
      this.#all.delete(socket);
      this.#resting.get(socket)?.abort();
    });
    await socket.opened();
    return socket;
  }

  /** The turn is over and all of it was read. */
  giveBack(socket: ServiceSocket): void {
    socket.rest();
    if (!socket.usable || this.#resting.size >= this.#options.maxResting) {
      socket.close();
      return;
    }
    const rest = new AbortController();
    this.#resting.set(socket, rest);
    rest.signal.addEventListener("abort", () => this.#resting.delete(socket));
    const { clock, restMs } = this.#options;
    clock.sleep(restMs, rest.signal).then(
      () => {
        rest.abort();
        socket.close();
      },
      () => {}, // another turn began, or it is gone
    );
  }

  /** Ends all of them, also those in use, whose readers get this error. */
  async close(error: Error): Promise<void> {
    const all = [...this.#all];
    for (const socket of all) socket.destroy(error);
    await Promise.all(all.map(({ closed }) => closed));
  }
}
