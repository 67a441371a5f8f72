import { primed } from "../core/async.ts";
import type { AudioFormat } from "../core/audio-format.ts";
import { SpeechError } from "../core/errors.ts";
import type { CallOptions, StoredSpeech, SynthesisChunk, SynthesisRequest } from "../core/ports.ts";
import type { CachePolicy } from "../core/utterance.ts";
import type { FlightTiming, SegmentCache, SegmentRequest } from "./segment-cache.ts";
import type { Candidate } from "./voice-catalogue.ts";

/** A segment before it is known who will say it. */
export type Segment = {
  readonly text: string;
  readonly format: AudioFormat;
  readonly policy: CachePolicy;
  /** Who takes turns in an engine's line. */
  readonly tenant?: string;
  /** Best first; never empty. */
  readonly candidates: readonly Candidate[];
  /** What each candidate would be asked; the same objects each time a text is planned, so that keys are made once. */
  readonly requests: readonly SynthesisRequest[];
};

/** A segment that is being said, or was: its first audio is here. */
export type SpokenSegment = {
  readonly engine: string;
  readonly voice: string;
  readonly characters: number;
} & (
  | { readonly outcome: "hit" | "stale"; readonly stored: StoredSpeech }
  | {
      readonly outcome: "miss" | "coalesced";
      readonly chunks: AsyncIterableIterator<SynthesisChunk>;
      readonly timing: FlightTiming;
    }
);

/** Failures that another engine would not mend. */
const FINAL_CODES = new Set(["not_cached", "caller_gone", "shutting_down"]);
const RETRY_AFTER_MS = 1_000;

/**
 * The engines in order, for one segment at a time. Until a segment's first audio the next engine may take over; what it
 * says is cached under its own name, never under that of the engine that failed.
 */
export class EngineChain {
  readonly #cache: SegmentCache;

  constructor({ cache }: { cache: SegmentCache }) {
    this.#cache = cache;
  }

  /** Stored audio of the first candidate: what the caller hears when all is well. */
  async lookup(segment: Segment, options: CallOptions): Promise<SpokenSegment | undefined> {
    const stored = await this.#cache.lookup(segmentRequest(segment, 0), options);
    return stored && { ...spokenBy(segment.candidates[0]!, segment), outcome: "hit", stored };
  }

  /** Resolves with the first audio; expired audio if nobody could speak. Throws `engines_unavailable` when there is none either, or the one engine's own refusal. */
  async speak(segment: Segment, options: CallOptions & { alreadyMissed: boolean }): Promise<SpokenSegment> {
    const failures: SpeechError[] = [];
    for (const [at, candidate] of segment.candidates.entries()) {
      try {
        const speech = await this.#cache.open(segmentRequest(segment, at), {
          signal: options.signal,
          alreadyMissed: options.alreadyMissed && at === 0,
        });
        const spoken = spokenBy(candidate, segment);
        if (speech.outcome === "hit") return { ...spoken, ...speech };
        const chunks = await primed(speech.chunks);
        return { ...spoken, ...speech, chunks, outcome: speech.timing.elsewhere ? "coalesced" : speech.outcome };
      } catch (thrown) {
        options.signal.throwIfAborted();
        const error = SpeechError.from(thrown, "engine_failed", `${candidate.engine.name} failed`);
        if (FINAL_CODES.has(error.code)) throw error;
        failures.push(error);
      }
    }
    const stale = await this.#stale(segment, options);
    if (stale !== undefined) return stale;
    throw unavailable(failures);
  }

  /** What some candidate said before and has expired since: better than nothing. */
  async #stale(segment: Segment, options: CallOptions): Promise<SpokenSegment | undefined> {
    for (const [at, candidate] of segment.candidates.entries()) {
      const stored = await this.#cache.stale(segmentRequest(segment, at), options);
      if (stored !== undefined) return { ...spokenBy(candidate, segment), outcome: "stale", stored };
    }
    return undefined;
  }
}

function spokenBy(
  { engine, voice }: Candidate,
  { text }: Segment,
): { engine: string; voice: string; characters: number } {
  return { engine: engine.name, voice, characters: text.length };
}

function segmentRequest({ candidates, requests, policy, tenant }: Segment, at: number): SegmentRequest {
  return {
    engine: candidates[at]!.engine,
    request: requests[at]!,
    policy,
    ...(tenant !== undefined && { tenant }),
  };
}

function unavailable(failures: readonly SpeechError[]): SpeechError {
  const [first] = failures;
  // A refusal that will not change is told as it is; "try again later" would be a lie.
  if (failures.every(({ retryable }) => !retryable)) return first!;
  const retryAfterMs = Math.max(RETRY_AFTER_MS, ...failures.map(({ details }) => details.retryAfterMs ?? 0));
  const reasons = failures.map(({ details, code }) => `${details.engine ?? "engine"}: ${code}`).join(", ");
  return new SpeechError("engines_unavailable", `no engine could speak (${reasons})`, { cause: first, retryAfterMs });
}
