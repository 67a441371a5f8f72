import type { JoinedStream, SpokenWord } from "../core/ports.ts";
import type { SpokenSegment } from "./engine-chain.ts";
import { sayEnd, sayStored } from "./say-segment.ts";
import { type SpeechPart, segmentInfo } from "./speech-part.ts";

/** A segment of an answer that was stored whole. */
export type StoredSegment = { readonly text: string; readonly spoken: Extract<SpokenSegment, { stored: unknown }> };

/** An answer that was stored, segment by segment. Nothing is read of it before it is asked for. */
export async function* storedParts(
  segments: readonly StoredSegment[],
  stream: JoinedStream,
  { words }: { readonly words: boolean },
): AsyncGenerator<SpeechPart> {
  for (const { text, spoken } of segments) {
    yield { type: "segment", segment: segmentInfo(spoken, text) };
    yield* sayStored(spoken.stored, { text, stream, words });
  }
  yield* sayEnd(stream);
}

/** Its words alone. */
export function storedWords(segments: readonly StoredSegment[], stream: JoinedStream): SpokenWord[] {
  return segments
    .flatMap(({ text, spoken }) => [...sayStored(spoken.stored, { text, stream, words: true })])
    .flatMap((part) => (part.type === "words" ? part.words : []));
}
