import { SpeechError } from "../../core/errors.ts";
import { JsonLines } from "../remote/json-lines.ts";
import type { WordStart } from "../words-from-starts.ts";

const MAX_LINE_BYTES = 64 * 1024;
/** Of one text; beyond it is a broken server. */
const MAX_WORDS = 20_000;

type Mark = { readonly type?: unknown; readonly time?: unknown; readonly value?: unknown } | null;

/** The words of an answer in speech marks: a line of JSON each. Throws `engine_failed` for what is not understood. */
export async function readSpeechMarks(
  bytes: AsyncIterable<Uint8Array>,
  engine: string,
  signal: AbortSignal,
): Promise<WordStart[]> {
  const lines = new JsonLines({ maxLineBytes: MAX_LINE_BYTES });
  const words: WordStart[] = [];
  const take = (marks: readonly unknown[]): void => {
    for (const mark of marks) {
      const { type, time, value } = (mark ?? {}) as NonNullable<Mark>;
      if (type !== "word" || typeof time !== "number" || typeof value !== "string") continue;
      words.push({ text: value, startMs: time });
      if (words.length > MAX_WORDS) throw new Error("words without end");
    }
  };
  try {
    for await (const piece of bytes) take(lines.push(piece));
    take(lines.finish());
    return words;
  } catch (thrown) {
    signal.throwIfAborted();
    if (thrown instanceof SpeechError && thrown.code === "engine_no_audio") return []; // a text without words
    if (thrown instanceof SpeechError) throw thrown;
    throw new SpeechError("engine_failed", `${engine} sent speech marks that are not understood`, {
      cause: thrown,
      engine,
    });
  }
}
