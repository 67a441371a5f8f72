import type { Clock } from "../core/clock.ts";
import { type ErrorCode, SpeechError } from "../core/errors.ts";
import type { EventBus } from "../core/events.ts";
import type { Utterance } from "../core/utterance.ts";
import type { SpokenSegment } from "./engine-chain.ts";

export type ReportContext = {
  readonly utterance: Utterance;
  readonly requestId: string;
  readonly startedAt: number;
  readonly characters: number;
  /** Called when the answer is over, however it ended. */
  readonly end: () => void;
};

/** Turns what happens to one answer into events. */
export function reporter(
  events: EventBus,
  clock: Clock,
  { utterance, requestId, startedAt, characters, end }: ReportContext,
) {
  const segments = { hit: 0, miss: 0, coalesced: 0 };
  return {
    segment(this: void, { outcome, engine, characters: length, ...spoken }: SpokenSegment): void {
      segments[outcome]++;
      const durationMs = "stored" in spoken ? spoken.stored.metadata.durationMs : undefined;
      events.emit("segment.delivered", { outcome, engine, characters: length, durationMs });
    },
    async *counted(this: void, audio: AsyncIterable<Uint8Array>, engine: string): AsyncGenerator<Uint8Array> {
      const failed = (code: ErrorCode, error: unknown): void =>
        events.emit("speech.failed", { requestId, subject: utterance.subject, code, error });
      let bytes = 0;
      let over = false;
      try {
        for await (const chunk of audio) {
          bytes += chunk.byteLength;
          yield chunk;
        }
        over = true;
      } catch (error) {
        over = true; // not broken off by the listener
        failed(SpeechError.from(error, "internal", "").code, error);
        throw error;
      } finally {
        if (!over) failed("caller_gone", undefined);
        end();
      }
      const fromCache = segments.miss + segments.coalesced === 0;
      const latencyMs = clock.monotonic() - startedAt;
      const format = utterance.format.name;
      events.emit("speech.delivered", {
        requestId,
        subject: utterance.subject,
        engine,
        format,
        fromCache,
        segments,
        bytes,
        characters,
        latencyMs,
      });
    },
  };
}
