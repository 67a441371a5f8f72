import { only, type Soon } from "../core/async.ts";
import { type AudioFormat, sameFormat } from "../core/audio-format.ts";
import type { CacheKey } from "../core/cache-key.ts";
import { SpeechError } from "../core/errors.ts";
import type { CallOptions, StoredSpeech, SynthesisChunk } from "../core/ports.ts";
import { dividedRequest } from "./divided-request.ts";
import type { EngineCall } from "./engine-call.ts";
import type { SharedFlights } from "./flight.ts";
import { nearlyDone } from "./nearly-done.ts";
import { MAX_SEGMENT_MS } from "./plausible.ts";
import { SharedSynthesis } from "./shared-synthesis.ts";
import { type SegmentRequest, StoredSegments, type StoredSegmentsDeps } from "./stored-segments.ts";
import { decodedWords, soundPartOf, transcoded } from "./transcoded.ts";
import { wordsAt } from "./word-places.ts";

export type FlightTiming = {
  /** Monotonic ms of the first audio in the engine's own format, where another one is made of it. */
  nativeAt?: number;
  /** Another server is making it. Known with the first audio. */
  elsewhere?: boolean;
  /** Another server took it over while this one was away: what it has stored stands. */
  outlived?: boolean;
};
/** A segment's audio: stored and whole, or a reader on a running synthesis. */
export type SegmentSpeech =
  | { readonly outcome: "hit"; readonly stored: StoredSpeech }
  | {
      readonly outcome: "miss" | "coalesced";
      readonly chunks: AsyncIterable<SynthesisChunk>;
      readonly timing: FlightTiming;
    };

export type SegmentCacheDeps = StoredSegmentsDeps & {
  readonly callEngine: EngineCall;
  /** Shares what engines say with other servers; absent: there are none. */
  readonly flights?: SharedFlights;
  /** Bound on one segment's audio. */
  readonly maxSegmentBytes: number;
};

/** `alreadyMissed`: `lookup` was asked just now. */
export type OpenOptions = CallOptions & { readonly alreadyMissed?: boolean };

/** What is known of a flight beside its bytes. */
type Course = {
  readonly timing: FlightTiming;
  /** Whether somebody who listens allows it to be stored. */
  keep: boolean;
  generation: 0 | 1;
  /** Of the sound that was encoded, once all of it was. */
  soundMs?: number;
  /** Of all who listen. */
  readonly tags: Set<string>;
};
type Flight = { readonly course: Course; readonly shared: SharedSynthesis };

/**
 * Segments from memory, Redis, a synthesis already running, another format of the same audio, or the engine, in this order.
 *
 * A flight is one stream of bytes in one format. Where the engine's own format is not the asked one there are two: the
 * engine's, shared by callers of every format, and above it one per format that transcodes. Both sit in one map. The same
 * where the engine cannot do a speed, pitch or volume: below is what it says without, shared by callers of every one.
 */
export class SegmentCache {
  readonly #deps: SegmentCacheDeps;
  readonly #kept: StoredSegments;
  readonly #flights = new Map<CacheKey, Flight>();
  /** Writes under way; close() waits for them. */
  readonly #settling = new Set<Promise<void>>();

  constructor(deps: SegmentCacheDeps) {
    this.#deps = deps;
    this.#kept = new StoredSegments(deps);
  }

  /** Synthesis streams that are running now. */
  get flights(): number {
    return this.#flights.size;
  }

  /** Stored audio if there is any that the policy accepts. A broken store is a miss, never an error. */
  lookup(segment: SegmentRequest, options: CallOptions): Soon<StoredSpeech | undefined> {
    return this.#kept.get(segment, options);
  }

