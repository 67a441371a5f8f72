import { concat } from "../core/async.ts";
import type { JoinedStream, SpokenWord, StoredSpeech, SynthesisChunk } from "../core/ports.ts";
import { SegmentWords } from "./segment-words.ts";
import type { SpeechPart } from "./speech-part.ts";

export type SaySegmentOptions = {
  readonly text: string;
  /** What the segments before it went into. */
  readonly stream: JoinedStream;
  /** Whether words are wanted. */
  readonly words: boolean;
};

/** A stored segment: its words, its audio in one piece, its end. */
export function* sayStored(
  { metadata, audio: stored }: StoredSpeech,
  { text, stream, words: wanted }: SaySegmentOptions,
): Generator<SpeechPart> {
  stream.startPart();
  const audio = concat([stream.push(stored), stream.endPart()].filter(({ byteLength }) => byteLength > 0));
  if (wanted) {
    const words = new SegmentWords(text);
    words.addPlaces(metadata.words ?? []);
    yield* some(words.takeLast(stream));
  }
  yield* heard(audio, stream);
  yield { type: "ended", untilMs: stream.lengthMs };
}

/** A segment that is being made: words and audio as they come. */
export async function* sayLive(
  chunks: AsyncIterable<SynthesisChunk>,
  { text, stream, words: wanted }: SaySegmentOptions,
): AsyncGenerator<SpeechPart> {
  const words = new SegmentWords(text);
  stream.startPart();
  for await (const chunk of chunks) {
    const audio = chunk.audio && stream.push(chunk.audio);
    if (wanted) {
      if (chunk.words !== undefined) words.add(chunk.words);
      yield* some(words.take(stream));
    }
    if (audio !== undefined) yield* heard(audio, stream);
  }
  const rest = stream.endPart();
  if (wanted) yield* some(words.takeLast(stream));
  yield* heard(rest, stream);
  yield { type: "ended", untilMs: stream.lengthMs };
}

/** What ends the stream behind its last segment. */
export function* sayEnd(stream: JoinedStream): Generator<SpeechPart> {
  yield* heard(stream.finish(), stream);
}

function* heard(audio: Uint8Array, stream: JoinedStream): Generator<SpeechPart> {
  if (audio.byteLength > 0) yield { type: "audio", audio, untilMs: stream.lengthMs };
}

function* some(words: readonly SpokenWord[]): Generator<SpeechPart> {
  if (words.length > 0) yield { type: "words", words };
}
