import type { Clock } from "../core/clock.ts";
import { type ErrorCode, SpeechError } from "../core/errors.ts";
import type { EventBus, SpeechTimings } from "../core/events.ts";
import type { Utterance } from "../core/utterance.ts";
import type { SpokenSegment } from "./engine-chain.ts";
import type { SpeechPart } from "./speech-part.ts";
import type { Candidate } from "./voice-catalogue.ts";

export type ReportContext = {
  readonly utterance: Utterance;
  readonly requestId: string;
  readonly startedAt: number;
  readonly characters: number;
};

/** Turns what happens to one answer into events. */
export class SpeechReport {
  readonly #events: EventBus;
  readonly #clock: Clock;
  readonly #context: ReportContext;
  /** Who spoke last, of those who could speak as one voice: two voices of one answer may well have two engines. */
  readonly #engines: { readonly cast: unknown; engine: string }[] = [];
  #firstAudioMs = 0;
  readonly #segments = { hit: 0, miss: 0, coalesced: 0, stale: 0 };

  constructor(events: EventBus, clock: Clock, context: ReportContext) {
    this.#events = events;
    this.#clock = clock;
    this.#context = context;
  }

  /** `cast`: who could have spoken it. */
  segment(spoken: SpokenSegment, cast?: readonly Candidate[]): void {
    const { outcome, engine, characters } = spoken;
    this.#segments[outcome]++;
    this.#spokenBy(cast, engine);
    const stored = "stored" in spoken ? spoken.stored : undefined;
    const durationMs = stored?.metadata.durationMs;
    this.#events.emit("segment.delivered", {
      requestId: this.#context.requestId,
      outcome,
      engine,
      characters,
      durationMs,
      bytes: stored?.audio.byteLength,
    });
  }

  /** The first audio is here. `since`: when there was text, if that came later than the request. */
  started(first: SpokenSegment, timings: SpeechTimings, since = this.#context.startedAt): void {
    this.#started(first, timings, this.#clock.monotonic() - since);
  }

  /** All of it is here. */
  whole(first: SpokenSegment, timings: SpeechTimings, bytes: number): void {
    const latencyMs = this.#clock.monotonic() - this.#context.startedAt;
    this.#started(first, timings, latencyMs);
    this.#delivered(bytes, first.engine, latencyMs);
  }

  #started({ engine, outcome }: SpokenSegment, timings: SpeechTimings, firstAudioMs: number): void {
    this.#firstAudioMs = firstAudioMs;
    const { requestId } = this.#context;
    this.#events.emit("speech.started", { requestId, engine, outcome, firstAudioMs, timings });
  }

  #spokenBy(cast: unknown, engine: string): void {
    const known = this.#engines.find((one) => one.cast === cast);
    if (known === undefined) this.#engines.push({ cast, engine });
    else if (known.engine !== engine) {
      this.#events.emit("engine.replaced", { requestId: this.#context.requestId, from: known.engine, to: engine });
      known.engine = engine;
    }
  }

  #delivered(bytes: number, engine: string, latencyMs: number): void {
    const { requestId, utterance, characters } = this.#context;
    const segments = this.#segments;
    this.#events.emit("speech.delivered", {
      requestId,
      subject: utterance.subject,
      engine,
      format: utterance.format.name,
      fromCache: segments.miss + segments.coalesced === 0,
      segments,
      bytes,
      characters,
      firstAudioMs: this.#firstAudioMs,
      latencyMs,
    });
  }

  /** The same parts; their end is reported, whichever it is, and then `over` is called. */
  async *counted(parts: AsyncIterable<SpeechPart>, engine: string, over?: () => void): AsyncGenerator<SpeechPart> {
    let bytes = 0;
    let ended = false;
    try {
      for await (const part of parts) {
        if (part.type === "audio") bytes += part.audio.byteLength;
        yield part;
      }
      ended = true;
      this.#delivered(bytes, engine, this.#clock.monotonic() - this.#context.startedAt);
    } catch (error) {
      ended = true; // by itself, not by the listener
      this.#failed(SpeechError.from(error, "internal", "").code, error);
      throw error;
    } finally {
      if (!ended) this.#failed("caller_gone", undefined);
      over?.();
    }
  }

  #failed(code: ErrorCode, error: unknown): void {
    const { requestId, utterance, startedAt } = this.#context;
    const latencyMs = this.#clock.monotonic() - startedAt;
    this.#events.emit("speech.failed", { requestId, subject: utterance.subject, code, error, latencyMs });
  }
}
