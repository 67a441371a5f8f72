import type { EventBus } from "../core/events.ts";

export type Counters = {
  delivered: number;
  failed: number;
  refused: number;
  hits: number;
  misses: number;
  coalesced: number;
  /** Expired segments that were heard because no engine could speak. */
  stale: number;
  transcoded: number;
  synthesesStarted: number;
  synthesesFinished: number;
  synthesesFailed: number;
  stored: number;
  savedCharacters: number;
  /** Bytes of stored audio that were handed out. */
  savedBytes: number;
  savedAudioMs: number;
};

/** Counts what happens; a listener and nothing more. The returned object changes as it is read. */
export function countEvents(events: EventBus): Readonly<Counters> {
  const counters: Counters = {
    delivered: 0,
    failed: 0,
    refused: 0,
    hits: 0,
    misses: 0,
    coalesced: 0,
    stale: 0,
    transcoded: 0,
    synthesesStarted: 0,
    synthesesFinished: 0,
    synthesesFailed: 0,
    stored: 0,
    savedCharacters: 0,
    savedBytes: 0,
    savedAudioMs: 0,
  };
  events.on("speech.delivered", () => void counters.delivered++);
  events.on("speech.failed", () => void counters.failed++);
  events.on("speech.refused", () => void counters.refused++);
  events.on("segment.delivered", ({ outcome, characters, durationMs, bytes }) => {
    if (outcome === "miss") counters.misses++;
    else if (outcome === "coalesced") counters.coalesced++;
    else if (outcome === "stale") counters.stale++;
    else counters.hits++;
    if (outcome === "miss") return;
    counters.savedCharacters += characters; // the engine was not asked for them again
    counters.savedBytes += bytes ?? 0;
    counters.savedAudioMs += durationMs ?? 0;
  });
  events.on("segment.transcoded", () => void counters.transcoded++);
  events.on("synthesis.started", () => void counters.synthesesStarted++);
  events.on("synthesis.finished", () => void counters.synthesesFinished++);
  events.on("engine.failed", () => void counters.synthesesFailed++);
  events.on("store.written", () => void counters.stored++);
  return counters;
}
