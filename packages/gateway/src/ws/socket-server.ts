import { randomUUID } from "node:crypto";
import type { IncomingMessage, Server } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { SOCKET_PROTOCOL, type SocketStats } from "@mynah/protocol";
import { WebSocket, WebSocketServer } from "ws";
import { SpeechError } from "../core/errors.ts";
import type { CallOptions } from "../core/ports.ts";
import type { Subject, WindowState } from "../core/quota.ts";
import { answerBare } from "../http/errors.ts";
import type { Identity } from "../identity/identity.ts";
import { type SessionDeps, SocketSession } from "./session.ts";

export const SOCKET_PATH = "/v1/speech/ws";

export type SocketServerOptions = Omit<SessionDeps, "onDefect"> & {
  readonly maxMessageBytes: number;
  readonly maxSockets: number;
  /** 0: no bound. */
  readonly maxPerAddress: number;
  /** Who wants to connect; throws as over HTTP. */
  readonly identify: (request: IncomingMessage, address: string, options: CallOptions) => Promise<Identity>;
  /** What a caller may do now. */
  readonly stateOf: (subject: Subject, options: CallOptions) => Promise<readonly WindowState[]>;
  readonly onDefect: SessionDeps["onDefect"];
  /** A socket was not opened. */
  readonly onRefused?: (error: SpeechError, requestId: string) => void;
};

/** How often each session is looked at. Not all in one turn: ten thousand of them would hold up the audio. */
const WATCH_EVERY_MS = 1_000;
const WATCH_TURNS = 8;
/** A peer that ignores our close frame is cut off. */
const CLOSE_GRACE_MS = 2_000;
const OPENING_TIMEOUT_MS = 5_000;
const REQUEST_ID = /^[\w.:-]{1,128}$/;

/** Closes with a reason also where `ws` itself decides to. */
class ReasonedWebSocket extends WebSocket {
  override close(code?: number, reason?: string | Buffer): void {
    super.close(code, reason ?? REASONS[code ?? 0]);
  }
}

const REASONS: Readonly<Record<number, string>> = {
  1002: "this is not valid WebSocket traffic",
  1007: "text must be valid UTF-8",
  1009: "the message is too large",
};

/** Whether this request is for us; any other `Upgrade` is answered as plain HTTP. */
export function isSocketUpgrade({ url = "", headers, method }: IncomingMessage): boolean {
  return method === "GET" && url.split("?", 1)[0] === SOCKET_PATH && headers.upgrade?.toLowerCase() === "websocket";
}

/** `GET /v1/speech/ws`: lets callers in, counts their sockets, watches over them and ends them in order. */
export class SocketServer {
  readonly #options: SocketServerOptions;
  readonly #server: WebSocketServer;
  readonly #sessions = new Set<SocketSession>();
  readonly #addresses = new Map<string, number>();
  /** Let in, or about to be. */
  #sockets = 0;
  #stopping = false;
  #watching: NodeJS.Timeout | undefined;
  #turn = 0;
  #onEmpty: (() => void) | undefined;

