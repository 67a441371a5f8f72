import type { ServerResponse } from "node:http";
import type { Clock } from "../core/clock.ts";
import { SpeechError } from "../core/errors.ts";

export type LiveViewersOptions = {
  readonly clock: Clock;
  readonly maxViewers?: number;
  /** Who has left so much unread is dropped. */
  readonly maxUnreadBytes?: number;
  /** After that a viewer has to come again, and to show its key again: it may have been revoked. */
  readonly maxViewMs?: number;
};

type Viewer = { readonly response: ServerResponse; readonly sinceMs: number };

/** Ms; what a browser, and our page, waits before it comes again. */
const RETRY_MS = 2_000;

/** Those who watch server-sent events. All get the same bytes; none can hold up another. */
export class LiveViewers {
  readonly #clock: Clock;
  readonly #maxViewers: number;
  readonly #maxUnreadBytes: number;
  readonly #maxViewMs: number;
  readonly #viewers = new Set<Viewer>();
  #closed = false;

  constructor({ clock, maxViewers = 64, maxUnreadBytes = 128 * 1024, maxViewMs = 900_000 }: LiveViewersOptions) {
    this.#clock = clock;
    this.#maxViewers = maxViewers;
    this.#maxUnreadBytes = maxUnreadBytes;
    this.#maxViewMs = maxViewMs;
  }

  get count(): number {
    return this.#viewers.size;
  }

  /** Throws when there is no room for one more. */
  checkRoom(): void {
    if (this.#closed) throw new SpeechError("shutting_down", "this server is stopping");
    if (this.count < this.#maxViewers) return;
    throw new SpeechError("overloaded", `${this.#maxViewers} watch already`, { retryAfterMs: 10_000 });
  }

  /** An answer that has begun, and lasts until one side has had enough. */
  admit(response: ServerResponse, first: Buffer): void {
    const viewer = { response, sinceMs: this.#clock.monotonic() };
    response.write(`retry: ${RETRY_MS}\n\n`);
    response.write(first);
    this.#viewers.add(viewer);
    response.once("close", () => this.#viewers.delete(viewer));
  }

  /** The same bytes to everybody. */
  send(bytes: Buffer): void {
    for (const { response, sinceMs } of this.#viewers) {
      if (response.writableLength > this.#maxUnreadBytes) response.destroy();
      else if (this.#clock.monotonic() - sinceMs > this.#maxViewMs) response.end();
      else response.write(bytes);
    }
  }

  /** Ends all of them, or a server that wants to stop would wait for them. */
  close(): void {
    this.#closed = true;
    for (const { response } of this.#viewers) response.end();
  }
}

/** One server-sent event, as it goes over the wire. */
export function serverSentEvent(name: string, data: unknown): Buffer {
  return Buffer.from(`event: ${name}\ndata: ${JSON.stringify(data)}\n\n`);
}
