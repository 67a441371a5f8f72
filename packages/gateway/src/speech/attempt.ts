import { primed } from "../core/async.ts";
import { SpeechError } from "../core/errors.ts";
import type { CallOptions } from "../core/ports.ts";
import { asWritten } from "./pronounced.ts";
import { type Segment, type SpokenSegment, segmentRequest, spokenBy } from "./segment.ts";
import type { OpenOptions, SegmentCache } from "./segment-cache.ts";

type AttemptOptions = OpenOptions & { readonly insist?: boolean };

/**
 * One candidate's turn at one segment. Resolves with its first audio; rejects with whatever kept it from speaking. An
 * engine refuses all of a text for one phoneme that its voice has not: then it is asked for the text as it is written.
 */
export async function attempt(
  cache: SegmentCache,
  segment: Segment,
  at: number,
  options: AttemptOptions,
): Promise<SpokenSegment> {
  const { spelled } = segment;
  try {
    return await attemptAs(cache, segment, at, options);
  } catch (error) {
    const refused = error instanceof SpeechError && error.code === "engine_rejected";
    if (!refused || spelled === undefined || segment.requests[at]!.phonemes === undefined) throw error;
    options.signal.throwIfAborted();
    return await attemptAs(cache, spelled, at, { ...options, alreadyMissed: false });
  }
}

async function attemptAs(
  cache: SegmentCache,
  segment: Segment,
  at: number,
  { insist = false, ...options }: AttemptOptions,
): Promise<SpokenSegment> {
  const speech = await cache.open({ ...segmentRequest(segment, at), insist }, options);
  const spoken = spokenBy(segment, at);
  if (speech.outcome === "hit") return asWritten({ ...spoken, ...speech }, segment, at);
  const chunks = await primed(speech.chunks);
  const outcome = speech.timing.elsewhere ? "coalesced" : speech.outcome;
  return asWritten({ ...spoken, ...speech, chunks, outcome }, segment, at);
}

/** The candidate's segment if it can be had without asking its engine. */
export async function storedAttempt(
  cache: SegmentCache,
  segment: Segment,
  at: number,
  options: OpenOptions,
): Promise<SpokenSegment | undefined> {
  const speech = await cache.openStored(segmentRequest(segment, at), options);
  if (speech === undefined) return undefined;
  const spoken = spokenBy(segment, at);
  const known: SpokenSegment =
    speech.outcome === "hit" ? { ...spoken, ...speech } : { ...spoken, ...speech, chunks: await primed(speech.chunks) };
  return asWritten(known, segment, at);
}

/** An attempt that can be given up by itself, or go on when its caller needs it no more. */
export class LooseAttempt {
  readonly spoken: Promise<SpokenSegment>;
  readonly #own = new AbortController();
  readonly #unlink: () => void;

  constructor(start: (options: CallOptions) => Promise<SpokenSegment>, { signal }: CallOptions) {
    const abort = (): void => this.#own.abort(signal.reason);
    signal.addEventListener("abort", abort, { once: true });
    if (signal.aborted) abort();
    this.#unlink = () => signal.removeEventListener("abort", abort);
    this.spoken = start({ signal: this.#own.signal });
    this.spoken.catch(() => this.#unlink()); // also: nobody may be waiting for it any more
  }

  cancel(reason: unknown): void {
    this.#unlink();
    this.#own.abort(reason);
  }

  /** Goes on to its end without the caller, listened to by nobody, ended by `until`. */
  async letGo(until: AbortSignal): Promise<void> {
    this.#unlink();
    const abort = (): void => this.#own.abort(until.reason);
    until.addEventListener("abort", abort, { once: true });
    if (until.aborted) abort();
    try {
      const spoken = await this.spoken;
      if ("chunks" in spoken) for await (const _ of spoken.chunks);
    } catch {
      // its breaker was told
    } finally {
      until.removeEventListener("abort", abort);
    }
  }
}
