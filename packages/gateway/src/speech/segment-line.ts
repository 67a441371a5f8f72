import type { JoinedStream } from "../core/ports.ts";
import type { EngineChain, Segment, SpokenSegment } from "./engine-chain.ts";
import { sayEnd, sayLive, sayStored } from "./say-segment.ts";
import { type SpeechPart, segmentInfo } from "./speech-part.ts";

export type SegmentLineOptions = {
  readonly chain: EngineChain;
  readonly segments: readonly Segment[];
  readonly ahead: readonly (SpokenSegment | undefined)[];
  /** What all of them become. */
  readonly stream: JoinedStream;
  /** Whether words are wanted. */
  readonly words: boolean;
  /** Ends what is begun when it aborts; the only thing that does. */
  readonly signal: AbortSignal;
  readonly onSpoken: (spoken: SpokenSegment) => void;
  /** A segment broke off that was being delivered, and not because the listener left. */
  readonly onFailed?: (spoken: SpokenSegment) => void;
};

/** Segments that may be in the making ahead of the one being delivered. */
const PREFETCH = 1;

/** The segments of one utterance in order, each begun a little before its turn and no earlier. */
export class SegmentLine {
  readonly #options: SegmentLineOptions;
  readonly #begun = new Map<number, Promise<SpokenSegment>>();

  constructor(options: SegmentLineOptions) {
    this.#options = options;
  }

  first(): Promise<SpokenSegment> {
    return this.#begin(0);
  }

  async *parts(): AsyncGenerator<SpeechPart> {
    const { segments, onSpoken, stream } = this.#options;
    for (const [at, { text }] of segments.entries()) {
      const spoken = await this.#begin(at);
      this.#begun.delete(at);
      for (let next = at + 1; next <= at + PREFETCH && next < segments.length; next++) void this.#begin(next);
      onSpoken(spoken);
      yield { type: "segment", segment: segmentInfo(spoken, text) };
      yield* this.#say(spoken, text);
    }
    yield* sayEnd(stream);
  }

  #begin(at: number): Promise<SpokenSegment> {
    const { chain, segments, ahead, signal } = this.#options;
    const known = this.#begun.get(at);
    if (known !== undefined) return known;
    const looked = ahead[at];
    const begun = looked ? Promise.resolve(looked) : chain.speak(segments[at]!, { signal, alreadyMissed: at === 0 });
    begun.catch(() => {}); // its turn may never come
    this.#begun.set(at, begun);
    return begun;
  }

  async *#say(spoken: SpokenSegment, text: string): AsyncGenerator<SpeechPart> {
    const { stream, words, signal, onFailed } = this.#options;
    try {
      if ("stored" in spoken) yield* sayStored(spoken.stored, { text, stream, words });
      else yield* sayLive(spoken.chunks, { text, stream, words });
    } catch (error) {
      if (!signal.aborted) onFailed?.(spoken);
      throw error;
    }
  }
}
