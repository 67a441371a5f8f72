/** What is heard of an answer as it comes. */
export type ResponseListener = {
  /** The head's lines as they were sent. */
  onHead(status: number, head: string): void;
  /** A piece of the body; lent. */
  onBody(bytes: Buffer): void;
  /** The answer is whole; `reusable`: another may follow on this connection. */
  onEnd(reusable: boolean): void;
};

const MAX_HEAD_BYTES = 64 * 1024;
const NOTHING = Buffer.alloc(0);

/**
 * Reads HTTP/1.1 answers off a connection, one after the other. By hand, because a load generator that is slower than
 * what it measures measures itself: Node's own clients take several times as long for an answer.
 */
export class ResponseReader {
  readonly #listener: ResponseListener;
  #held: Buffer = NOTHING;
  #state: "head" | "length" | "size" | "chunk" | "chunk-end" | "trailer" | "until-close" = "head";
  #left = 0;
  #reusable = true;

  constructor(listener: ResponseListener) {
    this.#listener = listener;
  }

  /** Throws a RangeError for what is no HTTP answer. */
  read(data: Buffer): void {
    let rest = this.#held.length === 0 ? data : Buffer.concat([this.#held, data]);
    this.#held = NOTHING;
    while (rest.length > 0) {
      const taken = this.#take(rest);
      if (taken === 0) {
        if (rest.length > MAX_HEAD_BYTES) throw new RangeError("no HTTP answer");
        this.#held = rest;
        return;
      }
      rest = rest.subarray(taken);
    }
  }

  /** The connection was closed. True: that was the end of the answer. */
  closed(): boolean {
    if (this.#state !== "until-close") return false;
    this.#end();
    return true;
  }

  /** How many bytes of it were understood; 0: more are needed. */
  #take(rest: Buffer): number {
    switch (this.#state) {
      case "head":
        return this.#takeHead(rest);
      case "size":
        return this.#takeLine(rest, (line) => {
          const size = Number.parseInt(line, 16);
          if (!(size >= 0)) throw new RangeError("no chunk");
          this.#left = size;
          this.#state = size === 0 ? "trailer" : "chunk";
        });
      case "chunk-end":
        return this.#takeLine(rest, () => {
          this.#state = "size";
        });
      case "trailer":
        return this.#takeLine(rest, (line) => {
          if (line === "") this.#end();
        });
      default:
        return this.#takeBody(rest);
    }
  }

  #takeHead(rest: Buffer): number {
    const end = rest.indexOf("\r\n\r\n");
    if (end < 0) return 0;
    const head = rest.toString("latin1", 0, end + 2);
    const status = Number(head.slice(9, 12));
    if (!head.startsWith("HTTP/1.") || !(status >= 100)) throw new RangeError("no HTTP answer");
    if (status < 200) return end + 4; // 100 Continue and the like
    this.#listener.onHead(status, head);
    this.#reusable = !/\r\nconnection: *close\r\n/i.test(head) && head.startsWith("HTTP/1.1");
    const length = /\r\ncontent-length: *(\d+)\r\n/i.exec(head)?.[1];
    if (/\r\ntransfer-encoding: *chunked\r\n/i.test(head)) this.#state = "size";
    else if (length === undefined && status !== 204 && status !== 304) this.#state = "until-close";
    else {
      this.#left = Number(length ?? 0);
      this.#state = "length";
      if (this.#left === 0) this.#end();
    }
    return end + 4;
  }

  #takeLine(rest: Buffer, use: (line: string) => void): number {
    const end = rest.indexOf("\r\n");
    if (end < 0) return 0;
    use(rest.toString("latin1", 0, end));
    return end + 2;
  }

  #takeBody(rest: Buffer): number {
    if (this.#state === "until-close") {
      this.#listener.onBody(rest);
      return rest.length;
    }
    const taken = Math.min(rest.length, this.#left);
    this.#listener.onBody(taken === rest.length ? rest : rest.subarray(0, taken));
    this.#left -= taken;
    if (this.#left === 0) {
      if (this.#state === "chunk") this.#state = "chunk-end";
      else this.#end();
    }
    return taken;
  }

  #end(): void {
    const reusable = this.#reusable && this.#state !== "until-close";
    this.#state = "head";
    this.#listener.onEnd(reusable);
  }
}
