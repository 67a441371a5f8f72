import { once } from "node:events";
import { WebSocket } from "ws";

type Json = Record<string, unknown>;

/** A client of a protocol that is JSON both ways; keeps everything that comes, in order. */
export class JsonSocket {
  readonly socket: WebSocket;
  readonly messages: Json[] = [];
  readonly closed: Promise<{ readonly code: number; readonly reason: string }>;
  #wake: (() => void)[] = [];

  constructor(url: string, headers: Record<string, string> = {}) {
    this.socket = new WebSocket(url.replace(/^http/, "ws"), { headers, perMessageDeflate: false });
    this.closed = new Promise((resolve) => {
      this.socket.on("close", (code, reason) => {
        resolve({ code, reason: reason.toString() });
        this.#notify();
      });
    });
    this.socket.on("error", () => {});
    this.socket.on("message", (data: Buffer) => {
      this.messages.push(JSON.parse(data.toString()) as Json);
      this.#notify();
    });
  }

  /** Resolves when it is open; rejects with status and body if it was refused. */
  async open(): Promise<this> {
    const refused = new Promise<never>((_, reject) => {
      this.socket.on("unexpected-response", (__, response) => {
        const chunks: Buffer[] = [];
        response.on("data", (chunk: Buffer) => chunks.push(chunk));
        response.on("end", () => reject(new Error(`${response.statusCode} ${Buffer.concat(chunks).toString()}`)));
      });
    });
    refused.catch(() => {});
    await Promise.race([once(this.socket, "open"), refused]);
    return this;
  }

  send(...messages: Json[]): void {
    for (const message of messages) this.socket.send(JSON.stringify(message));
  }

  /** The first message for which this holds, come already or still to come. */
  async message(fits: (message: Json) => boolean): Promise<Json> {
    for (;;) {
      const found = this.messages.find(fits);
      if (found !== undefined) return found;
      if (this.socket.readyState === WebSocket.CLOSED)
        throw new Error(`closed without it; last: ${JSON.stringify(this.messages.at(-1))?.slice(0, 300)}`);
      await new Promise<void>((resolve) => this.#wake.push(resolve));
    }
  }

  #notify(): void {
    for (const wake of this.#wake.splice(0)) wake();
  }
}
