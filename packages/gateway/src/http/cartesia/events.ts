import type { Clock } from "../../core/clock.ts";
import type { SpeechError } from "../../core/errors.ts";
import type { SpokenWord } from "../../core/ports.ts";
import { errorFields } from "./cartesia.ts";
import { FloatSamples } from "./float-samples.ts";
import type { Output } from "./output-format.ts";

/** "Partial content": all of it but errors. */
const STATUS = 206;
const MAX_CHUNK_BYTES = 24 * 1024;

type Extra = Readonly<Record<string, unknown>>;

/** Makes the events of one answer, as they are sent by SSE and on a socket alike. */
export class CartesiaEvents {
  readonly #named: Extra;
  readonly #clock: Clock;
  readonly #float: FloatSamples | undefined;
  #at: number;

  constructor({ contextId, output, clock }: { contextId: string | undefined; output: Output; clock: Clock }) {
    this.#named = contextId === undefined ? {} : { context_id: contextId };
    this.#clock = clock;
    this.#at = clock.monotonic();
    this.#float = output.float === undefined ? undefined : new FloatSamples();
  }

  *chunks(audio: Uint8Array, extra: Extra = {}): Generator<Extra> {
    const bytes = this.#float?.push(audio) ?? audio;
    for (let at = 0; at < bytes.byteLength; at += MAX_CHUNK_BYTES) {
      const now = this.#clock.monotonic();
      const data = bytes.subarray(at, at + MAX_CHUNK_BYTES);
      yield {
        type: "chunk",
        data: Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString("base64"),
        done: false,
        status_code: STATUS,
        step_time: Math.max(0, now - this.#at),
        ...extra,
        ...this.#named,
      };
      this.#at = now;
    }
  }

  timestamps(words: readonly SpokenWord[], extra: Extra = {}): Extra {
    return {
      type: "timestamps",
      word_timestamps: {
        words: words.map(({ text }) => text),
        start: words.map(({ startMs }) => seconds(startMs)),
        end: words.map(({ endMs }) => seconds(endMs)),
      },
      done: false,
      status_code: STATUS,
      ...extra,
      ...this.#named,
    };
  }

  flushDone(flushId: number): Extra {
    const flushed = { flush_id: flushId, flush_done: true };
    return { type: "flush_done", ...flushed, done: false, status_code: STATUS, ...this.#named };
  }

  done(): Extra {
    return { type: "done", done: true, status_code: STATUS, ...this.#named };
  }
}

export function errorEvent(error: SpeechError, requestId: string, contextId?: string): Extra {
  const { status, fields } = errorFields(error, requestId);
  const named = contextId === undefined ? {} : { context_id: contextId };
  return { type: "error", done: true, status_code: status, ...fields, ...named };
}

function seconds(ms: number): number {
  return Math.round(ms) / 1000;
}
