import type { AudioFormat } from "../core/audio-format.ts";
import type { CallOptions, SynthesisChunk, SynthesisRequest, Transcoder } from "../core/ports.ts";
import { audible } from "./audible.ts";

export type RightAudioOptions = CallOptions & {
  readonly request: SynthesisRequest;
  /** What the engine promised. */
  readonly format: AudioFormat;
  readonly transcoder: Transcoder;
};

export function rightAudio(
  chunks: AsyncIterable<SynthesisChunk>,
  options: RightAudioOptions,
): AsyncIterable<SynthesisChunk> {
  return audible(chunks, options);
}
