import type { Socket } from "node:net";
import { WebSocket } from "ws";
import { type Deferred, deferred } from "../core/async.ts";
import type { Clock } from "../core/clock.ts";

/** Audio waits while more than this is unsent; about ten seconds of speech. */
const MAX_UNSENT_BYTES = 64 * 1024;
/** Nothing is read from a client that lets even this much of our answers lie. */
const MAX_UNREAD_BYTES = 256 * 1024;
const STREAM_BYTES = 4;

/** One socket's way out, at the pace of whoever reads at its other end. Holds a bounded number of bytes. */
export class SocketOut {
  readonly #socket: WebSocket;
  readonly #raw: Socket;
  readonly #clock: Clock;
  #blocked: { readonly since: number; readonly drained: Deferred<void> } | undefined;

  /** `raw` is what `socket` runs over. */
  constructor(socket: WebSocket, raw: Socket, clock: Clock) {
    this.#socket = socket;
    this.#raw = raw;
    this.#clock = clock;
  }

  /** Since when the reader has taken nothing of what it must take before it gets more; monotonic ms. */
  get blockedSince(): number | undefined {
    return this.#blocked?.since;
  }

  /** What is written until the next turn of the event loop leaves in one piece. */
  gather(): void {
    const raw = this.#raw;
    raw.cork();
    process.nextTick(() => raw.uncork());
  }

  /** As JSON. */
  message(message: object): void {
    if (this.#socket.readyState !== WebSocket.OPEN) return;
    this.#socket.send(JSON.stringify(message));
    if (this.#socket.bufferedAmount <= MAX_UNREAD_BYTES || this.#socket.isPaused) return;
    this.#socket.pause();
    void this.#drain().promise.then(() => this.#socket.resume());
  }

  /** A binary frame of `mynah.v1`. Whoever sends many asks for `room` before each. */
  audio(stream: number, bytes: Uint8Array): void {
    if (this.#socket.readyState !== WebSocket.OPEN) return;
    const frame = Buffer.allocUnsafe(STREAM_BYTES + bytes.byteLength);
    frame.writeUInt32BE(stream, 0);
    frame.set(bytes, STREAM_BYTES);
    this.#socket.send(frame);
  }

  /** A binary frame as it is, under the same condition. */
  bytes(bytes: Uint8Array): void {
    if (this.#socket.readyState === WebSocket.OPEN) this.#socket.send(bytes);
  }

  /** Undefined: there is room for a frame now. */
  room(): Promise<void> | undefined {
    // Node tells of a drain only from its own mark on.
    const most = Math.max(MAX_UNSENT_BYTES, this.#raw.writableHighWaterMark);
    return this.#socket.bufferedAmount < most ? undefined : this.#drain().promise;
  }

  /** The socket has closed: whoever waits for room goes on, and finds out. */
  closed(): void {
    this.#blocked?.drained.resolve();
    this.#blocked = undefined;
  }

  #drain(): Deferred<void> {
    if (this.#blocked !== undefined) return this.#blocked.drained;
    const drained = deferred();
    if (this.#raw.destroyed) drained.resolve();
    else {
      this.#blocked = { since: this.#clock.monotonic(), drained };
      this.#raw.once("drain", () => this.closed());
    }
    return drained;
  }
}
