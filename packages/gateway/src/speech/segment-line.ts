import type { EngineChain, Segment, SpokenSegment } from "./engine-chain.ts";

export type SegmentLineOptions = {
  readonly chain: EngineChain;
  readonly segments: readonly Segment[];
  readonly ahead: readonly (SpokenSegment | undefined)[];
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
  /** Engines that failed in this utterance: its next segments do not wait for them again. */
  readonly #failed = new Set<string>();

  constructor(options: SegmentLineOptions) {
    this.#options = options;
  }

  first(): Promise<SpokenSegment> {
    return this.#begin(0);
  }

  async *parts(): AsyncGenerator<AsyncIterable<Uint8Array>> {
    const { segments, onSpoken } = this.#options;
    for (const at of segments.keys()) {
      const spoken = await this.#begin(at);
      this.#begun.delete(at);
      for (let next = at + 1; next <= at + PREFETCH && next < segments.length; next++) void this.#begin(next);
      onSpoken(spoken);
      yield this.#audioOf(spoken);
    }
  }

  #begin(at: number): Promise<SpokenSegment> {
    const { chain, segments, ahead, signal } = this.#options;
    const known = this.#begun.get(at);
    if (known !== undefined) return known;
    const looked = ahead[at];
    const begun = looked
      ? Promise.resolve(looked)
      : chain.speak(segments[at]!, { signal, alreadyMissed: at === 0, failed: this.#failed });
    begun.catch(() => {}); // its turn may never come
    this.#begun.set(at, begun);
    return begun;
  }

  async *#audioOf(spoken: SpokenSegment): AsyncGenerator<Uint8Array> {
    if ("stored" in spoken) {
      yield spoken.stored.audio;
      return;
    }
    try {
      for await (const { audio } of spoken.chunks) if (audio !== undefined) yield audio;
    } catch (error) {
      if (!this.#options.signal.aborted) {
        this.#failed.add(spoken.engine);
        this.#options.onFailed?.(spoken);
      }
      throw error;
    }
  }
}
