import type { AudioFormat } from "../core/audio-format.ts";
import type { StoredSpeech, SynthesisChunk, SynthesisRequest } from "../core/ports.ts";
import type { Notice, Rest } from "../core/script.ts";
import type { ToldSetting } from "../core/speech-settings.ts";
import type { CachePolicy } from "../core/utterance.ts";
import type { FlightTiming } from "./segment-cache.ts";
import type { SegmentRequest } from "./stored-segments.ts";
import type { Candidate } from "./voice-catalogue.ts";

/** A segment before it is known who will say it. */
export type Segment = {
  readonly text: string;
  readonly format: AudioFormat;
  readonly policy: CachePolicy;
  /** Who takes turns in an engine's line. */
  readonly tenant?: string;
  /** Names under which it can be purged. */
  readonly tags?: readonly string[];
  /** Default: interactive. */
  readonly priority?: "interactive" | "warming";
  /** Best first; never empty. */
  readonly candidates: readonly Candidate[];
  /** What each candidate would be asked; the same objects each time a text is planned, so that keys are made once. */
  readonly requests: readonly SynthesisRequest[];
  /** Silence before it. */
  readonly lead?: Rest;
  /** In the order of the text. */
  readonly marks?: readonly SegmentMark[];
  /** What of its pronunciation each candidate is not told. */
  readonly notices?: readonly (readonly Notice[])[];
  /** The same without any phonemes, for an engine that refuses them. */
  readonly spelled?: Segment;
  /** What the caller asked that only an engine can do; what a request lacks of it, its engine cannot be told. */
  readonly told?: readonly ToldSetting[];
};

/** A mark, and the index into the segment's text before which it stands. */
export type SegmentMark = { readonly name: string; readonly at: number };

/** A segment that is being said, or was: its first audio is here. */
export type SpokenSegment = {
  readonly engine: string;
  readonly voice: string;
  readonly characters: number;
  /** What the caller asked and the engine cannot be told; another one could have been, and failed. */
  readonly ignored?: readonly ToldSetting[];
  /** What is not done as it was asked. */
  readonly notices?: readonly Notice[];
} & (
  | { readonly outcome: "hit" | "stale"; readonly stored: StoredSpeech }
  | {
      readonly outcome: "miss" | "coalesced";
      readonly chunks: AsyncIterableIterator<SynthesisChunk>;
      readonly timing: FlightTiming;
    }
);

const NONE: readonly ToldSetting[] = [];

export function spokenBy(
  segment: Segment,
  at: number,
): Pick<SpokenSegment, "engine" | "voice" | "characters" | "ignored" | "notices"> {
  const { engine, voice } = segment.candidates[at]!;
  const ignored = ignoredBy(segment, at);
  const notices = segment.notices?.[at];
  return {
    ...{ engine: engine.name, voice, characters: segment.text.length },
    ...(ignored.length > 0 && { ignored }),
    ...(notices !== undefined && { notices }),
  };
}

/** The segment with this candidate alone. */
export function withOnly(segment: Segment, at: number): Segment {
  const { candidates, requests, notices, spelled } = segment;
  return {
    ...segment,
    ...{ candidates: [candidates[at]!], requests: [requests[at]!] },
    ...(notices !== undefined && { notices: [notices[at]!] }),
    ...(spelled !== undefined && { spelled: withOnly(spelled, at) }),
  };
}

/** Of what was asked, that which the candidate's engine cannot be told. */
export function ignoredBy({ told = NONE, requests }: Segment, at: number): readonly ToldSetting[] {
  return told.length === 0 ? told : told.filter((setting) => requests[at]![setting] === undefined);
}

/** The same as a hit. */
export function storedHit(segment: Segment, at: number, stored: StoredSpeech): SpokenSegment {
  if (ignoredBy(segment, at).length > 0 || segment.notices !== undefined)
    return { ...spokenBy(segment, at), outcome: "hit", stored };
  const { engine, voice } = segment.candidates[at]!;
  return { engine: engine.name, voice, characters: segment.text.length, outcome: "hit", stored };
}

/** What is asked of the cache, and of the candidate's engine if it comes to that. */
export function segmentRequest(segment: Segment, at: number): SegmentRequest {
  const { candidates, requests, policy, tenant, tags, priority } = segment;
  const { engine } = candidates[at]!;
  const request = requests[at]!;
  if (tenant !== undefined && tags === undefined && priority === undefined) return { engine, request, policy, tenant };
  return {
    ...{ engine, request, policy },
    ...(tenant !== undefined && { tenant }),
    ...(tags !== undefined && { tags }),
    ...(priority !== undefined && { priority }),
  };
}
