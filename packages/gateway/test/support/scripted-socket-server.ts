import { once } from "node:events";
import type { AddressInfo } from "node:net";
import type { ClientMessage, ServerMessage } from "@mynah/protocol";
import { type WebSocket, WebSocketServer } from "ws";

/** One connection as the script sees it. */
export type ScriptedConnection = {
  readonly url: string;
  readonly headers: NodeJS.Dict<string | string[]>;
  /** Everything the client has said on it, in order. */
  readonly messages: readonly ClientMessage[];
  /** The next message of this type, also one that has come already. Each is given out once. */
  next<Type extends ClientMessage["type"]>(type: Type): Promise<Extract<ClientMessage, { type: Type }>>;
  say(message: ServerMessage): void;
  raw(data: string): void;
  start(id: string, stream: number): void;
  frame(stream: number, bytes: Uint8Array): void;
  done(id: string): void;
  close(code: number, reason?: string): void;
  /** Without a word, as a cut cable. */
  cut(): void;
};

export type ScriptedServer = {
  readonly baseUrl: string;
  readonly connections: readonly ScriptedConnection[];
  /** The next connection; each is given out once. */
  connection(): Promise<ScriptedConnection>;
  stop(): Promise<void>;
};

/** Speaks the socket's protocol as a test tells it to: for what a real gateway does only when it is broken. */
export async function scriptedSocketServer({
  ready = true,
  port = 0,
  maxUtterances = 4,
} = {}): Promise<ScriptedServer> {
  const server = new WebSocketServer({ port, host: "127.0.0.1" });
  await once(server, "listening");
  const connections: ScriptedConnection[] = [];
  const arrivals = queue<ScriptedConnection>();
  server.on("connection", (socket, request) => {
    const connection = scripted(socket, request.url ?? "", request.headers);
    if (ready) connection.say(readyMessage(maxUtterances));
    connections.push(connection);
    arrivals.push(connection);
  });
  return {
    baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    connections,
    connection: () => arrivals.take(() => true),
    async stop() {
      for (const client of server.clients) client.terminate();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

export const readyMessage = (maxUtterances = 4): ServerMessage => ({
  type: "ready",
  protocol: "mynah.v1",
  user: "anonymous",
  limits: [],
  idleTimeoutS: 60,
  maxUtterances,
});

function scripted(socket: WebSocket, url: string, headers: NodeJS.Dict<string | string[]>): ScriptedConnection {
  const messages: ClientMessage[] = [];
  const inbox = queue<ClientMessage>();
  socket.on("message", (data: Buffer) => {
    const message = JSON.parse(data.toString()) as ClientMessage;
    messages.push(message);
    inbox.push(message);
  });
  const say = (message: ServerMessage): void => socket.send(JSON.stringify(message));
  return {
    url,
    headers,
    messages,
    next: <Type extends ClientMessage["type"]>(type: Type) =>
      inbox.take((message) => message.type === type) as Promise<Extract<ClientMessage, { type: Type }>>,
    say,
    raw: (data) => socket.send(data),
    start: (id, stream) =>
      say({ type: "started", id, stream, format: "pcm", sampleRateHz: 24_000, engine: "script", voice: "one" }),
    frame(stream, bytes) {
      const frame = Buffer.alloc(4 + bytes.length);
      frame.writeUInt32BE(stream);
      frame.set(bytes, 4);
      socket.send(frame);
    },
    done: (id) =>
      say({
        type: "done",
        id,
        fromCache: false,
        durationMs: 1,
        bytes: 1,
        latencyMs: 1,
        engine: "script",
        segments: { hit: 0, miss: 1, coalesced: 0, stale: 0 },
      }),
    close: (code, reason) => socket.close(code, reason),
    cut: () => socket.terminate(),
  };
}

function queue<Item>() {
  const items: Item[] = [];
  const waiting: { fits: (item: Item) => boolean; resolve: (item: Item) => void }[] = [];
  return {
    push(item: Item): void {
      const at = waiting.findIndex(({ fits }) => fits(item));
      if (at < 0) items.push(item);
      else waiting.splice(at, 1)[0]!.resolve(item);
    },
    take(fits: (item: Item) => boolean): Promise<Item> {
      const at = items.findIndex(fits);
      if (at >= 0) return Promise.resolve(items.splice(at, 1)[0]!);
      return new Promise((resolve) => waiting.push({ fits, resolve }));
    },
  };
}
