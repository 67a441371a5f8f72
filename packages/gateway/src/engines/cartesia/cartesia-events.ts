import { SpeechError } from "../../core/errors.ts";
import type { SynthesisChunk, WordTime } from "../../core/ports.ts";
import { ServerEvents } from "../remote/server-events.ts";

/** Ten seconds of PCM at 48 kHz in base64. */
const MAX_EVENT_BYTES = 2 * 1024 * 1024;
/** What surrounds a word in the text: they come with their commas. */
const AROUND_A_WORD = /^[^\p{L}\p{N}]+|[^\p{L}\p{N}]+$/gu;

type Event = {
  readonly type?: unknown;
  readonly data?: unknown;
  readonly error_code?: unknown;
  readonly word_timestamps?: { readonly words?: unknown; readonly start?: unknown; readonly end?: unknown } | null;
} | null;

/**
 * Reads events up to `done`: pieces of audio in base64, word times, or why there is no more. Words that come before there
 * is audio are held back. Throws `engine_failed` for a stream that ends without saying that it was all, `engine_no_audio`.
 */
export async function* readSpeechEvents(
  bytes: AsyncIterable<Uint8Array>,
  engine: string,
  signal: AbortSignal,
): AsyncGenerator<SynthesisChunk> {
  const events = new ServerEvents({ maxEventBytes: MAX_EVENT_BYTES });
  let [heard, done] = [false, false];
  let early: WordTime[] = [];
  try {
    for await (const piece of bytes) {
      for (const data of events.push(piece)) {
        const event = JSON.parse(data) as Event;
        if (event?.type === "done") done = true;
        if (event?.type === "error") throw failure(event, engine);
        const { audio, words } = chunkOf(event);
        if (audio === undefined && !heard) early.push(...(words ?? []));
        else if (audio !== undefined || words !== undefined) {
          const all = [...early, ...(words ?? [])];
          early = [];
          heard = true;
          yield { ...(audio && { audio }), ...(all.length > 0 && { words: all }) };
        }
      }
    }
  } catch (thrown) {
    signal.throwIfAborted();
    if (thrown instanceof SpeechError) throw thrown;
    throw new SpeechError("engine_failed", `${engine} sent events that are not understood`, { cause: thrown, engine });
  }
  if (!done) throw new SpeechError("engine_failed", `${engine} broke off`, { engine });
  if (!heard) throw new SpeechError("engine_no_audio", `${engine} answered without audio`, { engine });
}

function failure(event: NonNullable<Event>, engine: string): SpeechError {
  const { error_code: code } = event;
  const because = typeof code === "string" && /^\w{1,64}$/.test(code) ? ` (${code})` : "";
  return new SpeechError("engine_failed", `${engine} broke off${because}`, { engine });
}

function chunkOf(event: Event): SynthesisChunk {
  if (event?.type === "chunk" && typeof event.data === "string") {
    const audio = Buffer.from(event.data, "base64");
    return audio.byteLength > 0 ? { audio } : {};
  }
  if (event?.type !== "timestamps") return {};
  const { words, start, end } = event.word_timestamps ?? {};
  if (!Array.isArray(words) || !Array.isArray(start) || !Array.isArray(end) || words.length !== start.length)
    throw new Error("torn timestamps");
  const times = words.flatMap((word, at) => wordFrom(word, start[at], end[at]));
  return times.length > 0 ? { words: times } : {};
}

function wordFrom(word: unknown, start: unknown, end: unknown): WordTime[] {
  if (typeof word !== "string" || typeof start !== "number" || typeof end !== "number")
    throw new Error("torn timestamps");
  const text = word.replace(AROUND_A_WORD, "");
  return text === "" ? [] : [{ text, startMs: start * 1000, endMs: Math.max(end, start) * 1000 }];
}
