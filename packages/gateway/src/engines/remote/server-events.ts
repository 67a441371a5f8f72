/**
 * The data of server-sent events, however the stream is cut. Lines end with LF or CRLF; names, ids and comments are
 * passed over. Throws for an event that is longer than `maxEventBytes`.
 */
export class ServerEvents {
  readonly #maxEventBytes: number;
  readonly #decoder = new TextDecoder();
  #line = "";
  #data: string[] = [];
  #heldBytes = 0;

  constructor({ maxEventBytes }: { readonly maxEventBytes: number }) {
    this.#maxEventBytes = maxEventBytes;
  }

  /** The data of events that these bytes completed. */
  push(bytes: Uint8Array): string[] {
    this.#heldBytes += bytes.byteLength;
    const lines = (this.#line + this.#decoder.decode(bytes, { stream: true })).split("\n");
    this.#line = lines.pop()!;
    const events = lines.flatMap((line) => this.#take(line.endsWith("\r") ? line.slice(0, -1) : line));
    if (events.length > 0)
      this.#heldBytes = this.#line.length + this.#data.reduce((sum, { length }) => sum + length, 0);
    if (this.#heldBytes > this.#maxEventBytes) throw new Error(`an event of more than ${this.#maxEventBytes} bytes`);
    return events;
  }

  #take(line: string): string[] {
    if (line === "") {
      const event = this.#data.splice(0);
      return event.length > 0 ? [event.join("\n")] : [];
    }
    if (line.startsWith("data:")) this.#data.push(line.slice(line[5] === " " ? 6 : 5));
    return [];
  }
}
