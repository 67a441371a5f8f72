import type { AudioFormatName } from "./audio-format.ts";
import type { ErrorCode } from "./errors.ts";

/** How one segment was come by. */
export type SegmentOutcome = "hit" | "miss" | "coalesced" | "stale";

/** Milliseconds of ours and the engine's until the first audio, in the order in which they pass. */
export type SpeechTimings = {
  readonly limitMs: number;
  readonly cacheMs: number;
  readonly engineMs: number;
  readonly transcodeMs: number;
};

/** Everything that metrics, statistics and logs may know. Never spoken text: these go to places that keep things. */
export type SpeechEvents = {
  /** A request came that says, as W3C Trace Context, whose part it is. Only told where traces are kept. */
  "request.received": {
    readonly requestId: string;
    readonly traceparent: string;
    readonly tracestate: string | undefined;
  };
  /** An answer's first audio is here. `outcome`: of the first segment, which is what it waited for. */
  "speech.started": {
    readonly requestId: string;
    readonly engine: string;
    readonly outcome: SegmentOutcome;
    /** Since there was text to be spoken. */
    readonly firstAudioMs: number;
    readonly timings: SpeechTimings;
  };
  /** One request was answered to its end. */
  "speech.delivered": {
    readonly requestId: string;
    readonly subject: string;
    readonly engine: string;
    readonly format: AudioFormatName;
    readonly fromCache: boolean;
    readonly segments: Readonly<Record<SegmentOutcome, number>>;
    readonly bytes: number;
    readonly characters: number;
    readonly firstAudioMs: number;
    /** To the end of the audio. */
    readonly latencyMs: number;
  };
  "speech.failed": {
    readonly requestId: string;
    readonly subject: string;
    readonly code: ErrorCode;
    readonly error: unknown;
    readonly latencyMs: number;
  };
  "speech.refused": {
    readonly requestId: string;
    readonly subject: string;
    readonly window: string;
    readonly latencyMs: number;
  };
  /** A request, or a socket that was to be opened, was answered with an error; by speech or before anybody spoke. */
  "error.answered": {
    readonly requestId: string;
    /** As it was registered, never as it was asked for: that may hold the text. */
    readonly route: string;
    readonly code: ErrorCode;
    readonly error: unknown;
  };
  "segment.delivered": {
    readonly requestId: string;
    readonly outcome: SegmentOutcome;
    readonly engine: string;
    readonly characters: number;
    readonly durationMs: number | undefined;
    /** Of stored audio; undefined while it is still being made. */
    readonly bytes: number | undefined;
  };
  /** A synthesis at the engine began; the one thing that costs money. */
  "synthesis.started": { readonly engine: string; readonly characters: number };
  "synthesis.finished": {
    readonly engine: string;
    readonly firstAudioMs: number;
    readonly totalMs: number;
    readonly bytes: number;
  };
  /** Who makes a segment was settled between the servers; `takenOver`: because the server that made it is gone. */
  "flight.boarded": {
    readonly engine: string;
    readonly role: "leader" | "follower" | "alone";
    readonly takenOver: boolean;
  };
  "engine.failed": {
    readonly engine: string;
    readonly code: ErrorCode;
    readonly error: unknown;
    /** Since it was called. */
    readonly afterMs: number;
  };
  /** An engine's breaker opened or closed. `forMs`: until somebody may look whether it is well again. */
  "breaker.changed": { readonly engine: string; readonly state: "open" | "closed"; readonly forMs: number };
  /** A second engine was asked because the first took longer than it usually does. */
  "engine.hedged": { readonly engine: string; readonly by: string; readonly afterMs: number };
  /** Within one answer, the next segment is spoken by another engine. */
  "engine.replaced": { readonly requestId: string; readonly from: string; readonly to: string };
  /** Audio was made from a cached other format instead of by the engine. */
  "segment.transcoded": { readonly from: AudioFormatName; readonly to: AudioFormatName };
  "store.failed": { readonly op: "get" | "set" | "has" | "delete" | "clear" | "renew"; readonly error: unknown };
  /** Finished audio was not stored, and why. */
  "store.skipped": { readonly reason: "rejected" | "failed"; readonly error: unknown };
  "store.written": { readonly bytes: number; readonly engine: string };
};

export type SpeechEventName = keyof SpeechEvents;
type Listener<Name extends SpeechEventName> = (event: SpeechEvents[Name]) => void;

/** A typed emitter whose listeners can break nothing but themselves. */
export class EventBus {
  /** Made anew for each change, so that one that leaves while it is told disturbs nobody. */
  readonly #listeners = new Map<SpeechEventName, readonly ((event: never) => void)[]>();
  readonly #onListenerError: (error: unknown) => void;

  constructor({ onListenerError = () => {} }: { onListenerError?: (error: unknown) => void } = {}) {
    this.#onListenerError = onListenerError;
  }

  /** Listens until the returned function is called. */
  on<Name extends SpeechEventName>(name: Name, listener: Listener<Name>): () => void {
    const others = (): readonly ((event: never) => void)[] =>
      (this.#listeners.get(name) ?? []).filter((other) => other !== listener);
    this.#listeners.set(name, [...others(), listener]);
    return () => void this.#listeners.set(name, others());
  }

  emit<Name extends SpeechEventName>(name: Name, event: SpeechEvents[Name]): void {
    const listeners = this.#listeners.get(name) as readonly Listener<Name>[] | undefined;
    if (listeners === undefined) return;
    for (const listener of listeners) {
      try {
        listener(event);
      } catch (error) {
        this.#onListenerError(error);
      }
    }
  }
}
