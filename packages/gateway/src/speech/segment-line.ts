import type { JoinedStream } from "../core/ports.ts";
import type { SpokenSegment } from "./engine-chain.ts";
import type { MadeRest } from "./rests.ts";
import { sayEnd, sayLive, sayRest, sayStored } from "./say-segment.ts";
import type { SegmentMark } from "./segment.ts";
import { type SpeechPart, segmentInfo } from "./speech-part.ts";

/** A segment that is being said. */
export type BegunSegment = {
  readonly text: string;
  readonly spoken: SpokenSegment;
  readonly marks?: readonly SegmentMark[] | undefined;
  /** Silence before it. */
  readonly lead?: MadeRest | undefined;
};

export type SegmentLineOptions = {
  /**
   * Begins the segment at this place, once each and in order; undefined: the text has ended before it. `failed` names the
   * engines that failed in this utterance, for whoever asks engines to read and to add to.
   */
  readonly begin: (at: number, failed: Set<string>) => Promise<BegunSegment | undefined>;
  /** Silence behind the last. */
  readonly tail?: () => Promise<MadeRest | undefined>;
  /** What all of them become. */
  readonly stream: JoinedStream;
  /** Whether words are wanted. */
  readonly words: boolean;
  /** Ends what is begun when it aborts; the only thing that does. */
  readonly signal: AbortSignal;
  readonly onSpoken: (spoken: SpokenSegment, at: number) => void;
  /** A segment broke off that was being delivered, and not because the listener left. */
  readonly onFailed?: (spoken: SpokenSegment) => void;
};

/** Segments that may be in the making ahead of the one being delivered. */
const PREFETCH = 1;

/** The segments of one utterance in order, each begun a little before its turn and no earlier. */
export class SegmentLine {
  readonly #options: SegmentLineOptions;
  readonly #begun = new Map<number, Promise<BegunSegment | undefined>>();
  /** Engines that failed in this utterance: its next segments do not wait for them again. */
  readonly #failed = new Set<string>();

  constructor(options: SegmentLineOptions) {
    this.#options = options;
  }

  first(): Promise<BegunSegment | undefined> {
    return this.#begin(0);
  }

  async *parts(): AsyncGenerator<SpeechPart> {
    const { onSpoken, stream, tail } = this.#options;
    for (let at = 0; ; at++) {
      const begun = await this.#begin(at);
      if (begun === undefined) break;
      this.#begun.delete(at);
      for (let next = at + 1; next <= at + PREFETCH; next++) void this.#begin(next);
      const { text, spoken, lead } = begun;
      if (lead !== undefined) yield* sayRest(lead, stream);
      onSpoken(spoken, at);
      yield { type: "segment", segment: segmentInfo(spoken, text) };
      yield* this.#say(begun);
    }
    const rest = await tail?.();
    if (rest !== undefined) yield* sayRest(rest, stream);
    yield* sayEnd(stream);
  }

  #begin(at: number): Promise<BegunSegment | undefined> {
    const known = this.#begun.get(at);
    if (known !== undefined) return known;
    const begun = this.#options.begin(at, this.#failed);
    begun.catch(() => {}); // its turn may never come
    this.#begun.set(at, begun);
    return begun;
  }

  async *#say({ spoken, text, marks }: BegunSegment): AsyncGenerator<SpeechPart> {
    const { stream, words, signal, onFailed } = this.#options;
    try {
      if ("stored" in spoken) yield* sayStored(spoken.stored, { text, marks, stream, words });
      else yield* sayLive(spoken.chunks, { text, marks, stream, words });
    } catch (error) {
      if (!signal.aborted) {
        this.#failed.add(spoken.engine);
        onFailed?.(spoken);
      }
      throw error;
    }
  }
}
