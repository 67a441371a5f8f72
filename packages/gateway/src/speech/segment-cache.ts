import { only } from "../core/async.ts";
import { type AudioFormat, isLossless, sameFormat } from "../core/audio-format.ts";
import { type CacheKey, cacheKey, type Sha256Hex, type SpeechIdentity } from "../core/cache-key.ts";
import type { Clock } from "../core/clock.ts";
import { SpeechError } from "../core/errors.ts";
import type { EventBus } from "../core/events.ts";
import type {
  AudioJoiner,
  AudioStore,
  CallOptions,
  SpeechEngine,
  SpeechMetadata,
  StoredSpeech,
  SynthesisChunk,
  SynthesisRequest,
  Transcoder,
} from "../core/ports.ts";
import type { CachePolicy } from "../core/utterance.ts";
import type { EngineCall } from "./engine-call.ts";
import { examine } from "./examine.ts";
import type { SharedFlights } from "./flight.ts";
import { nearlyDone } from "./nearly-done.ts";
import { SharedSynthesis, type Synthesized } from "./shared-synthesis.ts";
import { delayed, transcoded } from "./transcoded.ts";
import { wordsAt } from "./word-places.ts";

/** One segment, for one engine, in one format (`request.wanted`). */
export type SegmentRequest = {
  readonly engine: SpeechEngine;
  readonly request: SynthesisRequest;
  readonly policy: CachePolicy;
  /** Whose turn it takes in an engine's line, if it has to be made. */
  readonly tenant?: string;
};

/** A segment's audio: stored and whole, or a reader on a running synthesis. */
export type FlightTiming = {
  /** Monotonic ms of the first audio in the engine's own format, where another one is made of it. */
  nativeAt?: number;
  /** Another server is making it. Known with the first audio. */
  elsewhere?: boolean;
  /** Another server took it over while this one was away: what it has stored stands. */
  outlived?: boolean;
};
export type SegmentSpeech =
  | { readonly outcome: "hit"; readonly stored: StoredSpeech }
  | {
      readonly outcome: "miss" | "coalesced";
      readonly chunks: AsyncIterable<SynthesisChunk>;
      readonly timing: FlightTiming;
    };

export type SegmentCacheDeps = {
  readonly store: AudioStore;
  readonly transcoder: Transcoder;
  readonly joiner: AudioJoiner;
  readonly callEngine: EngineCall;
  /** Shares what engines say with other servers; absent: there are none. */
  readonly flights?: SharedFlights;
  readonly events: EventBus;
  readonly clock: Clock;
  readonly sha256: Sha256Hex;
  readonly ttlMs: number;
  readonly storeTimeoutMs: number;
  /** Bound on one segment's audio. */
  readonly maxSegmentBytes: number;
  /** Formats that may be stored, and so may serve to make another one from. */
  readonly deliveryFormats: readonly AudioFormat[];
};

/** What is known of a flight beside its bytes. */
type Course = {
  readonly timing: FlightTiming;
  /** Whether somebody who listens allows it to be stored. */
  keep: boolean;
  generation: 0 | 1;
};
type Flight = { readonly course: Course; readonly shared: SharedSynthesis };

/**
 * Segments from memory, Redis, a synthesis already running, another format of the same audio, or the engine, in this order.
 *
 * A flight is one stream of bytes in one format. Where the engine's own format is not the asked one there are two: the
 * engine's, shared by callers of every format, and above it one per format that transcodes. Both sit in one map.
 */
export class SegmentCache {
  readonly #deps: SegmentCacheDeps;
  /** Keys of requests, each of which is made for one engine and lives as long as its plan. */
  readonly #keys = new WeakMap<SynthesisRequest, CacheKey>();
  readonly #flights = new Map<CacheKey, Flight>();
  /** Writes under way; close() waits for them. */
  readonly #settling = new Set<Promise<void>>();

  constructor(deps: SegmentCacheDeps) {
    this.#deps = deps;
  }

  /** Synthesis streams that are running now. */
  get flights(): number {
    return this.#flights.size;
  }

  /** Stored audio if there is any that the policy accepts. A broken store is a miss, never an error. */
  async lookup(segment: SegmentRequest, { signal }: CallOptions): Promise<StoredSpeech | undefined> {
    return segment.policy.read
      ? this.#stored(this.#keyOf(segment, segment.request.wanted), segment.policy, signal)
      : undefined;
  }

