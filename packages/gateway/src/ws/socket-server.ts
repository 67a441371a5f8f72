import { randomUUID } from "node:crypto";
import type { IncomingMessage, Server } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { SocketStats } from "@mynah/protocol";
import { WebSocket, WebSocketServer } from "ws";
import { SpeechError } from "../core/errors.ts";
import type { ClientAddress } from "../http/client-address.ts";
import { answerBare } from "../http/errors.ts";
import type { ForeignAnswer } from "../http/foreign.ts";
import { SocketPaths, type SocketProtocol, type SocketSession } from "./socket-protocol.ts";

export type SocketServerOptions = {
  readonly protocols: readonly SocketProtocol[];
  readonly maxMessageBytes: number;
  readonly maxSockets: number;
  /** 0: no bound. */
  readonly maxPerAddress: number;
  /** Whose socket it is: the peer's, or that of whom a trusted proxy names. */
  readonly addressOf: ClientAddress;
  /** A failure that is ours. */
  readonly onDefect: (error: unknown, requestId: string) => void;
  /** A socket was not opened. `route`: the path of its protocol. */
  readonly onRefused?: (error: SpeechError, requestId: string, route: string) => void;
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

/**
 * The one upgrade handler, for every protocol over a WebSocket: lets callers in, counts their sockets, watches over them
 * and ends them in order. What is said on them is the protocol's business.
 */
export class SocketServer {
  readonly #options: SocketServerOptions;
  readonly #paths: SocketPaths;
  /** One each, for `ws` asks for the subprotocol without telling the path. */
  readonly #servers: ReadonlyMap<SocketProtocol, WebSocketServer>;
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
    this.#paths = new SocketPaths(options.protocols);
    this.#servers = new Map(options.protocols.map((protocol) => [protocol, webSocketServer(protocol, options)]));
  }

  get counts(): SocketStats {
    let utterances = 0;
    for (const { running } of this.#sessions) utterances += running;
    return { open: this.#sockets, utterances };
  }

  /** Whether this request is for us; any other `Upgrade` is answered as plain HTTP. */
  handles({ url = "", headers, method }: IncomingMessage): boolean {
    return method === "GET" && headers.upgrade?.toLowerCase() === "websocket" && this.#paths.find(url) !== undefined;
  }

  attach(server: Server): void {
    server.on("upgrade", (request: IncomingMessage, socket: Socket, head: Buffer) => {
      const found = this.handles(request) ? this.#paths.find(request.url ?? "") : undefined;
      // Nodes before 24.9 do not ask which requests may upgrade.
      if (found === undefined) {
        refuse(socket, new SpeechError("not_found", `WebSockets are at ${this.#paths.paths.join(", ")}`));
        return;
      }
      this.#upgrade({ request, socket, head, ...found }).catch((error: unknown) => {
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

  async #upgrade({ request, socket, head, protocol, params }: Upgrade): Promise<void> {
    const broken = (): void => void socket.destroy();
    socket.on("error", broken);
    const address = this.#options.addressOf(request);
    const requestId = requestIdOf(request);
    const release = this.#enter(address);
    const gone = new AbortController();
    socket.once("close", () => {
      gone.abort(new SpeechError("caller_gone", "the client left"));
      release();
    });
    try {
      const signal = AbortSignal.any([gone.signal, AbortSignal.timeout(OPENING_TIMEOUT_MS)]);
      this.#check(address);
      protocol.choose?.(offeredBy(request));
      const query = new URL(request.url ?? "", "http://localhost").searchParams;
      const open = await protocol.admit({ request, address, requestId, query, params }, { signal });
      if (this.#stopping) throw stoppingError();
      if (socket.destroyed) return;
      socket.off("error", broken);
      this.#servers.get(protocol)!.handleUpgrade(request, socket, head, (webSocket) => {
        this.#opened(webSocket, open({ socket: webSocket, raw: socket }));
      });
    } catch (thrown) {
      const error = SpeechError.from(thrown, "internal", "something went wrong here; the log has it");
      if (error.code === "internal") this.#options.onDefect(error.cause ?? error, requestId);
      this.#options.onRefused?.(error, requestId, protocol.path);
      refuse(socket, error, protocol.foreign?.errorAnswer(error, { requestId, request }));
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

  #check(address: string): void {
    const { maxSockets, maxPerAddress } = this.#options;
    if (this.#stopping) throw stoppingError();
    if (this.#sockets > maxSockets)
      throw new SpeechError("overloaded", "this server has as many sockets open as it may", { retryAfterMs: 1_000 });
    if (maxPerAddress > 0 && this.#addresses.get(address)! > maxPerAddress)
      throw new SpeechError("too_many_sockets", `more than ${maxPerAddress} sockets from one address`, {
        retryAfterMs: 1_000,
      });
  }

  #opened(socket: WebSocket, session: SocketSession): void {
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

type Upgrade = {
  readonly request: IncomingMessage;
  readonly socket: Socket;
  readonly head: Buffer;
  readonly protocol: SocketProtocol;
  readonly params: Readonly<Record<string, string>>;
};

function webSocketServer(protocol: SocketProtocol, { maxMessageBytes }: SocketServerOptions): WebSocketServer {
  return new WebSocketServer({
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false, // audio does not shrink, and each socket would keep a window
    maxPayload: maxMessageBytes,
    closeTimeout: CLOSE_GRACE_MS,
    WebSocket: ReasonedWebSocket,
    handleProtocols: (offered: Set<string>) => protocol.choose?.([...offered]) ?? false,
  } as ConstructorParameters<typeof WebSocketServer>[0]);
}

function offeredBy({ headers }: IncomingMessage): string[] {
  const offered = headers["sec-websocket-protocol"];
  return offered === undefined ? [] : offered.split(",").map((name) => name.trim());
}

/** The error body before there is a WebSocket; a client that takes none of it is not waited for. */
function refuse(socket: Duplex, error: SpeechError, foreign?: ForeignAnswer): void {
  if (socket.destroyed) return;
  answerBare(socket, error, foreign);
  setTimeout(() => socket.destroy(), CLOSE_GRACE_MS).unref();
}

function requestIdOf({ headers }: IncomingMessage): string {
  const theirs = headers["x-request-id"];
  return typeof theirs === "string" && REQUEST_ID.test(theirs) ? theirs : randomUUID();
}

function stoppingError(): SpeechError {
  return new SpeechError("shutting_down", "this server is stopping; another one will answer", { retryAfterMs: 1_000 });
}
