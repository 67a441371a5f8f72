import { once } from "node:events";
import { type ClientMessage, type ServerMessage, SOCKET_PROTOCOL } from "@mynah/protocol";
import { WebSocket } from "ws";

/** What came of one utterance so far, by its `id`. */
export type Heard = {
  readonly started: Extract<ServerMessage, { type: "started" }> | undefined;
  readonly audio: Buffer;
  readonly words: Extract<ServerMessage, { type: "words" }>["words"];
};

type Last = Extract<ServerMessage, { type: "done" | "cancelled" | "error" }>;

/** A client on the `ws` package that keeps everything it gets, in order. */
export class SocketClient {
  readonly socket: WebSocket;
  readonly messages: ServerMessage[] = [];
  /** In order of arrival: messages and frames alike. */
  readonly arrivals: (ServerMessage | { readonly type: "frame"; readonly stream: number; readonly bytes: Buffer })[] =
    [];
  readonly closed: Promise<{ readonly code: number; readonly reason: string }>;
  #wake: (() => void)[] = [];

  constructor(socket: WebSocket) {
    this.socket = socket;
    this.closed = new Promise((resolve) => {
      socket.on("close", (code, reason) => {
        resolve({ code, reason: reason.toString() });
        this.#notify();
      });
    });
    socket.on("error", () => {});
    socket.on("message", (data: Buffer, isBinary) => {
      if (isBinary) this.arrivals.push({ type: "frame", stream: data.readUInt32BE(0), bytes: data.subarray(4) });
      else {
        const message = JSON.parse(data.toString()) as ServerMessage;
        this.messages.push(message);
        this.arrivals.push(message);
      }
      this.#notify();
    });
  }

  /** Also what no client should send. */
  send(message: ClientMessage | Readonly<Record<string, unknown>>): void {
    this.socket.send(JSON.stringify(message));
  }

  /** The first message for which this holds, come already or still to come. */
  async message<T extends ServerMessage["type"]>(
    type: T,
    fits: (message: Extract<ServerMessage, { type: T }>) => boolean = () => true,
  ): Promise<Extract<ServerMessage, { type: T }>> {
    for (;;) {
      const found = this.messages.find((message) => message.type === type && fits(message as never));
      if (found !== undefined) return found as Extract<ServerMessage, { type: T }>;
      if (this.socket.readyState === WebSocket.CLOSED) throw new Error(`closed without "${type}"`);
      await new Promise<void>((resolve) => this.#wake.push(resolve));
    }
  }

  /** The last message of an utterance. */
  async last(id: string): Promise<Last> {
    for (;;) {
      const found = this.messages.find(
        (message): message is Last =>
          ["done", "cancelled", "error"].includes(message.type) && (message as Last).id === id,
      );
      if (found !== undefined) return found;
      if (this.socket.readyState === WebSocket.CLOSED) throw new Error(`closed before "${id}" was over`);
      await new Promise<void>((resolve) => this.#wake.push(resolve));
    }
  }

  /** Waits until there are audio bytes of this utterance. */
  async audible(id: string): Promise<void> {
    while (this.heard(id).audio.length === 0) await new Promise<void>((resolve) => this.#wake.push(resolve));
  }

  heard(id: string): Heard {
    const started = this.messages.find(
      (message): message is NonNullable<Heard["started"]> => message.type === "started" && message.id === id,
    );
    const frames = this.arrivals.flatMap((arrival) =>
      arrival.type === "frame" && arrival.stream === started?.stream ? [arrival.bytes] : [],
    );
    const words = this.messages.flatMap((message) =>
      message.type === "words" && message.id === id ? message.words : [],
    );
    return { started, audio: Buffer.concat(frames), words };
  }

  #notify(): void {
    for (const wake of this.#wake.splice(0)) wake();
  }
}

export type ConnectOptions = {
  readonly headers?: Record<string, string>;
  readonly query?: string;
  readonly protocols?: readonly string[];
};

/** Rejects with the status if the gateway does not upgrade. */
export async function connectSocket(
  { url }: { readonly url: string },
  { headers = {}, query = "", protocols = [SOCKET_PROTOCOL] }: ConnectOptions = {},
): Promise<SocketClient> {
  const socket = new WebSocket(`${url.replace("http", "ws")}/v1/speech/ws${query}`, [...protocols], {
    headers,
    perMessageDeflate: false,
  });
  const client = new SocketClient(socket);
  const refused = new Promise<never>((_, reject) => {
    socket.on("unexpected-response", (__, response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("end", () => reject(new Error(`${response.statusCode} ${Buffer.concat(chunks).toString()}`)));
    });
    socket.on("error", reject);
  });
  refused.catch(() => {});
  await Promise.race([once(socket, "open"), refused]);
  return client;
}