  /**
   * The segment, from wherever it comes soonest; `alreadyMissed` says that `lookup` was asked just now.
   * Throws `not_cached` for only-if-cached; failures of the engine come out of `chunks`.
   */
  async open(
    segment: SegmentRequest,
    { signal, alreadyMissed = false }: CallOptions & { alreadyMissed?: boolean },
  ): Promise<SegmentSpeech> {
    const key = this.#keyOf(segment, segment.request.wanted);
    if (!alreadyMissed && !this.#flights.get(key)?.shared.joinable) {
      const stored = await this.lookup(segment, { signal });
      if (stored !== undefined) return { outcome: "hit", stored };
    }
    if (segment.policy.onlyIfCached && (await this.#otherFormat(segment, signal)) === undefined) {
      throw new SpeechError("not_cached", "the request said only-if-cached, and this is not cached");
    }
    signal.throwIfAborted();
    return this.#join(segment, segment.request.wanted, signal);
  }

  /** What was stored and has expired not long ago, for when nobody can speak. Never for a request that would not take a stored answer. */
  async stale(segment: SegmentRequest, { signal }: CallOptions): Promise<StoredSpeech | undefined> {
    if (!segment.policy.read) return undefined;
    const key = this.#keyOf(segment, segment.request.wanted);
    return this.#accepted(this.#deps.store.getStale(key, { signal }), segment.policy);
  }

  /** Waits for what is being stored; running flights end with their readers. */
  async close(): Promise<void> {
    await this.#deps.flights?.close();
    await Promise.allSettled(this.#settling);
  }

  // No await in here: two callers that both missed must not both lead.
  #join(segment: SegmentRequest, format: AudioFormat, signal: AbortSignal): Exclude<SegmentSpeech, { outcome: "hit" }> {
    const key = this.#keyOf(segment, format);
    const delivered = format === segment.request.wanted;
    const running = this.#flights.get(key);
    if (running?.shared.joinable) {
      running.course.keep ||= delivered && segment.policy.write;
      return { outcome: "coalesced", chunks: running.shared.read(signal), timing: running.course.timing };
    }
    const course: Course = { timing: {}, keep: delivered && segment.policy.write, generation: 0 };
    const shared = new SharedSynthesis({
      maxBytes: this.#deps.maxSegmentBytes,
      finishAnyway: (bytes) =>
        course.keep && (segment.engine.capabilities.nearlyFree || nearlyDone(bytes, segment.request, format)),
      start: (own) => (delivered ? this.#make(segment, course, own) : this.#native(segment, course, own)),
    });
    const flight: Flight = { course, shared };
    this.#flights.set(key, flight);
    const settled = this.#settle(key, flight, segment, format);
    this.#settling.add(settled);
    void settled.finally(() => this.#settling.delete(settled));
    return { outcome: "miss", chunks: shared.read(signal), timing: course.timing };
  }

  async *#make(segment: SegmentRequest, course: Course, signal: AbortSignal): AsyncGenerator<SynthesisChunk> {
    const { request, engine, policy } = segment;
    const other = policy.read ? await this.#otherFormat(segment, signal) : undefined;
    if (other !== undefined) {
      course.generation = 1;
      this.#deps.events.emit("segment.transcoded", { from: other.metadata.format.name, to: request.wanted.name });
      const { words, format } = other.metadata;
      if (words !== undefined) yield { words: delayed(wordsAt(words, request.text), format) };
      for await (const audio of this.#deps.transcoder.transcode(
        only(other.audio),
        other.metadata.format,
        request.wanted,
        { signal },
      )) {
        yield { audio };
      }
      return;
    }
    const native = engine.outputFormat(request);
    if (sameFormat(native, request.wanted)) yield* this.#native(segment, course, signal);
    else {
      const { transcoder, clock } = this.#deps;
      const source = this.#join(segment, native, signal);
      yield* transcoded(source, native, request.wanted, course.timing, { transcoder, clock, signal });
    }
  }

  /** What the engine says, or said to another server. What may not be stored is not passed around in Redis either. */
  #native(segment: SegmentRequest, { timing }: Course, signal: AbortSignal): AsyncIterable<SynthesisChunk> {
    const { callEngine, flights } = this.#deps;
    const { engine, request, policy, tenant } = segment;
    const start = (own: AbortSignal) =>
      callEngine(engine, request, { signal: own, ...(tenant !== undefined && { tenant }) });
    if (flights === undefined || !policy.write) return start(signal);
    const format = engine.outputFormat(request);
    return flights.fly(
      {
        key: this.#keyOf(segment, format),
        format,
        engine: engine.name,
        text: request.text,
        joinEnded: policy.read && policy.maxAgeMs === undefined,
        start,
        onSeated: (role) => {
          timing.elsewhere = role === "follower";
        },
        onOutlived: () => {
          timing.outlived = true;
        },
      },
      { signal },
    );
  }

