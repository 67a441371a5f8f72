import type { SpokenMark } from "../../core/ports.ts";
import type { Speech } from "../../speech/speak.ts";

/** Rough, and said to be: OpenAI's own tokens cannot be counted without its tokenizers. About four characters of English. */
const CHARS_PER_INPUT_TOKEN = 4;
/** OpenAI bills gpt-4o-mini-tts about 20 audio tokens a second; at 15 characters a second that is 4 per 3 characters. */
const OUTPUT_TOKENS_PER_CHAR = 4 / 3;

/**
 * OpenAI's `stream_format: "sse"`: `speech.audio.delta` with base64 audio, then `speech.audio.done` with the usage, whose
 * three fields its clients require; ours are estimates from the length of the text. Marks of an SSML text are events of
 * our own in between, `speech.audio.mark`.
 */
export async function* sseEvents(
  speech: Pick<Speech, "audio" | "parts" | "marked" | "characters">,
): AsyncGenerator<string> {
  if (!speech.marked) for await (const chunk of speech.audio) yield delta(chunk);
  else
    for await (const part of speech.parts) {
      if (part.type === "audio") yield delta(part.audio);
      else if (part.type === "marks") yield part.marks.map(mark).join("");
    }
  const input = Math.ceil(speech.characters / CHARS_PER_INPUT_TOKEN);
  const output = Math.ceil(speech.characters * OUTPUT_TOKENS_PER_CHAR);
  const usage = { input_tokens: input, output_tokens: output, total_tokens: input + output };
  yield `data: ${JSON.stringify({ type: "speech.audio.done", usage })}\n\n`;
}

function delta(chunk: Uint8Array): string {
  const base64 = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength).toString("base64");
  return `data: {"type":"speech.audio.delta","audio":"${base64}"}\n\n`;
}

function mark({ name, timeMs, estimated }: SpokenMark): string {
  const event = { type: "speech.audio.mark", name, time_ms: Math.round(timeMs), ...(estimated && { estimated }) };
  return `data: ${JSON.stringify(event)}\n\n`;
}
