import { primed } from "../core/async.ts";
import { type AudioFormat, startDelayMs } from "../core/audio-format.ts";
import type { Clock } from "../core/clock.ts";
import type { CallOptions, SoundPart, SpeechMetadata, SynthesisChunk, Transcoder, WordTime } from "../core/ports.ts";
import type { SoundShape } from "../core/sound-shape.ts";
import { MAX_SEGMENT_MS } from "./plausible.ts";
import type { FlightTiming } from "./segment-cache.ts";

type Source = { readonly chunks: AsyncIterable<SynthesisChunk>; readonly timing: FlightTiming };
type TranscodedDeps = CallOptions & {
  readonly transcoder: Transcoder;
  readonly clock: Clock;
  readonly shape?: SoundShape;
  readonly onEnd?: (soundMs: number) => void;
};

/** A running synthesis in another format or shape, its words with it. What is known of the source is noted in `timing`. */
export async function* transcoded(
  { chunks, timing: sourceTiming }: Source,
  from: AudioFormat,
  to: AudioFormat,
  timing: FlightTiming,
  { transcoder, clock, signal, shape, onEnd }: TranscodedDeps,
): AsyncGenerator<SynthesisChunk> {
  // Encoders write their headers before they have audio; a header must not commit us to an engine that then says nothing.
  const source = await primed(chunks);
  timing.nativeAt = clock.monotonic();
  if (sourceTiming.elsewhere) timing.elsewhere = true;
  const words: WordTime[] = [];
  async function* audioOf(): AsyncGenerator<Uint8Array> {
    for await (const chunk of source) {
      if (chunk.words !== undefined) words.push(...decodedWords(chunk.words, from, { shape }));
      if (chunk.audio !== undefined) yield chunk.audio;
    }
  }
  try {
    const options = { signal, maxMs: MAX_SEGMENT_MS, ...(shape && { shape }), ...(onEnd && { onEnd }) };
    for await (const audio of transcoder.transcode(audioOf(), from, to, options)) {
      yield { audio, ...(words.length > 0 && { words: words.splice(0) }) };
    }
    if (words.length > 0) yield { words };
    if (sourceTiming.outlived) timing.outlived = true;
  } finally {
    await source.return?.();
  }
}

/** What of a stored copy is sound, where it is known and its codec has put something around it. */
export function soundPartOf({ format, soundMs }: SpeechMetadata): SoundPart | undefined {
  const startMs = startDelayMs(format);
  return soundMs === undefined || startMs === 0 ? undefined : { startMs, lengthMs: soundMs };
}

/**
 * Words of audio that is decoded to be encoded anew: its codec's run-in has become sound unless it was cut off, and a tempo
 * makes all of it shorter.
 */
export function decodedWords(
  words: readonly WordTime[],
  from: AudioFormat,
  { shape, part }: { readonly shape?: SoundShape | undefined; readonly part?: SoundPart | undefined } = {},
): readonly WordTime[] {
  const delayMs = part === undefined ? startDelayMs(from) : 0;
  const tempo = shape?.tempo ?? 1;
  if (delayMs === 0 && tempo === 1) return words;
  const at = (ms: number): number => (ms + delayMs) / tempo;
  return words.map(({ text, startMs, endMs }) => ({ text, startMs: at(startMs), endMs: at(endMs) }));
}
