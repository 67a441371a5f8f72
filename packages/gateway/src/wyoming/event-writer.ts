import type { Socket } from "node:net";
import { deferred } from "../core/async.ts";
import { SpeechError } from "../core/errors.ts";
import { encodeEvent } from "./events.ts";

/** One client's way out, at its pace: it is waited for, and cut off when it takes nothing for too long. */
export class EventWriter {
  readonly #socket: Socket;
  readonly #slowReaderTimeoutMs: number;

  constructor(socket: Socket, { slowReaderTimeoutMs }: { readonly slowReaderTimeoutMs: number }) {
    this.#socket = socket;
    this.#slowReaderTimeoutMs = slowReaderTimeoutMs;
  }

  /** Resolves when there is room for more. Rejects with `caller_gone` when the client left, or does not read. */
  async send(type: string, data?: Readonly<Record<string, unknown>>, payload?: Uint8Array): Promise<void> {
    const socket = this.#socket;
    if (!socket.writable) throw gone("the client left");
    if (!socket.write(encodeEvent(type, data, payload))) await this.#drained();
  }

  /** The last event; what was sent before it still arrives. */
  end(type: string, data: Readonly<Record<string, unknown>>): void {
    if (this.#socket.writable) this.#socket.end(encodeEvent(type, data));
  }

  async #drained(): Promise<void> {
    const socket = this.#socket;
    const { promise, resolve, reject } = deferred();
    const timer = setTimeout(() => {
      socket.destroy();
    }, this.#slowReaderTimeoutMs);
    const closed = (): void => reject(gone("the client left"));
    socket.once("drain", resolve).once("close", closed);
    try {
      if (socket.destroyed) closed();
      await promise;
    } finally {
      clearTimeout(timer);
      socket.off("drain", resolve).off("close", closed);
    }
  }
}

function gone(message: string): SpeechError {
  return new SpeechError("caller_gone", message);
}