  /** The same audio in another delivery format, best source first. A copy of a copy is not made. */
  async #otherFormat(segment: SegmentRequest, signal: AbortSignal): Promise<StoredSpeech | undefined> {
    const { store, deliveryFormats } = this.#deps;
    const { engine, request } = segment;
    // What the engine speaks at 44.1 kHz must not be made for 44.1 kHz out of a copy at 24 kHz: its treble is gone.
    const neededHz = Math.min(request.wanted.sampleRateHz, engine.outputFormat(request).sampleRateHz);
    const others = deliveryFormats
      .filter((format) => !sameFormat(format, request.wanted) && format.sampleRateHz >= neededHz)
      .filter(({ name }) => name !== "aac") // no decoder for it
      .sort((a, b) => Number(isLossless(b)) - Number(isLossless(a)) || (b.bitrateBps ?? 0) - (a.bitrateBps ?? 0));
    const keys = others.map((format) => this.#keyOf(segment, format));
    const found = await store.has(keys, { signal }).catch((error: unknown) => {
      this.#deps.events.emit("store.failed", { op: "has", error });
      return [];
    });
    for (const [index, key] of keys.entries()) {
      if (!found[index]) continue;
      const stored = await this.#stored(key, segment.policy, signal);
      if (stored?.metadata.generation === 0) return stored;
    }
    return undefined;
  }

  async #stored(key: CacheKey, policy: CachePolicy, signal: AbortSignal): Promise<StoredSpeech | undefined> {
    return this.#accepted(this.#deps.store.get(key, { signal }), policy);
  }

  async #accepted(found: Promise<StoredSpeech | undefined>, policy: CachePolicy): Promise<StoredSpeech | undefined> {
    const { events, clock } = this.#deps;
    const stored = await found.catch((error: unknown) => {
      events.emit("store.failed", { op: "get", error });
      return undefined;
    });
    if (stored === undefined) return undefined;
    const tooOld = policy.maxAgeMs !== undefined && clock.now() - stored.metadata.createdAtMs > policy.maxAgeMs;
    return tooOld ? undefined : stored;
  }

  /** Stores what a flight brought, then takes it off the map: in this order, so that nobody misses both. */
  async #settle(key: CacheKey, flight: Flight, segment: SegmentRequest, format: AudioFormat): Promise<void> {
    const { store, events, ttlMs, storeTimeoutMs } = this.#deps;
    try {
      const whole = await flight.shared.finished.catch(() => undefined);
      if (whole === undefined || !flight.course.keep) return;
      const signal = AbortSignal.timeout(storeTimeoutMs); // not a caller's: they may hang up
      const metadata = await this.#examined(whole, flight, segment, format, signal);
      if (metadata === undefined) return;
      if (flight.course.timing.outlived && (await store.has([key], { signal }))[0]) return;
      // A stream could not tell its length when it began; what is kept can, and has no tags of the engine's.
      const audio = this.#deps.joiner.joinWhole(format, [whole.audio]);
      await store.set(key, { metadata, audio }, { ttlMs, signal });
      events.emit("store.written", { bytes: audio.byteLength, engine: segment.engine.name });
    } catch (error) {
      events.emit("store.skipped", { reason: "failed", error });
    } finally {
      if (this.#flights.get(key) === flight) this.#flights.delete(key); // a successor's entry stays
    }
  }

  /** What is to be known of finished audio. Undefined: not worth keeping. */
  async #examined(
    whole: Synthesized,
    flight: Flight,
    segment: SegmentRequest,
    format: AudioFormat,
    signal: AbortSignal,
  ): Promise<SpeechMetadata | undefined> {
    const { transcoder, clock, events } = this.#deps;
    const { generation } = flight.course;
    const of = { ...segment, format, generation, createdAtMs: clock.now() };
    return examine(whole, of, { transcoder, signal }).catch((error: unknown) => {
      events.emit("store.skipped", { reason: "rejected", error });
      return undefined;
    });
  }

  #keyOf({ engine, request }: SegmentRequest, format: AudioFormat): CacheKey {
    const known = format === request.wanted ? this.#keys.get(request) : undefined;
    if (known !== undefined) return known;
    const { wanted, ...sound } = request;
    const identity: SpeechIdentity = { ...sound, engine: engine.name, engineVersion: engine.version, format };
    const key = cacheKey(identity, this.#deps.sha256);
    if (format === wanted) this.#keys.set(request, key);
    return key;
  }
}
