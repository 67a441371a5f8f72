/** Our SDK in Node: a text to a file, then one that is still being written.   node examples/node-speak.ts "Hello there." hello.mp3 */
import { createWriteStream } from "node:fs";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { connect, createClient, MynahError } from "@mynah/client";

const { MYNAH_URL: baseUrl = "http://127.0.0.1:8080", MYNAH_API_KEY: apiKey } = process.env;
const [text = "Hello there. This was said by Mynah.", file = "hello.mp3"] = process.argv.slice(2);
const gateway = { baseUrl, ...(apiKey && { apiKey }) };

/** Over HTTP: one request, audio as it is made, at the pace of whoever reads it. */
async function speakToFile(): Promise<void> {
  const { audio, cache, engine } = await createClient(gateway).speak({ text, voice: "alloy", format: "mp3" });
  await pipeline(Readable.from(audio), createWriteStream(file));
  console.log(`${file}: ${cache.state}, by ${engine}`);
}

/** Over a socket: the first sentence is spoken while the last one is not yet thought of. */
async function speakWhileWriting(): Promise<void> {
  const socket = connect(gateway);
  try {
    const utterance = socket.stream(thoughts(), { voice: "alloy", format: "wav", words: true });
    utterance.on("words", (words) => console.log(words.map(({ text, startMs }) => `${startMs} ms ${text}`).join(", ")));
    await pipeline(Readable.from(utterance.audio), createWriteStream("streamed.wav"));
    const end = await utterance.done;
    if (end.outcome === "done")
      console.log(`streamed.wav: ${end.durationMs} ms of audio, first after ${end.latencyMs} ms`);
  } finally {
    await socket.close();
  }
}

async function* thoughts(): AsyncGenerator<string> {
  for (const word of "Let me think. A thought is spoken as soon as it is a sentence. And that was all.".split(
    /(?<= )/,
  )) {
    await new Promise((resolve) => setTimeout(resolve, 30));
    yield word;
  }
}

try {
  await speakToFile();
  await speakWhileWriting();
} catch (error) {
  if (!(error instanceof MynahError)) throw error;
  const later = error.retryAfterMs === undefined ? "" : `; try again in ${Math.ceil(error.retryAfterMs / 1000)} s`;
  console.error(`${error.code}: ${error.message}${later}`);
  process.exitCode = 1;
}
