import { only } from "../core/async.ts";
import { type AudioFormat, encodingOf } from "../core/audio-format.ts";
import type { AudioJoiner, CallOptions, MakeSilence, Silence, Transcoder } from "../core/ports.ts";
import { AAC_FRAME_SAMPLES, createAdtsSplitter } from "./aac-frames.ts";
import { createMp3Splitter, isInfoFrame } from "./mp3-frames.ts";

export type SilenceDeps = { readonly transcoder: Transcoder; readonly joiner: AudioJoiner };

/** Most pauses are of few lengths and small; a long one of samples is zeros, and soon made again. */
const MAX_KEPT_BYTES = 2 * 1024 * 1024;
const MAX_KEPT_ENTRY_BYTES = 256 * 1024;
/** Frames that an encoder needs behind its last sound to give it out. */
const FLUSH_FRAMES = 3;
const OPUS_FRAMES_PER_SECOND = 50;
/** The run-in that libopus puts in front of what it encodes, at every rate. */
const OPUS_RUN_IN_MS = 6.5;

/**
 * Silence in any format, to stand between two segments: as long as was asked where samples are counted, to the nearest
 * frame where a codec has frames. Decoders begin each part with run-in, which would make every silence longer than it
 * says; so what stands here is cut to its frames, and adds to the stream what it is long and nothing else.
 */
export function createSilence(deps: SilenceDeps): MakeSilence {
  /** The ones used last at the end. */
  const kept = new Map<string, Silence>();
  let keptBytes = 0;

  function keep(key: string, silence: Silence): void {
    if (silence.audio.byteLength > MAX_KEPT_ENTRY_BYTES || kept.has(key)) return;
    kept.set(key, silence);
    keptBytes += silence.audio.byteLength;
    for (const [oldest, { audio }] of kept) {
      if (keptBytes <= MAX_KEPT_BYTES) break;
      kept.delete(oldest);
      keptBytes -= audio.byteLength;
    }
  }

  return async (format, ms, options) => {
    const frame = frameSamples(format);
    const count = Math.max(1, Math.round((ms * format.sampleRateHz) / 1000 / frame));
    const key = JSON.stringify([format.name, format.sampleRateHz, format.bitrateBps, encodingOf(format), count]);
    const known = kept.get(key);
    if (known !== undefined) {
      kept.delete(key);
      kept.set(key, known);
      return known;
    }
    const audio = await make(deps, format, count, options);
    const silence = { audio, durationMs: (count * frame * 1000) / format.sampleRateHz };
    keep(key, silence);
    return silence;
  };
}

/** The least that a stream of this format can grow by. */
function frameSamples({ name, sampleRateHz }: AudioFormat): number {
  switch (name) {
    case "mp3":
      return sampleRateHz >= 32_000 ? 1152 : 576; // MPEG-1; MPEG-2 and 2.5
    case "aac":
      return AAC_FRAME_SAMPLES;
    case "opus":
      return sampleRateHz / OPUS_FRAMES_PER_SECOND;
    case "flac":
    case "wav":
    case "pcm":
      return 1;
  }
}

async function make(
  { transcoder, joiner }: SilenceDeps,
  format: AudioFormat,
  count: number,
  { signal }: CallOptions,
): Promise<Uint8Array> {
  const { name, sampleRateHz } = format;
  const samples = samplesToEncode(format, count);
  const zeros = new Uint8Array(samples * 2);
  const chunks: Uint8Array[] = [];
  for await (const chunk of transcoder.transcode(only(zeros), { name: "pcm", sampleRateHz }, format, { signal }))
    chunks.push(chunk);
  const encoded = Buffer.concat(chunks);
  return joiner.joinWhole(format, [name === "mp3" || name === "aac" ? firstFrames(encoded, format, count) : encoded]);
}

function samplesToEncode(format: AudioFormat, count: number): number {
  const whole = count * frameSamples(format);
  if (format.name === "opus") return whole - Math.ceil((OPUS_RUN_IN_MS * format.sampleRateHz) / 1000);
  return format.name === "mp3" || format.name === "aac" ? whole + FLUSH_FRAMES * frameSamples(format) : whole;
}

/** From the front: the first frames of a part lean on nothing that was before them. */
function firstFrames(encoded: Uint8Array, { name }: AudioFormat, count: number): Uint8Array {
  const splitter = name === "mp3" ? createMp3Splitter() : createAdtsSplitter();
  const frames = [...splitter.push(encoded), ...splitter.finish()];
  const sound = name === "mp3" && frames[0] !== undefined && isInfoFrame(frames[0]) ? frames.slice(1) : frames;
  if (sound.length < count) throw new Error(`${name} silence of ${sound.length} frames instead of ${count}`);
  return Buffer.concat(sound.slice(0, count).map(({ bytes }) => bytes));
}
