import { randomUUID } from "node:crypto";
import { createServer, type Server, type Socket } from "node:net";
import { SpeechError } from "../core/errors.ts";
import type { AddressList } from "./address-list.ts";
import { encodeEvent } from "./events.ts";
import { WyomingSession, type WyomingSessionDeps } from "./session.ts";

export type WyomingServerOptions = WyomingSessionDeps & {
  readonly maxClients: number;
  /** Whom to answer. */
  readonly admits: AddressList;
};

/** How many talk with us now, and about how much. */
export type WyomingCounts = { readonly open: number; readonly utterances: number };

const CLOSE_GRACE_MS = 2_000;
/** A peer that has vanished without a word is noticed by the system. */
const KEEP_ALIVE_MS = 30_000;

/** The Wyoming protocol over TCP: lets clients in, counts them, and ends them in order. */
export class WyomingServer {
  readonly #options: WyomingServerOptions;
  readonly #server: Server;
  readonly #sessions = new Set<WyomingSession>();
  #stopping = false;
  #onEmpty: (() => void) | undefined;

  constructor(options: WyomingServerOptions) {
    this.#options = options;
    this.#server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => this.#accept(socket));
  }

  get counts(): WyomingCounts {
    let utterances = 0;
    for (const session of this.#sessions) utterances += session.utterances;
    return { open: this.#sessions.size, utterances };
  }

  /** Rejects with Node's error if the address is taken or not ours. */
  listen({ port, host }: { readonly port: number; readonly host: string }): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#server.once("error", reject).listen(port, host, () => {
        const address = this.#server.address();
        this.#server.off("error", reject);
        resolve(typeof address === "object" && address !== null ? address.port : port);
      });
    });
  }

  /** Lets nobody in; what was begun may end within `graceMs`, then it is told and cut. */
  async close({ graceMs }: { readonly graceMs: number }): Promise<void> {
    this.#stopping = true;
    const empty = new Promise<void>((resolve) => {
      this.#onEmpty = resolve;
    });
    this.#server.close();
    for (const session of [...this.#sessions]) session.drain();
    if (this.#sessions.size === 0) return;
    const stop = setTimeout(() => {
      for (const session of [...this.#sessions]) session.stop();
    }, graceMs);
    await empty;
    clearTimeout(stop);
  }

  #accept(socket: Socket): void {
    const address = socket.remoteAddress ?? "";
    const { maxClients, admits } = this.#options;
    const requestId = `wyoming-${randomUUID()}`;
    if (!admits(address)) {
      this.#turnAway(socket, requestId, new SpeechError("forbidden", "this address is not among WYOMING_ALLOW"));
      return;
    }
    if (this.#sessions.size >= maxClients || this.#stopping) {
      const message = `this server talks with ${maxClients} clients at most`;
      this.#turnAway(socket, requestId, new SpeechError("overloaded", message, { retryAfterMs: 1_000 }));
      return;
    }
    socket.setKeepAlive(true, KEEP_ALIVE_MS);
    const session = new WyomingSession({ socket, subject: `anonymous@${address}`, requestId }, this.#options);
    this.#sessions.add(session);
    socket.once("close", () => {
      this.#sessions.delete(session);
      if (this.#sessions.size === 0) this.#onEmpty?.();
    });
  }

  #turnAway(socket: Socket, requestId: string, error: SpeechError): void {
    this.#options.onError(error, requestId);
    socket.on("error", () => {});
    socket.resume();
    socket.end(encodeEvent("error", { text: error.message, code: error.code }));
    setTimeout(() => socket.destroy(), CLOSE_GRACE_MS).unref();
  }
}
