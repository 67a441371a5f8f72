import { type Soon, soon } from "../core/async.ts";
import {
  type AudioFormat,
  formatProblem,
  hasEncoding,
  isLossless,
  SAMPLE_ENCODINGS,
  SAMPLE_RATES_HZ,
  sameFormat,
} from "../core/audio-format.ts";
import { type CacheKey, cacheKey, type Sha256Hex, type SpeechIdentity } from "../core/cache-key.ts";
import type { Clock } from "../core/clock.ts";
import { tagged } from "../core/entry-match.ts";
import type { EventBus } from "../core/events.ts";
import type {
  AudioJoiner,
  AudioStore,
  CallOptions,
  SpeechEngine,
  SpeechMetadata,
  StoredSpeech,
  SynthesisRequest,
  Transcoder,
} from "../core/ports.ts";
import type { SoundShape } from "../core/sound-shape.ts";
import type { CachePolicy } from "../core/utterance.ts";
import { dividedRequest } from "./divided-request.ts";
import { examine } from "./examine.ts";
import type { Synthesized } from "./shared-synthesis.ts";

/** One segment, for one engine, in one format (`request.wanted`). */
export type SegmentRequest = {
  readonly engine: SpeechEngine;
  readonly request: SynthesisRequest;
  readonly policy: CachePolicy;
  /** Whose turn it takes in an engine's line, if it has to be made. */
  readonly tenant?: string;
  /** Ask the engine whatever its breaker says. */
  readonly insist?: boolean;
  /** Names under which it can be purged. */
  readonly tags?: readonly string[];
  readonly priority?: "interactive" | "warming";
};

export type StoredSegmentsDeps = {
  readonly store: AudioStore;
  readonly transcoder: Transcoder;
  readonly joiner: AudioJoiner;
  readonly events: EventBus;
  readonly clock: Clock;
  readonly sha256: Sha256Hex;
  readonly ttlMs: number;
  readonly storeTimeoutMs: number;
  /** Formats that may be stored, and so may serve to make another one from. */
  readonly deliveryFormats: readonly AudioFormat[];
};

/** Finished audio on its way into the store. */
export type Finished = {
  readonly whole: Synthesized;
  readonly format: AudioFormat;
  readonly generation: 0 | 1;
  /** Of the sound that it was encoded from, if we did that. */
  readonly soundMs: number | undefined;
  /** Of everybody who listened, and of what it was made of. */
  readonly tags: readonly string[];
  /** Another server took it over while this one was away: what it has stored stands. */
  readonly outlived: boolean;
};

/** Stored audio that another is made of. */
export type Source = { readonly stored: StoredSpeech; readonly shape?: SoundShape };

/** Segments in the store: under which key, which of them a policy accepts, and what is fit to be kept. A broken store is a miss, never an error. */
export class StoredSegments {
  readonly #deps: StoredSegmentsDeps;
  /** Keys of requests, each of which is made for one engine and lives as long as its plan. */
  readonly #keys = new WeakMap<SynthesisRequest, CacheKey>();

  /** Entries that are being given tags, and which. */
  readonly #tagging = new Set<string>();

  constructor(deps: StoredSegmentsDeps) {
    this.#deps = deps;
  }

  keyOf({ engine, request }: SegmentRequest, format: AudioFormat): CacheKey {
    const known = format === request.wanted ? this.#keys.get(request) : undefined;
    if (known !== undefined) return known;
    const { wanted, ...sound } = request;
    const shape = dividedRequest(engine, request)?.shape;
    const identity: SpeechIdentity = {
      ...{ ...sound, engine: engine.name, engineVersion: engine.version, format },
      ...(shape !== undefined && { shape }),
    };
    const key = cacheKey(identity, this.#deps.sha256);
    if (format === wanted) this.#keys.set(request, key);
    return key;
  }

  get(segment: SegmentRequest, { signal }: CallOptions): Soon<StoredSpeech | undefined> {
    const { policy, request } = segment;
    return policy.read ? this.#get(segment, this.keyOf(segment, request.wanted), signal) : undefined;
  }

  /** What was stored and has expired not long ago. */
  async stale(segment: SegmentRequest, { signal }: CallOptions): Promise<StoredSpeech | undefined> {
    if (!segment.policy.read) return undefined;
    const key = this.keyOf(segment, segment.request.wanted);
    return this.#accepted(this.#deps.store.getStale(key, { signal }), segment.policy);
  }

  /** What is stored that this can be made of without its engine, and what has to be done to it. A copy of a copy is not made. */
  async source(segment: SegmentRequest, options: CallOptions): Promise<Source | undefined> {
    const other = await this.#otherFormat(segment, options);
    if (other !== undefined) return { stored: other };
    const divided = dividedRequest(segment.engine, segment.request);
    if (divided === undefined) return undefined;
    const plain = { ...segment, request: divided.plain };
    const same = await this.get(plain, options);
    const stored = same?.metadata.generation === 0 ? same : await this.#otherFormat(plain, options);
    return stored && { stored, shape: divided.shape };
  }

  /** The same audio in another delivery format, best source first. */
  async #otherFormat(segment: SegmentRequest, { signal }: CallOptions): Promise<StoredSpeech | undefined> {
    const { store, deliveryFormats, events } = this.#deps;
    if (!segment.policy.read) return undefined;
    const { engine, request } = segment;
    // What the engine speaks at 44.1 kHz must not be made for 44.1 kHz out of a copy at 24 kHz: its treble is gone.
    const neededHz = Math.min(request.wanted.sampleRateHz, engine.outputFormat(request).sampleRateHz);
    const others = deliveryFormats
      .filter((format) => !sameFormat(format, request.wanted) && format.sampleRateHz >= neededHz)
      .filter(({ name }) => name !== "aac") // no decoder for it
      .sort((a, b) => Number(isLossless(b)) - Number(isLossless(a)) || (b.bitrateBps ?? 0) - (a.bitrateBps ?? 0));
    const keys = others.map((format) => this.keyOf(segment, format));
    const found = await store.has(keys, { signal }).catch((error: unknown) => {
      events.emit("store.failed", { op: "has", error });
      return [];
    });
    for (const [index, key] of keys.entries()) {
      if (!found[index]) continue;
      const stored = await this.#get(segment, key, signal);
      if (stored?.metadata.generation === 0) return stored;
    }
    return undefined;
  }

