import type { AudioFormat } from "../core/audio-format.ts";
import type { AudioJoiner, SpokenMark, SpokenWord } from "../core/ports.ts";
import type { SpokenSegment } from "./engine-chain.ts";
import type { MadeRest } from "./rests.ts";
import { sayEnd, sayRest, sayStored } from "./say-segment.ts";
import type { SegmentMark } from "./segment.ts";
import { type SpeechPart, segmentInfo } from "./speech-part.ts";

/** A segment of an answer that was stored whole. */
export type StoredSegment = {
  readonly text: string;
  readonly spoken: Extract<SpokenSegment, { stored: unknown }>;
  readonly marks?: readonly SegmentMark[] | undefined;
  /** Silence before it. */
  readonly lead?: MadeRest | undefined;
};

export type StoredAnswerOptions = {
  readonly segments: readonly StoredSegment[];
  /** Silence behind the last. */
  readonly tail?: MadeRest | undefined;
  readonly joiner: AudioJoiner;
  readonly format: AudioFormat;
  /** Whether its parts shall tell words. */
  readonly words: boolean;
};

/** An answer that was stored. Nearly all callers want its bytes alone, so the rest is found out when it is asked for. */
export class StoredAnswer implements AsyncIterable<SpeechPart> {
  /** One behind the other they are the answer. */
  readonly pieces: readonly Uint8Array[];
  readonly byteLength: number;
  readonly durationMs: number;
  readonly #options: StoredAnswerOptions;

  constructor(options: StoredAnswerOptions) {
    const { segments, tail, joiner, format } = options;
    this.#options = options;
    const parts: { readonly audio: Uint8Array; readonly durationMs: number }[] = [];
    for (const { lead, spoken } of segments) {
      if (lead !== undefined) parts.push(lead.silence);
      parts.push({ audio: spoken.stored.audio, durationMs: spoken.stored.metadata.durationMs });
    }
    if (tail !== undefined) parts.push(tail.silence);
    this.durationMs = parts.reduce((sum, { durationMs }) => sum + durationMs, 0);
    this.pieces = joiner.joinClean(
      format,
      parts.map(({ audio }) => audio),
    );
    this.byteLength = this.pieces.reduce((sum, { byteLength }) => sum + byteLength, 0);
  }

  /** In one array: a copy, if there is more than one piece. */
  get bytes(): Uint8Array {
    return this.pieces.length === 1 ? this.pieces[0]! : Buffer.concat(this.pieces, this.byteLength);
  }

  /** The words on the answer's own clock, whether its parts tell them or not. */
  get words(): SpokenWord[] {
    return [...this.#parts(true)].flatMap((part) => (part.type === "words" ? part.words : []));
  }

  /** The marks on the answer's own clock. */
  get marks(): SpokenMark[] {
    return [...this.#parts(false)].flatMap((part) => (part.type === "marks" ? part.marks : []));
  }

  /** Segment by segment. */
  async *[Symbol.asyncIterator](): AsyncGenerator<SpeechPart> {
    yield* this.#parts(this.#options.words);
  }

  *#parts(words: boolean): Generator<SpeechPart> {
    const { segments, tail, joiner, format } = this.#options;
    const stream = joiner.open(format);
    for (const { text, spoken, marks, lead } of segments) {
      if (lead !== undefined) yield* sayRest(lead, stream);
      yield { type: "segment", segment: segmentInfo(spoken, text) };
      yield* sayStored(spoken.stored, { text, marks, stream, words });
    }
    if (tail !== undefined) yield* sayRest(tail, stream);
    yield* sayEnd(stream);
  }
}
