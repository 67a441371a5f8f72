import { isUtf8 } from "node:buffer";
import { SpeechError } from "../core/errors.ts";
import type { WyomingEvent } from "./events.ts";

export type EventBounds = {
  /** Of a line, and of the data behind it. */
  readonly maxEventBytes: number;
  readonly maxPayloadBytes: number;
};

type Header = {
  readonly type: string;
  readonly data: object;
  readonly dataLength: number;
  readonly payloadLength: number;
};

const NEWLINE = 10;

/**
 * Takes events out of a stream of bytes, however it is cut. Data may stand within the line, in a block behind it, or in
 * both; then the block's fields win. Payloads are passed over as they come. Holds one event at most.
 */
export class EventReader {
  readonly #bounds: EventBounds;
  #held: Buffer[] = [];
  #heldBytes = 0;
  /** Read, while its data is still to come. */
  #header: Header | undefined;
  /** Of a payload. */
  #toSkip = 0;

  constructor(bounds: EventBounds) {
    this.#bounds = bounds;
  }

  /** The events that are complete with these bytes. Throws for what is not the protocol; nothing can be read after that. */
  *read(bytes: Buffer): Generator<WyomingEvent> {
    let rest = bytes;
    while (rest.length > 0) {
      if (this.#toSkip > 0) {
        const skipped = Math.min(this.#toSkip, rest.length);
        this.#toSkip -= skipped;
        rest = rest.subarray(skipped);
      } else if (this.#header === undefined) {
        const end = rest.indexOf(NEWLINE);
        this.#hold(end < 0 ? rest : rest.subarray(0, end));
        if (end < 0) return;
        rest = rest.subarray(end + 1);
        const header = this.#headerOf(objectOf(this.#take(), "event"));
        if (header.dataLength > 0) this.#header = header;
        else yield this.#whole(header, {});
      } else {
        const part = rest.subarray(0, this.#header.dataLength - this.#heldBytes);
        this.#hold(part);
        rest = rest.subarray(part.length);
        if (this.#heldBytes < this.#header.dataLength) return;
        yield this.#whole(this.#header, objectOf(this.#take(), "event's data"));
      }
    }
  }

  #whole({ type, data, payloadLength }: Header, block: object): WyomingEvent {
    this.#header = undefined;
    this.#toSkip = payloadLength;
    return { type, data: { ...data, ...block } };
  }

  #headerOf({ type, data, data_length, payload_length }: Readonly<Record<string, unknown>>): Header {
    if (typeof type !== "string")
      throw new SpeechError("invalid_request", `an event's "type" is a string`, { param: "type" });
    if (data !== undefined && data !== null && (typeof data !== "object" || Array.isArray(data)))
      throw new SpeechError("invalid_request", `an event's "data" is an object`, { param: "data" });
    const { maxEventBytes, maxPayloadBytes } = this.#bounds;
    return {
      type,
      data: data ?? {},
      dataLength: lengthOf("data_length", data_length, maxEventBytes),
      payloadLength: lengthOf("payload_length", payload_length, maxPayloadBytes),
    };
  }

  #hold(bytes: Buffer): void {
    this.#heldBytes += bytes.length;
    const { maxEventBytes } = this.#bounds;
    if (this.#heldBytes > maxEventBytes)
      throw new SpeechError("body_too_large", `an event's line has ${maxEventBytes} bytes at most`);
    if (bytes.length > 0) this.#held.push(bytes);
  }

  #take(): Buffer {
    const bytes = Buffer.concat(this.#held);
    this.#held = [];
    this.#heldBytes = 0;
    return bytes;
  }
}

function objectOf(bytes: Buffer, what: string): Record<string, unknown> {
  if (!isUtf8(bytes)) throw new SpeechError("invalid_json", `the ${what} is not valid UTF-8`);
  let value: unknown;
  try {
    value = JSON.parse(bytes.toString("utf8"));
  } catch (cause) {
    throw new SpeechError("invalid_json", `the ${what} is not valid JSON`, { cause });
  }
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw new SpeechError("invalid_json", `the ${what} is not a JSON object`);
  return value as Record<string, unknown>;
}

/** Absent and null: none. */
function lengthOf(name: string, value: unknown, max: number): number {
  if (value === undefined || value === null) return 0;
  if (typeof value !== "number" || !Number.isInteger(value) || value < 0)
    throw new SpeechError("invalid_request", `"${name}" is a number of bytes`, { param: name });
  if (value > max) throw new SpeechError("body_too_large", `"${name}" may be ${max} at most`, { param: name });
  return value;
}
