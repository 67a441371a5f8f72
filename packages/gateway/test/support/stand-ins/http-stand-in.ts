import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { type Delivery, deliver, type Ending } from "./deliver.ts";
import type { Fault, StandIn } from "./fault.ts";

/** One synthesis asked for over HTTP. */
export type HttpCall = {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** The body as it came. */
  readonly text: string;
  /** The parsed JSON body; undefined if it is none. */
  readonly body: Record<string, unknown> | undefined;
  /** What held when the request began. */
  readonly fault: Fault | undefined;
  /** Aborts when the caller has left. */
  readonly signal: AbortSignal;
  /** Settled when the answer is over; true if all of it was sent. */
  readonly completed: Promise<boolean>;
  /** Sends the audio, wrong in the way of the fault, under headers that were written before. */
  deliver(delivery: HttpDelivery): Promise<void>;
};

export type HttpDelivery = Omit<Delivery, "send" | "fault" | "signal"> & {
  /** Default: the call's. */
  readonly fault?: Fault | undefined;
  /** How a piece of audio travels. Default: as it is. */
  readonly wrap?: (audio: Uint8Array, at: number, total: number) => Uint8Array | string;
  /** What comes after the last piece, where the answer is not cut. */
  readonly ending?: () => string;
};

/** What a protocol brings to a stand-in that speaks it over HTTP. */
export type HttpProtocol = {
  /** Whether this request asks for speech; everything else is `other`. */
  readonly isSpeech: (request: IncomingMessage) => boolean;
  readonly speak: (call: HttpCall) => Promise<void>;
  readonly other: (request: IncomingMessage, response: ServerResponse, fault: Fault | undefined) => void;
};

const KEEP_ALIVE_MS = 60_000;

/** A server on a free local port with everything that stand-ins over HTTP have in common. `url` is without a path. */
export async function httpStandIn({ isSpeech, speak, other }: HttpProtocol): Promise<StandIn> {
  const seen = { calls: 0, cancelled: 0, connections: 0 };
  let fault: Fault | undefined;
  let port = 0;
  /** A new one each time: a server of Node's that was closed keeps no connection alive when it listens again. */
  const create = (): Server =>
    createServer({ keepAliveTimeout: KEEP_ALIVE_MS }, (request, response) => {
      if (isSpeech(request)) answer(request, response).catch(() => response.destroy());
      else {
        request.resume();
        other(request, response, fault);
      }
    }).on("connection", () => seen.connections++);
  let server = create();

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    seen.calls++;
    const held = fault;
    let cutByUs = false;
    const gone = new AbortController();
    const completed = once(response, "close").then(() => {
      const whole = response.writableFinished;
      if (!whole && !cutByUs && !closing) seen.cancelled++;
      gone.abort();
      return whole;
    });
    const text = await textOf(request);
    const body = jsonOf(text);
    const deliverHere = async (delivery: HttpDelivery): Promise<void> => {
      const ending = await deliverOver(response, { fault: held, ...delivery, signal: gone.signal });
      if (ending !== "cut") return;
      cutByUs = true;
      response.socket?.destroySoon(); // what was written still leaves, but nothing that says it was all
    };
    await speak({ request, response, text, body, fault: held, signal: gone.signal, completed, deliver: deliverHere });
  }

  let closing = false;
  const listen = async (): Promise<void> => {
    server.listen(port, "127.0.0.1");
    await once(server, "listening");
    port = (server.address() as AddressInfo).port;
  };
  const stop = async (): Promise<void> => {
    if (!server.listening) return;
    closing = true;
    const ended = once(server, "close");
    server.close();
    server.closeAllConnections();
    await ended;
    server = create();
    closing = false;
  };

  await listen();
  return {
    url: `http://127.0.0.1:${port}`,
    async fault(next) {
      fault = next;
      if (next?.kind === "refuse") await stop();
      else if (!server.listening) await listen();
    },
    get calls() {
      return seen.calls;
    },
    get cancelled() {
      return seen.cancelled;
    },
    get connections() {
      return seen.connections;
    },
    close: stop,
  };
}

/** Speaks into the response, in pieces as `wrap` makes them, and ends it as the fault wants. */
async function deliverOver(
  response: ServerResponse,
  { wrap, ending: last, fault, ...delivery }: HttpDelivery & Pick<Delivery, "signal">,
): Promise<Ending> {
  const send = async (audio: Uint8Array, at: number, total: number): Promise<void> => {
    if (response.write(wrap ? wrap(audio, at, total) : audio)) return;
    await Promise.race([once(response, "drain"), once(response, "close")]);
  };
  response.flushHeaders();
  const ending = await deliver({ ...delivery, fault, send });
  if (ending === "end") response.end(last?.());
  return ending;
}

export async function textOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}

function jsonOf(text: string): Record<string, unknown> | undefined {
  try {
    const body: unknown = JSON.parse(text);
    return typeof body === "object" && body !== null ? (body as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

export function sendJson(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
}
