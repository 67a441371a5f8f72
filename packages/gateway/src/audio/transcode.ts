import { availableParallelism } from "node:os";
import { only } from "../core/async.ts";
import { type AudioFormat, encodingOf, hasEncoding, sameFormat } from "../core/audio-format.ts";
import { type Clock, systemClock } from "../core/clock.ts";
import { SpeechError } from "../core/errors.ts";
import type { AudioInspection, CallOptions, Transcoder } from "../core/ports.ts";
import { createAdtsSplitter } from "./aac-frames.ts";
import { Codecs, canDecode } from "./codecs.ts";
import { createConverter } from "./converter.ts";
import { TranscodeJob } from "./transcode-job.ts";
import { WorkerPool } from "./worker-pool.ts";

export type TranscoderOptions = {
  /** Threads; they start when they are needed. */
  readonly workers?: number;
  readonly clock?: Clock;
  readonly stallTimeoutMs?: number;
};

const MAX_DEFAULT_WORKERS = 2;
const DEFAULT_STALL_TIMEOUT_MS = 10_000;
/** Ten seconds of PCM take two milliseconds; beyond that it is a worker's business. */
const MAX_INLINE_BYTES = 512 * 1024;

const isUncompressed = ({ name }: AudioFormat): boolean => hasEncoding(name);

/** Whether one is the other with a header more or less: the samples stay as they are. */
function isRewrap(from: AudioFormat, to: AudioFormat): boolean {
  if (!isUncompressed(from) || !isUncompressed(to)) return false;
  return from.sampleRateHz === to.sampleRateHz && encodingOf(from) === encodingOf(to);
}

function assertDecodable({ name }: AudioFormat): void {
  if (!canDecode(name)) throw new SpeechError("transcode_failed", `cannot decode ${name}`);
}

/** PCM to WAV and back: a header more or less, not worth a thread. */
async function* rewrap(
  audio: AsyncIterable<Uint8Array>,
  from: AudioFormat,
  to: AudioFormat,
  { signal }: CallOptions,
): AsyncIterable<Uint8Array> {
  const converter = await createConverter(new Codecs(), { from, to });
  for await (const chunk of audio) {
    signal.throwIfAborted();
    yield* output(converter.push(chunk));
  }
  signal.throwIfAborted();
  yield* output(converter.finish());
}

function* output(steps: Iterable<Uint8Array>): Generator<Uint8Array> {
  try {
    for (const bytes of steps) if (bytes.length > 0) yield bytes;
  } catch (error) {
    throw SpeechError.from(error, "transcode_failed", error instanceof Error ? error.message : "audio does not decode");
  }
}

async function inspectHere(audio: Uint8Array, format: AudioFormat): Promise<AudioInspection> {
  const converter = await createConverter(new Codecs(), { from: format });
  for (const _ of output(converter.push(audio))); // there is none without a format to make
  for (const _ of output(converter.finish()));
  const { durationMs, peak } = converter.heard();
  return { durationMs, peak };
}

/** What can be said of AAC without a decoder: that it is whole frames of one kind, and how many. */
function countAdtsFrames(audio: Uint8Array): AudioInspection {
  const splitter = createAdtsSplitter();
  const frames = [...splitter.push(audio), ...splitter.finish()];
  if (frames.length === 0 || frames.reduce((sum, { bytes }) => sum + bytes.length, 0) < audio.length) {
    throw new SpeechError("transcode_failed", "this is not whole frames of AAC");
  }
  const seconds = frames.reduce((sum, { header }) => sum + header.samples / header.sampleRateHz, 0);
  return { durationMs: seconds * 1000, peak: undefined };
}

/** Codecs in worker threads. What needs no codec never leaves this thread: the same format, or PCM and WAV of one rate and encoding. */
export function createTranscoder({
  workers = Math.min(MAX_DEFAULT_WORKERS, availableParallelism()),
  clock = systemClock,
  stallTimeoutMs = DEFAULT_STALL_TIMEOUT_MS,
}: TranscoderOptions = {}): Transcoder {
  const pool = new WorkerPool({ workers: Math.max(1, workers), clock, stallTimeoutMs });
  return {
    async *transcode(audio, from, to, { signal, shape, part, maxMs, onEnd }) {
      signal.throwIfAborted();
      const isPlain = shape === undefined && part === undefined;
      if (isPlain && sameFormat(from, to)) return yield* audio;
      assertDecodable(from);
      if (isPlain && isRewrap(from, to)) return yield* rewrap(audio, from, to, { signal });
      const bound = maxMs !== undefined && { maxMs };
      const conversion = { from, to, ...(shape && { shape }), ...(part && { part }), ...bound };
      return yield* new TranscodeJob({ pool, audio, conversion, signal, ...(onEnd && { onEnd }) }).output();
    },
    async inspect(audio, format, { signal, maxMs }) {
      signal.throwIfAborted();
      if (!canDecode(format.name)) return countAdtsFrames(audio);
      if (isUncompressed(format) && audio.length <= MAX_INLINE_BYTES) return inspectHere(audio, format);
      const conversion = { from: format, ...(maxMs !== undefined && { maxMs }) };
      return new TranscodeJob({ pool, audio: only(audio), conversion, signal }).inspection();
    },
    close: () => pool.close(),
  };
}
