/** Rough, and said to be: OpenAI's own tokens cannot be counted without its tokenizers. About four characters of English. */
const CHARS_PER_INPUT_TOKEN = 4;
/** OpenAI bills gpt-4o-mini-tts about 20 audio tokens a second; at 15 characters a second that is 4 per 3 characters. */
const OUTPUT_TOKENS_PER_CHAR = 4 / 3;

/**
 * OpenAI's `stream_format: "sse"`: `speech.audio.delta` with base64 audio, then `speech.audio.done` with the usage, whose
 * three fields its clients require; ours are estimates from the length of the text.
 */
export async function* sseEvents(audio: AsyncIterable<Uint8Array>, text: string): AsyncGenerator<string> {
  for await (const chunk of audio) {
    const base64 = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength).toString("base64");
    yield `data: {"type":"speech.audio.delta","audio":"${base64}"}\n\n`;
  }
  const input = Math.ceil(text.length / CHARS_PER_INPUT_TOKEN);
  const output = Math.ceil(text.length * OUTPUT_TOKENS_PER_CHAR);
  const usage = { input_tokens: input, output_tokens: output, total_tokens: input + output };
  yield `data: ${JSON.stringify({ type: "speech.audio.done", usage })}\n\n`;
}
