/** SSML and a dialogue, each one answer (docs/ssml.md).   node examples/ssml.ts */
import { createWriteStream } from "node:fs";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { connect, MynahError, type Utterance } from "@mynah/client";

const { MYNAH_URL: baseUrl = "http://127.0.0.1:8080", MYNAH_API_KEY: apiKey } = process.env;
const socket = connect({ baseUrl, ...(apiKey && { apiKey }) });

/** The price lights up on the page while it is heard: a mark says when. */
const OFFER = `<speak>
  Your flight to <phoneme alphabet="ipa" ph="ˈtɒlɪn">Tallinn</phoneme> leaves on <say-as interpret-as="date" format="mdy">5/17/2027</say-as>.
  <break time="400ms"/>
  It is <mark name="price"/>ninety euros<mark name="after"/>, <prosody rate="80%">luggage not included.</prosody>
</speak>`;

async function save(utterance: Utterance, file: string): Promise<void> {
  await pipeline(Readable.from(utterance.audio), createWriteStream(file));
  const end = await utterance.done;
  if (end.outcome === "done") console.log(`${file}: ${end.durationMs} ms of audio`);
}

try {
  const offer = socket.speak({ text: OFFER, inputType: "ssml", voice: "alloy", format: "wav" });
  offer.on("started", ({ notices = [] }) => {
    // Not every engine takes phonemes: what is not done as it was asked is said.
    for (const { line, column, message } of notices) console.log(`note: line ${line}, column ${column}: ${message}`);
  });
  offer.on("marks", (marks) => {
    for (const { name, timeMs } of marks) console.log(`${name} at ${Math.round(timeMs)} ms`);
  });
  await save(offer, "offer.wav");

  const turns = [
    { text: "Is there a window seat left?", voice: "nova" },
    { text: "Two of them. Shall I book one?", voice: "onyx", speed: 1.1 },
    { text: "Yes, please.", voice: "nova" },
  ];
  await save(socket.speak({ turns, turnPauseMs: 500, format: "mp3" }), "dialogue.mp3");
} catch (error) {
  if (!(error instanceof MynahError)) throw error;
  console.error(`${error.code}: ${error.message}`);
  process.exitCode = 1;
} finally {
  await socket.close();
}