  constructor(options: SocketServerOptions) {
    this.#options = options;
    this.#server = new WebSocketServer({
      noServer: true,
      clientTracking: false,
      perMessageDeflate: false, // audio does not shrink, and each socket would keep a window
      maxPayload: options.maxMessageBytes,
      closeTimeout: CLOSE_GRACE_MS,
      WebSocket: ReasonedWebSocket,
      handleProtocols: () => SOCKET_PROTOCOL, // offered, or it would not have come so far
    } as ConstructorParameters<typeof WebSocketServer>[0]);
  }

  get counts(): SocketStats {
    let utterances = 0;
    for (const { running } of this.#sessions) utterances += running;
    return { open: this.#sockets, utterances };
  }

  attach(server: Server): void {
    server.on("upgrade", (request: IncomingMessage, socket: Socket, head: Buffer) => {
      // Nodes before 24.9 do not ask which requests may upgrade.
      if (!isSocketUpgrade(request)) {
        refuse(socket, new SpeechError("not_found", `nothing but ${SOCKET_PATH} is a WebSocket here`));
        return;
      }
      this.#upgrade(request, socket, head).catch((error: unknown) => {
        socket.destroy();
        this.#options.onDefect(error, "upgrade");
      });
    });
  }

  /** Refuses new sockets and utterances; what runs may end within `graceMs`, then it is told and cut. */
  async close({ graceMs }: { readonly graceMs: number }): Promise<void> {
    this.#stopping = true;
    const empty = new Promise<void>((resolve) => {
      this.#onEmpty = resolve;
    });
    if (this.#sockets === 0) this.#onEmpty?.();
    for (const session of [...this.#sessions]) session.drain();
    const stop = setTimeout(() => {
      for (const session of [...this.#sessions]) session.stop();
    }, graceMs);
    await empty;
    clearTimeout(stop);
    clearInterval(this.#watching);
  }

  async #upgrade(request: IncomingMessage, socket: Socket, head: Buffer): Promise<void> {
    const broken = (): void => void socket.destroy();
    socket.on("error", broken);
    const address = socket.remoteAddress ?? "";
    const release = this.#enter(address);
    const gone = new AbortController();
    socket.once("close", () => {
      gone.abort(new SpeechError("caller_gone", "the client left"));
      release();
    });
    try {
      const signal = AbortSignal.any([gone.signal, AbortSignal.timeout(OPENING_TIMEOUT_MS)]);
      this.#check(request, address);
      const caller = await this.#options.identify(request, address, { signal });
      const { user, tenant, plan } = caller;
      const states = await this.#options
        .stateOf({ user, ...(tenant !== undefined && { tenant }), ...(plan !== undefined && { plan }) }, { signal })
        .catch(() => []); // for information only
      if (this.#stopping) throw stoppingError();
      if (socket.destroyed) return;
      socket.off("error", broken);
      this.#server.handleUpgrade(request, socket, head, (webSocket) =>
        this.#open(webSocket, socket, caller, states, requestIdOf(request)),
      );
    } catch (thrown) {
      const error = SpeechError.from(thrown, "internal", "something went wrong here; the log has it");
      if (error.code === "internal") this.#options.onDefect(error.cause ?? error, "upgrade");
      this.#options.onRefused?.(error, requestIdOf(request));
      refuse(socket, error);
    }
  }

  /** Counts a socket in. The result counts it out. */
  #enter(address: string): () => void {
    this.#sockets++;
    this.#addresses.set(address, (this.#addresses.get(address) ?? 0) + 1);
    return () => {
      this.#sockets--;
      const left = (this.#addresses.get(address) ?? 1) - 1;
      if (left > 0) this.#addresses.set(address, left);
      else this.#addresses.delete(address);
      if (this.#sockets === 0) this.#onEmpty?.();
    };
  }

  #check({ headers }: IncomingMessage, address: string): void {
    const { maxSockets, maxPerAddress } = this.#options;
    if (this.#stopping) throw stoppingError();
    if (this.#sockets > maxSockets)
      throw new SpeechError("overloaded", "this server has as many sockets open as it may", { retryAfterMs: 1_000 });
    if (maxPerAddress > 0 && this.#addresses.get(address)! > maxPerAddress)
      throw new SpeechError("too_many_sockets", `more than ${maxPerAddress} sockets from one address`, {
        retryAfterMs: 1_000,
      });
    const offered = headers["sec-websocket-protocol"];
    if (offered !== undefined && !offered.split(",").some((name) => name.trim() === SOCKET_PROTOCOL))
      throw new SpeechError("invalid_request", `the subprotocol spoken here is ${SOCKET_PROTOCOL}; offer it, or none`);
  }

  #open(socket: WebSocket, raw: Socket, caller: Identity, states: readonly WindowState[], requestId: string): void {
    const session = new SocketSession({ socket, raw, caller, requestId, states }, this.#options);
    this.#sessions.add(session);
    socket.once("close", () => {
      this.#sessions.delete(session);
      session.closed();
    });
    this.#watch();
    if (this.#stopping) session.drain();
  }

  #watch(): void {
    if (this.#watching !== undefined) return;
    this.#watching = setInterval(() => this.#look(), WATCH_EVERY_MS / WATCH_TURNS);
    this.#watching.unref();
  }

  #look(): void {
    if (this.#sessions.size === 0) {
      clearInterval(this.#watching);
      this.#watching = undefined;
    }
    this.#turn = (this.#turn + 1) % WATCH_TURNS;
    let at = 0;
    for (const session of this.#sessions) if (at++ % WATCH_TURNS === this.#turn) session.watch();
  }
}

/** The error body before there is a WebSocket; a client that takes none of it is not waited for. */
function refuse(socket: Duplex, error: SpeechError): void {
  if (socket.destroyed) return;
  answerBare(socket, error);
  setTimeout(() => socket.destroy(), CLOSE_GRACE_MS).unref();
}

function requestIdOf({ headers }: IncomingMessage): string {
  const theirs = headers["x-request-id"];
  return typeof theirs === "string" && REQUEST_ID.test(theirs) ? theirs : randomUUID();
}

function stoppingError(): SpeechError {
  return new SpeechError("shutting_down", "this server is stopping; another one will answer", { retryAfterMs: 1_000 });
}
