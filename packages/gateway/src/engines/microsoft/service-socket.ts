import { WebSocket } from "ws";
import { deferred } from "../../core/async.ts";

/** Audio frames are a few kilobytes; anything much larger, also after decompression, is no answer of the service. */
const MAX_MESSAGE_BYTES = 1 << 20;
/** Above this much unread, the other side has to wait: half a minute of 48 kbit/s. */
const MAX_UNREAD_BYTES = 192 * 1024;
/** For the other side to say goodbye, when all was heard. */
const CLOSE_TIMEOUT_MS = 1_000;

/** The service answered the upgrade with a status of HTTP. */
export class HandshakeRefused extends Error {
  override readonly name = "HandshakeRefused";
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;

  constructor(status: number, headers: HandshakeRefused["headers"]) {
    super(`the WebSocket was refused with ${status}`);
    this.status = status;
    this.headers = headers;
  }
}

/** The service closed the socket. */
export class SocketClosed extends Error {
  override readonly name = "SocketClosed";
  /** Of RFC 6455 §7.4; 1006 if it just broke off. */
  readonly code: number;

  constructor(code: number, reason: string) {
    super(`the WebSocket was closed with ${code} ${reason}`);
    this.code = code;
  }
}

export type ServiceSocketOptions = {
  readonly headers: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
};

type Message = string | Uint8Array;
/** A signal's reason is boxed: it may be anything, also undefined. */
type Ending = Error | { readonly reason: unknown };

/**
 * A WebSocket of ours as something to read from. Bounded: when nobody reads, nothing more is taken from the network.
 * An abort of the signal destroys the connection at once, also in the middle of its handshake.
 */
export class ServiceSocket {
  /** Settled when nothing of the connection is left. */
  readonly closed: Promise<void>;
  readonly #socket: WebSocket;
  #signal: AbortSignal;
  readonly #opened = deferred();
  #unread: Message[] = [];
  #unreadBytes = 0;
  #error: Ending | undefined;
  #wake = deferred();

  constructor(url: string, { headers, signal }: ServiceSocketOptions) {
    signal.throwIfAborted();
    this.#signal = signal;
    this.#opened.promise.catch(() => {}); // whoever calls opened() hears of it
    const bounds = { maxPayload: MAX_MESSAGE_BYTES, closeTimeout: CLOSE_TIMEOUT_MS };
    this.#socket = new WebSocket(url, { headers, perMessageDeflate: true, ...bounds });
    const socket = this.#socket;
    const gone = deferred();
    this.closed = gone.promise;
    socket.on("open", () => this.#opened.resolve());
    socket.on("unexpected-response", (_request, { statusCode = 0, headers: answered }) =>
      this.#end(new HandshakeRefused(statusCode, answered)),
    );
    socket.on("message", (data, isBinary) => this.#take(data as Buffer, isBinary));
    socket.on("error", (error) => this.#end(error));
    socket.on("close", (code, reason) => {
      this.#fail(new SocketClosed(code, reason.toString()));
      gone.resolve();
    });
    this.attend(signal);
  }

  /** Throws a HandshakeRefused, the network's error or the signal's reason if it never opens. */
  opened(): Promise<void> {
    return this.#opened.promise;
  }

  send(text: string): void {
    this.#socket.send(text, () => {}); // a failure shows as an error or a close
  }

  /**
   * What the service sends, until it closes the socket: always ends with an error (SocketClosed, the network's, the
   * signal's reason), because only the reader knows when all was said.
   */
  async *messages(): AsyncGenerator<Message, never, void> {
    for (;;) {
      for (let next = this.#unread.shift(); next !== undefined; next = this.#unread.shift()) {
        this.#unreadBytes -= next.length;
        if (this.#socket.isPaused && this.#unreadBytes < MAX_UNREAD_BYTES / 2) this.#socket.resume();
        yield next;
      }
      if (this.#error !== undefined) throw this.#error instanceof Error ? this.#error : this.#error.reason;
      this.#wake = deferred();
      await this.#wake.promise;
    }
  }

  /** Whether another turn may begin on it: it is open, and nothing came that nobody asked for. */
  get usable(): boolean {
    return this.#error === undefined && this.#socket.readyState === WebSocket.OPEN && this.#unread.length === 0;
  }

  /** The turn is over and nobody's signal ends it any more, until it is attended to again. */
  rest(): void {
    this.#signal.removeEventListener("abort", this.#onAbort);
  }

  attend(signal: AbortSignal): void {
    signal.throwIfAborted();
    this.#signal = signal;
    signal.addEventListener("abort", this.#onAbort, { once: true });
  }

  /** All was heard: says goodbye, and goes when the other side has or after a second. */
  close(): void {
    this.#signal.removeEventListener("abort", this.#onAbort);
    if (this.#socket.isPaused) this.#socket.resume();
    if (this.#socket.readyState === WebSocket.OPEN) this.#socket.close(1000);
    else this.#socket.terminate();
  }

  /** Destroys the connection now; whoever reads gets this error. */
  destroy(error: Error): void {
    this.#end(error);
  }

  readonly #onAbort = (): void => {
    this.#unread = [];
    this.#end({ reason: this.#signal.reason });
  };

  #take(data: Buffer, isBinary: boolean): void {
    if (this.#error !== undefined) return;
    const message = isBinary ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength) : data.toString();
    this.#unread.push(message);
    this.#unreadBytes += message.length;
    if (this.#unreadBytes > MAX_UNREAD_BYTES) this.#socket.pause();
    this.#wake.resolve();
  }

  #end(error: Ending): void {
    this.#fail(error);
    this.#socket.terminate();
  }

  #fail(error: Ending): void {
    this.#error ??= error;
    this.#signal.removeEventListener("abort", this.#onAbort);
    this.#opened.reject(error instanceof Error ? error : error.reason);
    this.#wake.resolve();
  }
}