  /** Removes the segment in every format that it may be stored in, and what it was shaped of. Gives the number. Rejects when a store fails. */
  async remove(segment: SegmentRequest, options: CallOptions): Promise<number> {
    const { store, deliveryFormats } = this.#deps;
    const divided = dividedRequest(segment.engine, segment.request);
    const both = divided === undefined ? [segment] : [segment, { ...segment, request: divided.plain }];
    const formats = deliveryFormats.flatMap(variantsOf);
    const keys = both.flatMap((one) => formats.map((format) => this.keyOf(one, format)));
    const found = await store.has(keys, options);
    const removed = await Promise.all(keys.filter((_, at) => found[at]).map((key) => store.delete(key, options)));
    return removed.filter(Boolean).length;
  }

  /** Stores what is worth it. Never rejects. */
  async keep(segment: SegmentRequest, finished: Finished): Promise<void> {
    const { store, joiner, events, ttlMs, storeTimeoutMs } = this.#deps;
    const { whole, format, outlived } = finished;
    const key = this.keyOf(segment, format);
    try {
      const signal = AbortSignal.timeout(storeTimeoutMs); // not a caller's: they may hang up
      const examined = await this.#examined(segment, finished, signal);
      if (examined === undefined) return;
      const metadata = tagged(examined, finished.tags) ?? examined;
      if (outlived && (await store.has([key], { signal }))[0]) return;
      // A stream could not tell its length when it began; what is kept can, and has no tags of the engine's.
      const audio = joiner.joinWhole(format, [whole.audio]);
      await store.set(key, { metadata, audio }, { ttlMs, signal });
      events.emit("store.written", { bytes: audio.byteLength, engine: segment.engine.name });
    } catch (error) {
      events.emit("store.skipped", { reason: "failed", error });
    }
  }

  /** What is to be known of finished audio. Undefined: not worth keeping. */
  async #examined(
    segment: SegmentRequest,
    { whole, format, generation, soundMs }: Finished,
    signal: AbortSignal,
  ): Promise<SpeechMetadata | undefined> {
    const { transcoder, clock, events } = this.#deps;
    const of = { ...segment, format, generation, soundMs, createdAtMs: clock.now() };
    return examine(whole, of, { transcoder, signal }).catch((error: unknown) => {
      events.emit("store.skipped", { reason: "rejected", error });
      return undefined;
    });
  }

  #get(segment: SegmentRequest, key: CacheKey, signal: AbortSignal): Soon<StoredSpeech | undefined> {
    const found = this.#accepted(this.#deps.store.get(key, { signal }), segment.policy);
    if (segment.tags === undefined) return found;
    return soon(found, (stored) => {
      if (stored !== undefined) this.#tag(segment, key, stored);
      return stored;
    });
  }

  /** Behind the answer: who hears it under a new tag must be able to purge it by that tag. */
  #tag({ tags = [], policy }: SegmentRequest, key: CacheKey, { metadata }: StoredSpeech): void {
    const { store, events, ttlMs, storeTimeoutMs } = this.#deps;
    const naming = `${key} ${tags.join()}`;
    if (!policy.write || this.#tagging.has(naming) || tagged(metadata, tags) === undefined) return;
    this.#tagging.add(naming);
    const signal = AbortSignal.timeout(storeTimeoutMs);
    const over = store.tag(key, tags, { ttlMs, signal }).catch((error: unknown) => {
      events.emit("store.failed", { op: "set", error });
    });
    void over.finally(() => this.#tagging.delete(naming));
  }

  #accepted(found: Soon<StoredSpeech | undefined>, policy: CachePolicy): Soon<StoredSpeech | undefined> {
    const { events, clock } = this.#deps;
    const reported =
      found instanceof Promise
        ? found.catch((error: unknown) => {
            events.emit("store.failed", { op: "get", error });
            return undefined;
          })
        : found;
    if (policy.maxAgeMs === undefined) return reported;
    const oldest = clock.now() - policy.maxAgeMs;
    return soon(reported, (stored) => (stored && stored.metadata.createdAtMs >= oldest ? stored : undefined));
  }
}

/** The format at every rate, and in every encoding, that callers may ask for. */
function variantsOf(format: AudioFormat): AudioFormat[] {
  const encodings = hasEncoding(format.name) ? [undefined, ...SAMPLE_ENCODINGS.slice(1)] : [undefined];
  return SAMPLE_RATES_HZ.flatMap((sampleRateHz) =>
    encodings.map((encoding) => ({ ...format, sampleRateHz, ...(encoding && { encoding }) })),
  ).filter((variant) => formatProblem(variant) === undefined);
}
