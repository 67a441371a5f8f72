import type { SynthesisChunk } from "../../core/ports.ts";
import type { SpokenWord } from "./spoken-words.ts";

/** What the engine asks of a worker. */
export type FliteJob = {
  readonly words: readonly SpokenWord[];
  readonly voice: string;
  readonly speed: number;
  readonly f0MeanHz?: number;
  /** Pitch by playing faster, for the voice that has no other. */
  readonly playbackRate: number;
};

export type FliteMessage = SynthesisChunk;
