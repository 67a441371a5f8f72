import { primed } from "../core/async.ts";
import { type AudioFormat, startDelayMs } from "../core/audio-format.ts";
import type { Clock } from "../core/clock.ts";
import type { CallOptions, SynthesisChunk, Transcoder, WordTime } from "../core/ports.ts";
import type { FlightTiming } from "./segment-cache.ts";

type Source = { readonly chunks: AsyncIterable<SynthesisChunk>; readonly timing: FlightTiming };
type TranscodedDeps = CallOptions & { readonly transcoder: Transcoder; readonly clock: Clock };

/** A running synthesis in another format, its words with it. What is known of the source is noted in `timing`. */
export async function* transcoded(
  { chunks, timing: sourceTiming }: Source,
  from: AudioFormat,
  to: AudioFormat,
  timing: FlightTiming,
  { transcoder, clock, signal }: TranscodedDeps,
): AsyncGenerator<SynthesisChunk> {
  // Encoders write their headers before they have audio; a header must not commit us to an engine that then says nothing.
  const source = await primed(chunks);
  timing.nativeAt = clock.monotonic();
  if (sourceTiming.elsewhere) timing.elsewhere = true;
  const words: WordTime[] = [];
  async function* audioOf(): AsyncGenerator<Uint8Array> {
    for await (const chunk of source) {
      if (chunk.words !== undefined) words.push(...delayed(chunk.words, from));
      if (chunk.audio !== undefined) yield chunk.audio;
    }
  }
  try {
    for await (const audio of transcoder.transcode(audioOf(), from, to, { signal })) {
      yield { audio, ...(words.length > 0 && { words: words.splice(0) }) };
    }
    if (words.length > 0) yield { words };
    if (sourceTiming.outlived) timing.outlived = true;
  } finally {
    await source.return?.();
  }
}

/** Words of audio that is decoded to be encoded anew: its codec's run-in has become sound. */
export function delayed(words: readonly WordTime[], from: AudioFormat): readonly WordTime[] {
  const delayMs = startDelayMs(from);
  if (delayMs === 0) return words;
  return words.map(({ text, startMs, endMs }) => ({ text, startMs: startMs + delayMs, endMs: endMs + delayMs }));
}
