import { concat } from "../../core/async.ts";

const NEWLINE = 0x0a;

/**
 * JSON values from a stream with one on each line, however the stream is cut. Throws for a line that is longer than
 * `maxLineBytes` or no JSON.
 */
export class JsonLines {
  readonly #maxLineBytes: number;
  /** The beginning of a line whose end has not come yet. */
  #begun: Uint8Array[] = [];
  #begunBytes = 0;

  constructor({ maxLineBytes }: { readonly maxLineBytes: number }) {
    this.#maxLineBytes = maxLineBytes;
  }

  /** The values whose lines these bytes completed. */
  push(bytes: Uint8Array): unknown[] {
    const values: unknown[] = [];
    let from = 0;
    for (let end = bytes.indexOf(NEWLINE); end >= 0; end = bytes.indexOf(NEWLINE, from)) {
      this.#take(bytes.subarray(from, end));
      values.push(...this.finish());
      from = end + 1;
    }
    this.#take(bytes.subarray(from));
    return values;
  }

  /** The last value, if its line had no end. */
  finish(): unknown[] {
    const line = new TextDecoder().decode(concat(this.#begun)).trim();
    this.#begun = [];
    this.#begunBytes = 0;
    return line === "" ? [] : [JSON.parse(line) as unknown];
  }

  #take(bytes: Uint8Array): void {
    this.#begunBytes += bytes.byteLength;
    if (this.#begunBytes > this.#maxLineBytes) throw new Error(`a line of more than ${this.#maxLineBytes} bytes`);
    if (bytes.byteLength > 0) this.#begun.push(bytes);
  }
}
