import type { ClientMessage, ServerMessage, SOCKET_CLOSE } from "@mynah/protocol";
import { type BackoffOptions, backoffMs } from "./backoff.ts";
import { MynahError } from "./mynah-error.ts";
import type { Ready } from "./utterance.ts";

export type ConnectionDeps = {
  /** Opens a socket and gives it to `use` at once. */
  readonly open: (use: (socket: WebSocket) => void) => Promise<void>;
  readonly backoff: BackoffOptions;
  readonly onReady: (ready: Ready) => void;
  readonly onMessage: (message: ServerMessage) => void;
  /** Of the stream with this number. */
  readonly onFrame: (stream: number, bytes: Uint8Array) => void;
  /**
   * What was under way is lost. `final`: nothing more is tried by itself, and what waits will wait in vain; `error` says why.
   * True: somebody waits for the next connection.
   */
  readonly onLost: (error: MynahError, final: boolean) => boolean;
};

// Of the table only what is needed here: a bundler cannot leave out half of it.
const UNAUTHORIZED: (typeof SOCKET_CLOSE)["unauthorized"] = 4401;
const IDLE: (typeof SOCKET_CLOSE)["idle"] = 4408;
const READY_TIMEOUT_MS = 10_000;
/** A connection that lasted so long was a good one: the next failure is the first again. */
const GOOD_MS = 10_000;

/**
 * One WebSocket after the other, for as long as somebody wants one. A lost one is opened again at once after a short time with
 * jitter; one that was closed for idleness only when it is wanted.
 */
export class Connection {
  readonly #deps: ConnectionDeps;
  #socket: WebSocket | undefined;
  #state: "idle" | "connecting" | "ready" | "pausing" | "closed" = "idle";
  #failures = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #readyAtMs = 0;
  #complaint: Extract<ServerMessage, { type: "error" }> | undefined;
  /** When the gateway was last heard, on the clock of `performance.now()`. */
  heardAtMs = 0;

  constructor(deps: ConnectionDeps) {
    this.#deps = deps;
  }

  get ready(): boolean {
    return this.#state === "ready";
  }

  /** Bytes given to it that have not gone out. */
  get unsentBytes(): number {
    return this.#socket?.bufferedAmount ?? 0;
  }

  /** There is something to say: connects, unless that is under way already. */
  want(): void {
    if (this.#state === "idle") void this.#connect();
  }

  send(message: ClientMessage): void {
    // A socket that is closing says so itself, and what was said is then lost or said again.
    if (this.#socket?.readyState === 1) this.#socket.send(JSON.stringify(message));
  }

  /** Gives this connection up, without waiting for the other side: it may be long gone. */
  drop(code: string, message: string): void {
    const socket = this.#socket;
    this.#lost(MynahError.of({ code, message }), false);
    socket?.close();
  }

  /** For good. Resolves when the other side has agreed, or has not in a second. */
  async close(): Promise<void> {
    const socket = this.#socket;
    clearTimeout(this.#timer);
    this.#state = "closed";
    this.#detach();
    if (!socket || socket.readyState === 3) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, 1_000);
      socket.onclose = () => {
        clearTimeout(timer);
        resolve();
      };
      socket.close(1000);
    });
  }

  async #connect(): Promise<void> {
    this.#state = "connecting";
    this.#complaint = undefined;
    const timer = setTimeout(() => this.drop("unreachable", "The gateway does not answer"), READY_TIMEOUT_MS);
    this.#timer = timer;
    // A token may come so late that the next attempt is under way.
    const mine = (): boolean => this.#state === "connecting" && this.#timer === timer;
    try {
      await this.#deps.open((socket) => this.#use(socket, mine()));
    } catch (cause) {
      if (!mine()) return;
      // Asking again at once would not help.
      const message = "There is no token; or there is a key, which browsers cannot send: give `token`";
      this.#lost(MynahError.of({ code: "unauthorized", message }, { cause }), true);
    }
  }

  #use(socket: WebSocket, wanted: boolean): void {
    socket.onerror = () => {}; // onclose follows, and is all that a browser tells
    if (!wanted) {
      socket.close();
      return;
    }
    this.#socket = socket;
    socket.onmessage = ({ data }: MessageEvent<unknown>) => this.#hear(data);
    socket.onclose = ({ code, reason }) => this.#closed(code, reason);
  }

  #hear(data: unknown): void {
    this.heardAtMs = performance.now();
    if (data instanceof ArrayBuffer) {
      if (data.byteLength > 4) this.#deps.onFrame(new DataView(data).getUint32(0), new Uint8Array(data, 4));
      return;
    }
    const message = parse(data);
    if (!message) this.drop("bad_answer", "That is not a Mynah");
    else if (message.type === "ready") {
      clearTimeout(this.#timer);
      this.#state = "ready";
      this.#readyAtMs = this.heardAtMs;
      const { type: _, ...ready } = message;
      this.#deps.onReady(ready);
    } else if (message.type === "error" && message.id === undefined) this.#complaint = message;
    else this.#deps.onMessage(message);
  }

  #closed(closeCode: number, reason: string): void {
    const refused = closeCode === UNAUTHORIZED;
    const idle = closeCode === IDLE || closeCode === 1000;
    // What it had complained of may have nothing to do with the end of a connection that worked.
    const began = this.#state === "ready" ? "connection_lost" : this.#complaint?.code;
    const code = refused ? "unauthorized" : (began ?? "unreachable");
    const message = reason || `There is no connection to the gateway (${closeCode})`;
    const error = MynahError.of({ message, ...this.#complaint, code });
    this.#lost(error, refused, idle);
  }

  #lost(error: MynahError, final: boolean, idle = false): void {
    if (this.#state === "closed") return;
    clearTimeout(this.#timer);
    this.#detach();
    const wasReady = this.#state === "ready";
    if (wasReady && performance.now() - this.#readyAtMs > GOOD_MS) this.#failures = 0;
    this.#failures++;
    const over = final || this.#failures >= (this.#deps.backoff.maxAttempts ?? 6);
    this.#state = "pausing"; // so that nobody who is told asks for a connection before its time
    const wanted = this.#deps.onLost(error, over);
    if (over || (idle && !wanted)) {
      this.#failures = 0;
      this.#state = "idle";
      return;
    }
    const waitMs = Math.max(backoffMs(this.#failures, this.#deps.backoff), error.retryAfterMs ?? 0);
    this.#timer = setTimeout(() => void this.#connect(), waitMs);
  }

  #detach(): void {
    if (this.#socket) this.#socket.onmessage = this.#socket.onclose = null;
    this.#socket = undefined;
  }
}

function parse(data: unknown): ServerMessage | undefined {
  try {
    const message = JSON.parse(String(data)) as ServerMessage | null;
    return message?.type ? message : undefined;
  } catch {
    return undefined;
  }
}
