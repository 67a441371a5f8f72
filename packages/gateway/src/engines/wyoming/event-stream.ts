import { concat } from "../../core/async.ts";

export type ReceivedEvent = {
  readonly type: string;
  readonly data: Readonly<Record<string, unknown>>;
  readonly payload: Uint8Array;
};

const NEWLINE = 0x0a;
/** `info` of a server with hundreds of voices has some hundred kilobytes. */
const MAX_PART_BYTES = 4 * 1024 * 1024;

type Header = {
  readonly type: string;
  readonly data: object;
  readonly dataBytes: number;
  readonly payloadBytes: number;
};

/**
 * Events of the Wyoming protocol out of a stream, however it is cut: a line of JSON, then as many bytes of JSON and of
 * payload as it says. Data may stand in the line, in the block or in both; the block's fields win. Throws a plain Error
 * for what is not the protocol.
 */
export class EventStream {
  #held: Uint8Array[] = [];
  #heldBytes = 0;
  #header: Header | undefined;

  *push(bytes: Uint8Array): Generator<ReceivedEvent> {
    let rest = bytes;
    while (rest.byteLength > 0) {
      if (this.#header === undefined) {
        const end = rest.indexOf(NEWLINE);
        this.#hold(end < 0 ? rest : rest.subarray(0, end));
        if (end < 0) return;
        rest = rest.subarray(end + 1);
        this.#header = headerOf(this.#take());
      } else {
        const missing = this.#header.dataBytes + this.#header.payloadBytes - this.#heldBytes;
        this.#hold(rest.subarray(0, missing));
        rest = rest.subarray(Math.min(missing, rest.byteLength));
      }
      if (this.#isWhole()) yield this.#event(this.#header!);
    }
  }

  #isWhole(): boolean {
    return this.#header !== undefined && this.#heldBytes === this.#header.dataBytes + this.#header.payloadBytes;
  }

  #event({ type, data, dataBytes }: Header): ReceivedEvent {
    const behind = this.#take();
    this.#header = undefined;
    const block = dataBytes > 0 ? objectOf(behind.subarray(0, dataBytes)) : {};
    return { type, data: { ...data, ...block }, payload: behind.subarray(dataBytes) };
  }

  #hold(bytes: Uint8Array): void {
    this.#heldBytes += bytes.byteLength;
    if (this.#heldBytes > MAX_PART_BYTES) throw new Error(`an event of more than ${MAX_PART_BYTES} bytes`);
    if (bytes.byteLength > 0) this.#held.push(bytes);
  }

  #take(): Uint8Array {
    const all = concat(this.#held);
    this.#held = [];
    this.#heldBytes = 0;
    return all;
  }
}

function headerOf(line: Uint8Array): Header {
  const { type, data, data_length, payload_length } = objectOf(line);
  if (typeof type !== "string") throw new Error("an event without a type");
  const [dataBytes, payloadBytes] = [lengthOf(data_length), lengthOf(payload_length)];
  if (dataBytes + payloadBytes > MAX_PART_BYTES) throw new Error(`an event of more than ${MAX_PART_BYTES} bytes`);
  return { type, data: typeof data === "object" && data !== null ? data : {}, dataBytes, payloadBytes };
}

function lengthOf(value: unknown): number {
  if (value === undefined || value === null) return 0;
  if (typeof value === "number" && Number.isInteger(value) && value >= 0) return value;
  throw new Error("a length that is none");
}

function objectOf(bytes: Uint8Array): Record<string, unknown> {
  const value: unknown = JSON.parse(new TextDecoder().decode(bytes));
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw new Error("JSON that is no object");
}
