import { z } from "zod";
import { SpeechError } from "../../core/errors.ts";
import type { SynthesisChunk, WordTime } from "../../core/ports.ts";
import { readBinaryFrame, readTextFrame } from "./frames.ts";
import { unescapedText } from "./ssml.ts";

const TICKS_PER_MS = 10_000;
const ticks = z.number().min(0).max(Number.MAX_SAFE_INTEGER);
const Metadata = z.object({
  Metadata: z.array(
    z.object({
      Type: z.string(),
      Data: z
        .object({
          Offset: ticks,
          Duration: ticks,
          text: z.object({ Text: z.string(), BoundaryType: z.string().optional() }),
        })
        .optional()
        .catch(undefined),
    }),
  ),
});

export type TurnOptions = {
  readonly engine: string;
  /** What its audio must be called. Absent: whatever the service calls it, and who asked looks at its first bytes. */
  readonly contentType?: string;
  /** Of the turn. Frames of another one are an error: a connection that is used again must not mix them up. */
  readonly requestId?: string;
};

/**
 * Reads what the service says to one `ssml` frame, up to its `turn.end`. Word times count from the turn's first sample
 * and are held back until there is audio. Throws `engine_no_audio` for a turn without audio, a plain Error for frames
 * that make no sense, and whatever `messages` throws.
 */
export async function* readTurn(
  messages: AsyncIterable<string | Uint8Array>,
  { engine, contentType, requestId }: TurnOptions,
): AsyncGenerator<SynthesisChunk> {
  let heard = false;
  let early: WordTime[] = [];
  for await (const message of messages) {
    if (typeof message !== "string") {
      const audio = audioOf(message, contentType, requestId);
      if (audio === undefined) continue;
      heard = true;
      yield { audio, ...(early.length > 0 && { words: early }) };
      early = [];
      continue;
    }
    const { headers, body } = readTextFrame(message);
    expectTurn(headers, requestId);
    const path = headers.get("path");
    if (path === "turn.end") break;
    if (path !== "audio.metadata") continue; // turn.start, response, and what may come one day
    const words = wordsOf(body);
    if (!heard) early.push(...words);
    else if (words.length > 0) yield { words };
  }
  if (!heard) throw new SpeechError("engine_no_audio", `${engine} finished without audio`, { engine });
}

/** Undefined for the empty frame that ends the audio: it alone has no type. */
function audioOf(message: Uint8Array, contentType?: string, requestId?: string): Uint8Array | undefined {
  const { headers, body } = readBinaryFrame(message);
  expectTurn(headers, requestId);
  if (headers.get("path") !== "audio") throw new Error("a binary frame that is not audio");
  const type = headers.get("content-type");
  if (type === undefined && body.byteLength === 0) return undefined;
  if (contentType !== undefined && type !== contentType)
    throw new Error(`audio of the type ${type} instead of ${contentType}`);
  if (body.byteLength === 0) throw new Error("an audio frame without audio");
  return body;
}

function expectTurn(headers: ReadonlyMap<string, string>, requestId: string | undefined): void {
  const found = headers.get("x-requestid");
  if (requestId !== undefined && found?.toLowerCase() !== requestId) throw new Error("a frame of another turn");
}

function wordsOf(body: string): WordTime[] {
  return Metadata.parse(JSON.parse(body)).Metadata.flatMap(({ Type, Data }) => {
    if (Type !== "WordBoundary" || Data === undefined || Data.text.BoundaryType === "PunctuationBoundary") return [];
    const { Offset, Duration, text } = Data;
    const [startMs, endMs] = [Offset / TICKS_PER_MS, (Offset + Duration) / TICKS_PER_MS];
    return [{ text: unescapedText(text.Text), startMs, endMs }];
  });
}
