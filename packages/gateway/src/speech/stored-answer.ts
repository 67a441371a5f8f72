import type { AudioFormat } from "../core/audio-format.ts";
import type { AudioJoiner, SpokenWord } from "../core/ports.ts";
import type { SpokenSegment } from "./engine-chain.ts";
import { sayEnd, sayStored } from "./say-segment.ts";
import { type SpeechPart, segmentInfo } from "./speech-part.ts";

/** A segment of an answer that was stored whole. */
export type StoredSegment = { readonly text: string; readonly spoken: Extract<SpokenSegment, { stored: unknown }> };

export type StoredAnswerOptions = {
  readonly segments: readonly StoredSegment[];
  readonly joiner: AudioJoiner;
  readonly format: AudioFormat;
  /** Whether its parts shall tell words. */
  readonly words: boolean;
};

/** An answer that was stored. Nearly all callers want its bytes alone, so the rest is found out when it is asked for. */
export class StoredAnswer implements AsyncIterable<SpeechPart> {
  readonly bytes: Uint8Array;
  readonly durationMs: number;
  readonly #options: StoredAnswerOptions;

  constructor(options: StoredAnswerOptions) {
    const { segments, joiner, format } = options;
    this.#options = options;
    this.durationMs = segments.reduce((sum, { spoken }) => sum + spoken.stored.metadata.durationMs, 0);
    this.bytes = joiner.joinClean(
      format,
      segments.map(({ spoken }) => spoken.stored.audio),
    );
  }

  /** The words on the answer's own clock, whether its parts tell them or not. */
  get words(): SpokenWord[] {
    const { segments, joiner, format } = this.#options;
    const stream = joiner.open(format);
    return segments
      .flatMap(({ text, spoken }) => [...sayStored(spoken.stored, { text, stream, words: true })])
      .flatMap((part) => (part.type === "words" ? part.words : []));
  }

  /** Segment by segment. */
  async *[Symbol.asyncIterator](): AsyncGenerator<SpeechPart> {
    const { segments, joiner, format, words } = this.#options;
    const stream = joiner.open(format);
    for (const { text, spoken } of segments) {
      yield { type: "segment", segment: segmentInfo(spoken, text) };
      yield* sayStored(spoken.stored, { text, stream, words });
    }
    yield* sayEnd(stream);
  }
}
