import type { SegmentOutcome } from "../core/events.ts";
import type { SpokenMark, SpokenWord } from "../core/ports.ts";
import type { SpokenSegment } from "./engine-chain.ts";

/** Who says a segment, and how it was come by. */
export type SegmentInfo = {
  /** As it was prepared: words say where they stand in it. */
  readonly text: string;
  readonly engine: string;
  readonly voice: string;
  readonly outcome: SegmentOutcome;
};

/**
 * A piece of an answer. A `segment` comes first, and what follows belongs to it until its `ended`: its words, on the clock
 * of the whole answer, and the audio of the joined stream. The container's last bytes may come behind the last `ended`.
 */
export type SpeechPart =
  | { readonly type: "segment"; readonly segment: SegmentInfo }
  | { readonly type: "words"; readonly words: readonly SpokenWord[] }
  /** Marks of the text, each as soon as it is known when it is heard; those in silence come outside of any segment. */
  | { readonly type: "marks"; readonly marks: readonly SpokenMark[] }
  /** `untilMs`: how much of the answer can be heard with what was given out so far. */
  | { readonly type: "audio"; readonly audio: Uint8Array; readonly untilMs: number }
  | { readonly type: "ended"; readonly untilMs: number };

export function segmentInfo({ engine, voice, outcome }: SpokenSegment, text: string): SegmentInfo {
  return { text, engine, voice, outcome };
}

/** The audio alone. */
export async function* audioOf(parts: AsyncIterable<SpeechPart>): AsyncGenerator<Uint8Array> {
  for await (const part of parts) if (part.type === "audio") yield part.audio;
}
