import type { AudioFormat } from "../core/audio-format.ts";
import { SpeechError } from "../core/errors.ts";
import type { CallOptions, SpeechEngine, SpeechMetadata, SynthesisRequest, Transcoder } from "../core/ports.ts";
import { AUDIBLE_PEAK } from "./audible.ts";
import { MAX_SEGMENT_MS } from "./plausible.ts";
import type { Synthesized } from "./shared-synthesis.ts";
import { wordPlaces } from "./word-places.ts";

export type ExaminedSegment = {
  readonly engine: SpeechEngine;
  readonly request: SynthesisRequest;
  readonly format: AudioFormat;
  readonly generation: 0 | 1;
  readonly soundMs: number | undefined;
  readonly createdAtMs: number;
};

/** Listens to finished audio once more as a stranger would. Throws `engine_no_audio` for silence, `transcode_failed` for no audio. */
export async function examine(
  { audio, words }: Synthesized,
  { engine, request, format, generation, soundMs, createdAtMs }: ExaminedSegment,
  { transcoder, signal }: CallOptions & { readonly transcoder: Transcoder },
): Promise<SpeechMetadata> {
  const { durationMs, peak } = await transcoder.inspect(audio, format, { signal, maxMs: MAX_SEGMENT_MS });
  if (peak !== undefined && peak < AUDIBLE_PEAK * Math.min(1, request.volume))
    throw new SpeechError("engine_no_audio", "the finished audio is silent");
  const places = wordPlaces(words, request.text, 0);
  return {
    format,
    durationMs,
    engine: engine.name,
    voice: request.voice,
    characters: request.text.length,
    createdAtMs,
    generation,
    ...(soundMs !== undefined && { soundMs }),
    ...(places.length > 0 && { words: places }),
  };
}
