import { PushStream } from "../core/async.ts";
import { type AudioFormat, encodingOf } from "../core/audio-format.ts";
import { SpeechError } from "../core/errors.ts";
import type { CallOptions, SynthesisChunk, Transcoder } from "../core/ports.ts";
import { isNoise } from "./noise.ts";

/** Samples below this are silence: -54 dBFS, above the dither of every engine measured and below any speech. */
export const AUDIBLE_PEAK = 0.002;

/** More leading silence than this is an engine that says nothing. */
const MAX_LEADING_SILENCE_MS = 5_000;
const MAX_UNHEARD_BYTES = 1024 * 1024;
const PCM_BYTES_PER_SAMPLE = 2;

export type AudibleOptions = CallOptions & { readonly format: AudioFormat; readonly transcoder: Transcoder };

/**
 * Passes a synthesis on from its first audible sample; what came before is held back until then, so that a silent
 * engine, or one that sends noise that does not decode, is noticed while another can still take over.
 * Throws `engine_no_audio` for silence, `engine_failed` for bytes that are not audio.
 */
export function audible(
  chunks: AsyncIterable<SynthesisChunk>,
  options: AudibleOptions,
): AsyncGenerator<SynthesisChunk> {
  const { format } = options;
  if (format.name === "aac") return someAudio(chunks); // nobody here can decode it
  const bare = format.name === "pcm" && encodingOf(format) === "s16";
  return bare ? audiblePcm(chunks, format) : audibleDecoded(chunks, options);
}

/** Largest absolute sample of s16le bytes, 0..1. A first or last half sample is left out. */
export function pcmPeak(bytes: Uint8Array, offset: number): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let peak = 0;
  for (let at = offset; at + 1 < bytes.byteLength; at += PCM_BYTES_PER_SAMPLE) {
    const sample = Math.abs(view.getInt16(at, true));
    if (sample > peak) peak = sample;
  }
  return peak / 32_768;
}

async function* someAudio(chunks: AsyncIterable<SynthesisChunk>): AsyncGenerator<SynthesisChunk> {
  let heard = false;
  for await (const chunk of chunks) {
    heard ||= chunk.audio !== undefined;
    yield chunk;
  }
  if (!heard) throw noAudio();
}

async function* audiblePcm(chunks: AsyncIterable<SynthesisChunk>, format: AudioFormat): AsyncGenerator<SynthesisChunk> {
  const held: SynthesisChunk[] = [];
  const maxHeldBytes = (format.sampleRateHz * PCM_BYTES_PER_SAMPLE * MAX_LEADING_SILENCE_MS) / 1000;
  let heldBytes = 0;
  let heard = false;
  for await (const chunk of chunks) {
    if (heard) {
      yield chunk;
      continue;
    }
    held.push(chunk);
    if (chunk.audio === undefined) continue;
    // A chunk may begin in the middle of a sample; its parity follows from all bytes before it.
    const offset = heldBytes % PCM_BYTES_PER_SAMPLE;
    heard = pcmPeak(chunk.audio, offset) >= AUDIBLE_PEAK;
    if (heard && isNoise(chunk.audio, offset)) throw noise();
    heldBytes += chunk.audio.byteLength;
    if (heard) yield* held.splice(0);
    else if (heldBytes > maxHeldBytes) throw silent();
  }
  if (!heard) throw heldBytes === 0 ? noAudio() : silent();
}

async function* audibleDecoded(
  chunks: AsyncIterable<SynthesisChunk>,
  { format, transcoder, signal }: AudibleOptions,
): AsyncGenerator<SynthesisChunk> {
  const source = chunks[Symbol.asyncIterator]();
  const copy = new PushStream<Uint8Array>();
  const stop = new AbortController();
  const abort = (): void => stop.abort(signal.reason);
  signal.addEventListener("abort", abort, { once: true });
  const verdict = listen(copy, format, transcoder, stop.signal);
  verdict.catch(() => {});
  const held: SynthesisChunk[] = [];
  let bytes = 0;
  try {
    for (let pending = source.next(); ; pending = source.next()) {
      pending.catch(() => {}); // thrown when it is awaited
      // Enough to tell: what is sent faster than it is decoded must not pile up here.
      if (bytes > MAX_UNHEARD_BYTES) copy.end();
      const next = bytes > MAX_UNHEARD_BYTES ? await verdict : await Promise.race([pending, verdict]);
      if (next === "audible") {
        yield* held;
        for (let rest = await pending; !rest.done; rest = await source.next()) yield rest.value;
        return;
      }
      if (next.done) break;
      held.push(next.value);
      if (next.value.audio === undefined) continue;
      bytes += next.value.audio.byteLength;
      copy.push(next.value.audio);
    }
    if (bytes === 0) throw noAudio();
    copy.end();
    await verdict;
    yield* held;
  } finally {
    signal.removeEventListener("abort", abort);
    copy.end();
    stop.abort(new Error("heard enough"));
    void Promise.resolve(source.return?.()).catch(() => {});
  }
}

/** Decodes until something is heard. Rejects when there is nothing to be heard in it. */
async function listen(
  bytes: AsyncIterable<Uint8Array>,
  format: AudioFormat,
  transcoder: Transcoder,
  signal: AbortSignal,
): Promise<"audible"> {
  const pcm: AudioFormat = { name: "pcm", sampleRateHz: format.sampleRateHz };
  const maxBytes = (format.sampleRateHz * PCM_BYTES_PER_SAMPLE * MAX_LEADING_SILENCE_MS) / 1000;
  let decodedBytes = 0;
  try {
    for await (const chunk of transcoder.transcode(bytes, format, pcm, { signal })) {
      const offset = decodedBytes % PCM_BYTES_PER_SAMPLE;
      if (pcmPeak(chunk, offset) >= AUDIBLE_PEAK) {
        if (isNoise(chunk, offset)) throw noise();
        return "audible";
      }
      decodedBytes += chunk.byteLength;
      if (decodedBytes > maxBytes) break;
    }
  } catch (error) {
    if (signal.aborted || isOurs(error)) throw error;
    throw new SpeechError("engine_failed", `the engine's ${format.name} does not decode`, { cause: error });
  }
  throw silent();
}

const isOurs = (error: unknown): boolean => error instanceof SpeechError && error.code === "engine_failed";
const noise = (): SpeechError => new SpeechError("engine_failed", "the engine sent noise");
const silent = (): SpeechError => new SpeechError("engine_no_audio", "the engine sent only silence");
const noAudio = (): SpeechError => new SpeechError("engine_no_audio", "the engine finished without audio");
