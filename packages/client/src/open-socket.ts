import { SOCKET_PROTOCOL } from "@mynah/protocol";

/** Any class with the interface of a browser's WebSocket. It is called with `(url, protocols, { headers })`, as the one of `ws` is. */
export type WebSocketClass = new (url: string, ...rest: never[]) => object;

export type SocketAddress = {
  /** Where the gateway is, with or without a trailing slash; a path in front of `/v1` is kept. */
  baseUrl: string | URL;
  /** Sent as a header, which browsers cannot do: there, give `token`. */
  apiKey?: string;
  /** A short-lived token for the URL. A function is asked anew for every connection. */
  token?: string | (() => string | Promise<string>);
  /** Default: the global one, which browsers and Node 22 have. */
  WebSocket?: WebSocketClass;
};

type Constructor = new (url: string, protocols: unknown, options?: unknown) => WebSocket;

/**
 * Opens one connection. `use` is given it before anything can happen to it: one that fails at once says so just once. Rejects
 * with what `token` rejects with, and when the key cannot be sent from here.
 */
export async function openSocket(
  { baseUrl, apiKey, token, WebSocket: given }: SocketAddress,
  use: (socket: WebSocket) => void,
): Promise<void> {
  const url = new URL(`${String(baseUrl).replace(/\/+$/, "")}/v1/speech/ws`);
  url.protocol = url.protocol.replace("http", "ws");
  if (token !== undefined) url.searchParams.set("token", typeof token === "function" ? await token() : token);
  const headers = apiKey !== undefined && { authorization: `Bearer ${apiKey}` };
  const Socket = (given ?? globalThis.WebSocket) as unknown as Constructor;
  const socket = construct(Socket, String(url), headers, given !== undefined);
  socket.binaryType = "arraybuffer";
  use(socket);
}

function construct(Socket: Constructor, url: string, headers: object | false, given: boolean): WebSocket {
  if (given) return new Socket(url, [SOCKET_PROTOCOL], headers ? { headers } : {});
  if (!headers) return new Socket(url, [SOCKET_PROTOCOL]);
  // Node, Deno and Bun understand this; a browser takes it for the name of a protocol, and throws a SyntaxError.
  return new Socket(url, { protocols: [SOCKET_PROTOCOL], headers });
}
