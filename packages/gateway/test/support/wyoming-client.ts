import { connect, type Socket } from "node:net";

export type ReceivedEvent = {
  readonly type: string;
  readonly data: Record<string, unknown>;
  readonly payload: Buffer | undefined;
};

/** Python's StreamReader gives up on a longer line, and with it every client of the reference library. */
const MAX_LINE_BYTES = 64 * 1024;

/**
 * A client as the reference library's (OHF-Voice/wyoming, event.py): it writes data in a block behind the line, reads
 * either form, takes no line above 64 KiB, and takes anything that is not JSON for a lost connection.
 */
export class WyomingClient {
  readonly socket: Socket;
  readonly closed: Promise<void>;
  #buffer: Buffer = Buffer.alloc(0);
  #ended = false;
  #wake: (() => void) | undefined;

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on("data", (bytes: Buffer) => {
      this.#buffer = Buffer.concat([this.#buffer, bytes]);
      this.#wake?.();
    });
    const over = (): void => {
      this.#ended = true;
      this.#wake?.();
    };
    socket.on("end", over).on("error", over);
    this.closed = new Promise((resolve) => socket.once("close", () => resolve()));
  }

  static async connect(port: number, { host = "127.0.0.1" } = {}): Promise<WyomingClient> {
    const socket = connect({ port, host, noDelay: true });
    const client = new WyomingClient(socket);
    await new Promise((resolve, reject) => socket.once("connect", resolve).once("error", reject));
    return client;
  }

  /** As the reference writes it. */
  write(type: string, data?: Record<string, unknown>): void {
    const block = data === undefined ? undefined : Buffer.from(JSON.stringify(data));
    const line = { type, version: "1.7.2", ...(block && { data_length: block.length }) };
    this.socket.write(Buffer.concat([Buffer.from(`${JSON.stringify(line)}\n`), block ?? Buffer.alloc(0)]));
  }

  /** As the first versions wrote it, and people do by hand. */
  writeInline(type: string, data?: Record<string, unknown>): void {
    this.socket.write(`${JSON.stringify({ type, ...(data && { data }) })}\n`);
  }

  /** The next event; undefined: the connection was lost. */
  async read(): Promise<ReceivedEvent | undefined> {
    const line = await this.#line();
    if (line === undefined) return undefined;
    const {
      type,
      data = {},
      data_length = 0,
      payload_length = 0,
    } = JSON.parse(line) as {
      type: string;
      data?: Record<string, unknown>;
      data_length?: number;
      payload_length?: number;
    };
    const block = data_length > 0 ? await this.#exactly(data_length) : undefined;
    const payload = payload_length > 0 ? await this.#exactly(payload_length) : undefined;
    return { type, data: { ...data, ...(block && (JSON.parse(block.toString()) as object)) }, payload };
  }

  /** Everything up to an event of this type, or to the end. */
  async until(last: string): Promise<ReceivedEvent[]> {
    const events: ReceivedEvent[] = [];
    for (let event = await this.read(); event !== undefined; event = await this.read()) {
      events.push(event);
      if (event.type === last) break;
    }
    return events;
  }

  async #line(): Promise<string | undefined> {
    for (;;) {
      const end = this.#buffer.indexOf(10);
      if (end > MAX_LINE_BYTES || (end < 0 && this.#buffer.length > MAX_LINE_BYTES))
        throw new Error("the line is longer than a Python client reads");
      if (end >= 0) {
        const line = this.#buffer.toString("utf8", 0, end);
        this.#buffer = this.#buffer.subarray(end + 1);
        return line;
      }
      if (this.#ended) return undefined;
      await this.#more();
    }
  }

  async #exactly(length: number): Promise<Buffer> {
    while (this.#buffer.length < length) {
      if (this.#ended) throw new Error("the connection ended within an event");
      await this.#more();
    }
    const bytes = this.#buffer.subarray(0, length);
    this.#buffer = this.#buffer.subarray(length);
    return bytes;
  }

  #more(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }
}

/** What Home Assistant makes of an answer: the format that `audio-start` says, and the samples. */
export function heard(events: readonly ReceivedEvent[]) {
  const start = events.find(({ type }) => type === "audio-start")?.data;
  const pcm = Buffer.concat(
    events.flatMap(({ type, payload }) => (type === "audio-chunk" && payload ? [payload] : [])),
  );
  return { start, pcm, types: events.map(({ type }) => type).filter((type, at, all) => type !== all[at - 1]) };
}
