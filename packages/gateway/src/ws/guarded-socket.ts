import type { Socket } from "node:net";
import { SOCKET_CLOSE } from "@mynah/protocol";
import { WebSocket } from "ws";
import type { Clock } from "../core/clock.ts";
import { MessageRate } from "./message-rate.ts";
import { SocketOut } from "./socket-out.ts";

/** What bounds one socket, whatever is spoken on it. */
export type GuardLimits = {
  readonly messagesPerSecond: number;
  readonly idleTimeoutMs: number;
  readonly pingMs: number;
  readonly slowReaderTimeoutMs: number;
};

type CloseReason = "idle" | "tooManyMessages" | "slowReader" | "unsupportedData";

/** Close codes of protocols that have none of their own: RFC 6455's for a broken policy, and for data of the wrong kind. */
const STANDARD_CLOSE: Readonly<Record<CloseReason, number>> = {
  idle: 1008,
  tooManyMessages: 1008,
  slowReader: 1008,
  unsupportedData: 1003,
};

export type GuardedSocketOptions = {
  readonly socket: WebSocket;
  readonly raw: Socket;
  readonly clock: Clock;
  readonly limits: GuardLimits;
  /** A text message that may be acted on. */
  readonly onMessage: (data: Buffer) => void;
  /** Called once, before the socket is closed from this end: whatever runs is to be left. */
  readonly onClosing: () => void;
  /** The idle timeout is over. Default: the socket is closed. */
  readonly onIdle?: () => void;
  /** Whether closes have the codes that every WebSocket client knows, and not those of `mynah.v1`. Default: no. */
  readonly standardCodes?: boolean;
};

/** One socket and its bounds: how often it may send, how long it may say nothing or read nothing, whether it still answers. */
export class GuardedSocket {
  readonly out: SocketOut;
  readonly #options: GuardedSocketOptions;
  readonly #codes: Readonly<Record<CloseReason, number>>;
  readonly #rate: MessageRate;
  #lastActiveAt: number;
  #pingedAt: number;
  #heard = true;

  constructor(options: GuardedSocketOptions) {
    const { socket, raw, clock, limits } = options;
    const now = clock.monotonic();
    this.#options = options;
    this.#codes = options.standardCodes ? STANDARD_CLOSE : SOCKET_CLOSE;
    this.out = new SocketOut(socket, raw, clock);
    this.#rate = new MessageRate(limits.messagesPerSecond, now);
    this.#lastActiveAt = now;
    this.#pingedAt = now - Math.random() * limits.pingMs * 0.5; // or sockets opened together would be asked together
    socket.on("message", (data, isBinary) => this.#receive(data as Buffer, isBinary));
    socket.on("pong", () => {
      this.#heard = true;
    });
    socket.on("error", () => {}); // "close" follows, and says all that matters
  }

  /** Something happened here that is not silence. */
  active(): void {
    this.#lastActiveAt = this.#options.clock.monotonic();
  }

  /** Looks whether the other end is still there; to be called about once a second. */
  watch(): void {
    const { clock, limits, socket, onIdle } = this.#options;
    const now = clock.monotonic();
    const { blockedSince } = this.out;
    if (blockedSince !== undefined) {
      if (now - blockedSince > limits.slowReaderTimeoutMs)
        this.close(this.#codes.slowReader, "nothing was read for too long");
      return; // a ping would only wait behind what is not read
    }
    if (now - this.#lastActiveAt > limits.idleTimeoutMs) {
      if (onIdle !== undefined) onIdle();
      else this.close(this.#codes.idle, `no message for ${limits.idleTimeoutMs / 1000} s`);
      return;
    }
    if (now - this.#pingedAt < limits.pingMs || socket.readyState !== WebSocket.OPEN) return;
    if (!this.#heard) {
      socket.terminate(); // half-open: nobody would read a close frame
      return;
    }
    this.#heard = false;
    this.#pingedAt = now;
    socket.ping();
  }

  /** Says why, and closes. */
  close(code: number, reason: string): void {
    this.#options.onClosing();
    this.#options.socket.close(code, reason);
  }

  #receive(data: Buffer, isBinary: boolean): void {
    const { socket, clock, limits, onMessage } = this.#options;
    if (socket.readyState !== WebSocket.OPEN) return;
    this.#heard = true;
    this.#lastActiveAt = clock.monotonic();
    if (!this.#rate.take(this.#lastActiveAt))
      this.close(this.#codes.tooManyMessages, `more than ${limits.messagesPerSecond} messages a second`);
    else if (isBinary) this.close(this.#codes.unsupportedData, "messages are JSON text, not binary");
    else onMessage(data);
  }
}
