import { concat } from "../core/async.ts";
import type { JoinedStream, SpokenMark, SpokenWord, StoredSpeech, SynthesisChunk } from "../core/ports.ts";
import type { MadeRest } from "./rests.ts";
import type { SegmentMark } from "./segment.ts";
import { SegmentMarks } from "./segment-marks.ts";
import { SegmentWords } from "./segment-words.ts";
import type { SpeechPart } from "./speech-part.ts";

export type SaySegmentOptions = {
  readonly text: string;
  readonly marks?: readonly SegmentMark[] | undefined;
  /** What the segments before it went into. */
  readonly stream: JoinedStream;
  /** Whether words are wanted. */
  readonly words: boolean;
};

/** A stored segment: its words and marks, its audio in one piece, its end. */
export function* sayStored(
  { metadata, audio: stored }: StoredSpeech,
  options: SaySegmentOptions,
): Generator<SpeechPart> {
  const { stream } = options;
  stream.startPart();
  const audio = concat([stream.push(stored), stream.endPart()].filter(({ byteLength }) => byteLength > 0));
  const told = new Told(options);
  if (told.wanted) {
    told.words.addPlaces(metadata.words ?? []);
    yield* told.last();
  }
  yield* heard(audio, stream);
  yield { type: "ended", untilMs: stream.lengthMs };
}

/** A segment that is being made: words, marks and audio as they come. */
export async function* sayLive(
  chunks: AsyncIterable<SynthesisChunk>,
  options: SaySegmentOptions,
): AsyncGenerator<SpeechPart> {
  const { stream } = options;
  const told = new Told(options);
  stream.startPart();
  for await (const chunk of chunks) {
    const audio = chunk.audio && stream.push(chunk.audio);
    if (told.wanted) {
      if (chunk.words !== undefined) told.words.add(chunk.words);
      yield* told.ready();
    }
    if (audio !== undefined) yield* heard(audio, stream);
  }
  const rest = stream.endPart();
  if (told.wanted) yield* told.last();
  yield* heard(rest, stream);
  yield { type: "ended", untilMs: stream.lengthMs };
}

/** Silence, and the marks in it. */
export function* sayRest({ silence, marks }: MadeRest, stream: JoinedStream): Generator<SpeechPart> {
  stream.startPart();
  const audio = concat([stream.push(silence.audio), stream.endPart()].filter(({ byteLength }) => byteLength > 0));
  const fromMs = stream.partStartMs ?? stream.lengthMs;
  yield* reached(marks.map(({ name, atMs }) => ({ name, timeMs: fromMs + atMs })));
  yield* heard(audio, stream);
}

/** What ends the stream behind its last segment. */
export function* sayEnd(stream: JoinedStream): Generator<SpeechPart> {
  yield* heard(stream.finish(), stream);
}

/** What is told of one segment beside its audio. Marks are found by words, whether these are wanted or not. */
class Told {
  readonly words: SegmentWords;
  readonly #marks: SegmentMarks;
  readonly #options: SaySegmentOptions;

  constructor(options: SaySegmentOptions) {
    this.words = new SegmentWords(options.text);
    this.#marks = new SegmentMarks(options.marks);
    this.#options = options;
  }

  get wanted(): boolean {
    return this.#options.words || this.#marks.any;
  }

  ready(): Generator<SpeechPart> {
    return this.#tell(this.words.take(this.#options.stream));
  }

  *last(): Generator<SpeechPart> {
    const { stream } = this.#options;
    yield* this.#tell(this.words.takeLast(stream));
    yield* reached(this.#marks.ended(stream.lengthMs));
  }

  *#tell(words: readonly SpokenWord[]): Generator<SpeechPart> {
    if (words.length === 0) return;
    if (this.#options.words) yield { type: "words", words };
    yield* reached(this.#marks.reached(words));
  }
}

function* heard(audio: Uint8Array, stream: JoinedStream): Generator<SpeechPart> {
  if (audio.byteLength > 0) yield { type: "audio", audio, untilMs: stream.lengthMs };
}

function* reached(marks: readonly SpokenMark[]): Generator<SpeechPart> {
  if (marks.length > 0) yield { type: "marks", marks };
}
