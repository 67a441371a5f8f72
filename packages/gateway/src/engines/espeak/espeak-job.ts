import type { SynthesisChunk } from "../../core/ports.ts";
import type { EspeakVoice } from "./espeak-voices.ts";

export type EspeakWorkerData = {
  /** Specifier or file URL of the module. */
  readonly module: string;
};

export type EspeakJob =
  | { readonly kind: "voices" }
  | {
      readonly kind: "speak";
      /** The words with the white space between them left out. */
      readonly words: readonly string[];
      readonly voice: string;
      readonly wordsPerMinute: number;
      readonly pitchStep: number;
    };

export type EspeakMessage = SynthesisChunk & { readonly voices?: readonly EspeakVoice[] };