  /** The segment from wherever it comes soonest. Throws `not_cached` for only-if-cached; failures of the engine come out of `chunks`. */
  async open(segment: SegmentRequest, { signal, alreadyMissed = false }: OpenOptions): Promise<SegmentSpeech> {
    const key = this.#kept.keyOf(segment, segment.request.wanted);
    if (!alreadyMissed && !this.#flights.get(key)?.shared.joinable) {
      const stored = await this.lookup(segment, { signal });
      if (stored !== undefined) return { outcome: "hit", stored };
    }
    if (segment.policy.onlyIfCached && (await this.#kept.source(segment, { signal })) === undefined) {
      throw new SpeechError("not_cached", "the request said only-if-cached, and this is not cached");
    }
    signal.throwIfAborted();
    return this.#join(segment, segment.request.wanted, signal);
  }

  /** The segment if it can be had without its engine: stored in this format, or in one that this can be made of. */
  async openStored(
    segment: SegmentRequest,
    { signal, alreadyMissed = false }: OpenOptions,
  ): Promise<SegmentSpeech | undefined> {
    const stored = alreadyMissed ? undefined : await this.lookup(segment, { signal });
    if (stored !== undefined) return { outcome: "hit", stored };
    if ((await this.#kept.source(segment, { signal })) === undefined) return undefined;
    signal.throwIfAborted();
    return this.#join(segment, segment.request.wanted, signal);
  }

  /** What was stored and has expired not long ago, for when nobody can speak. Never for a request that would not take a stored answer. */
  stale(segment: SegmentRequest, options: CallOptions): Promise<StoredSpeech | undefined> {
    return this.#kept.stale(segment, options);
  }

  /** Removes what is stored of it, in every format. Gives the number. */
  remove(segment: SegmentRequest, options: CallOptions): Promise<number> {
    return this.#kept.remove(segment, options);
  }

  /** Waits for what is being stored; running flights end with their readers. */
  async close(): Promise<void> {
    await this.#deps.flights?.close();
    await Promise.allSettled(this.#settling);
  }

  // No await in here: two callers that both missed must not both lead.
  #join(segment: SegmentRequest, format: AudioFormat, signal: AbortSignal): Exclude<SegmentSpeech, { outcome: "hit" }> {
    const key = this.#kept.keyOf(segment, format);
    const delivered = format === segment.request.wanted;
    const running = this.#flights.get(key);
    if (running?.shared.joinable) {
      running.course.keep ||= delivered && segment.policy.write;
      for (const tag of segment.tags ?? []) running.course.tags.add(tag);
      return { outcome: "coalesced", chunks: running.shared.read(signal), timing: running.course.timing };
    }
    const course: Course = {
      timing: {},
      keep: delivered && segment.policy.write,
      generation: 0,
      tags: new Set(segment.tags),
    };
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
    const { request, engine } = segment;
    const { transcoder, clock, events } = this.#deps;
    const onEnd = (soundMs: number): void => {
      course.soundMs = soundMs;
    };
    const source = await this.#kept.source(segment, { signal });
    if (source !== undefined) {
      const { stored, shape } = source;
      const { format, words } = stored.metadata;
      const part = soundPartOf(stored.metadata);
      course.generation = 1;
      for (const tag of stored.metadata.tags ?? []) course.tags.add(tag);
      events.emit("segment.transcoded", { from: format.name, to: request.wanted.name });
      if (words !== undefined) yield { words: decodedWords(wordsAt(words, request.text), format, { shape, part }) };
      const options = { signal, onEnd, maxMs: MAX_SEGMENT_MS, ...(shape && { shape }), ...(part && { part }) };
      const made = transcoder.transcode(only(stored.audio), format, request.wanted, options);
      for await (const audio of made) yield { audio };
      return;
    }
    const { plain, shape } = dividedRequest(engine, request) ?? { plain: request };
    const native = engine.outputFormat(plain);
    if (shape === undefined && sameFormat(native, request.wanted)) yield* this.#native(segment, course, signal);
    else {
      // In the plain one's own words, so that it is stored if it is what somebody could ask for.
      const format = sameFormat(native, plain.wanted) ? plain.wanted : native;
      const below = this.#join({ ...segment, request: plain }, format, signal);
      const options = { transcoder, clock, signal, onEnd, ...(shape && { shape }) };
      yield* transcoded(below, native, request.wanted, course.timing, options);
    }
  }

  /** What the engine says, or said to another server. What may not be stored is not passed around in Redis either. */
  #native(segment: SegmentRequest, { timing }: Course, signal: AbortSignal): AsyncIterable<SynthesisChunk> {
    const { callEngine, flights } = this.#deps;
    const { engine, request, policy, tenant, insist, priority } = segment;
    const start = (own: AbortSignal) =>
      callEngine(engine, request, {
        signal: own,
        ...(tenant !== undefined && { tenant }),
        ...(insist && { insist }),
        ...(priority && { priority }),
      });
    if (flights === undefined || !policy.write) return start(signal);
    const format = engine.outputFormat(request);
    return flights.fly(
      {
        key: this.#kept.keyOf(segment, format),
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

  /** Stores what a flight brought, then takes it off the map: in this order, so that nobody misses both. */
  async #settle(key: CacheKey, flight: Flight, segment: SegmentRequest, format: AudioFormat): Promise<void> {
    const whole = await flight.shared.finished.catch(() => undefined);
    const { keep, generation, soundMs, timing, tags } = flight.course;
    const outlived = timing.outlived ?? false;
    if (whole !== undefined && keep)
      await this.#kept.keep(segment, { whole, format, generation, soundMs, outlived, tags: [...tags] });
    if (this.#flights.get(key) === flight) this.#flights.delete(key); // a successor's entry stays
  }
}
