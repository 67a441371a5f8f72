import { concat } from "../core/async.ts";
import type { AudioInspection, SoundPart } from "../core/ports.ts";
import type { SoundShape } from "../core/sound-shape.ts";
import type { StreamDecoder, StreamEncoder } from "./codec.ts";
import type { Codecs, RatedEncoder } from "./codecs.ts";
import { Resampler } from "./resample.ts";
import { Shaper } from "./shape/shaper.ts";
import type { Conversion, Heard } from "./worker-messages.ts";

/**
 * One run of decoder, shaper, resampler and encoder. Everything throws plain errors: who calls knows what they mean.
 * What it gives it makes step by step, as it is asked: thirteen bytes of FLAC may be 65,536 samples, so the size of what goes
 * in bounds neither the work nor what comes out. A step is bounded, and may give no bytes. Take all steps before the next call.
 */
export interface Converter {
  /** The output these bytes completed. */
  push(bytes: Uint8Array): Iterable<Uint8Array>;
  /** The rest. Throws when the whole input gave no sample. */
  finish(): Iterable<Uint8Array>;
  /** What was heard so far, and how long the sound was that was encoded. */
  heard(): Heard;
  free(): void;
}

/** What is turned at once into the format to make: the most that a rate of 1 kHz, four times slower, becomes is 6 MB. */
const BITE_SAMPLES = 8192;
/** A step ends with the bite that brings it to one of these: a little more than what usual slices of input make. */
const STEP_SAMPLES = 64 * 1024;
const STEP_BYTES = 64 * 1024;
/** Listens instead of encoding. */
class Meter {
  #samples = 0;
  #peak = 0;

  add(block: Float32Array): void {
    this.#samples += block.length;
    for (const sample of block) {
      const size = Math.abs(sample);
      if (size > this.#peak) this.#peak = size;
    }
  }

  read(sampleRateHz: number): AudioInspection {
    return { durationMs: (this.#samples * 1000) / (sampleRateHz || 1), peak: Math.min(1, this.#peak) };
  }

  get heard(): boolean {
    return this.#samples > 0;
  }
}

/** Lets a part of the samples through, which is told in ms because their rate is known only with the first of them. */
class Cutter {
  readonly #part: SoundPart;
  #at = 0;

  constructor(part: SoundPart) {
    this.#part = part;
  }

  cut(block: Float32Array, sampleRateHz: number): Float32Array {
    const start = Math.round((this.#part.startMs * sampleRateHz) / 1000);
    const end = start + Math.round((this.#part.lengthMs * sampleRateHz) / 1000);
    const from = this.#at;
    this.#at += block.length;
    return block.subarray(Math.max(0, start - from), Math.max(0, end - from));
  }
}

class DecodingConverter implements Converter {
  readonly #decoder: StreamDecoder;
  readonly #encoder: StreamEncoder | undefined;
  readonly #encoderRateHz: number;
  readonly #shape: SoundShape | undefined;
  readonly #cutter: Cutter | undefined;
  readonly #maxMs: number;
  readonly #meter = new Meter();
  #decoded = 0;
  #encoded = 0;
  #shaper: Shaper | undefined;
  #resampler: Resampler | undefined;
  #freed = false;

  constructor(
    decoder: StreamDecoder,
    encoder: RatedEncoder | undefined,
    { shape, part, maxMs = Number.POSITIVE_INFINITY }: Pick<Conversion, "shape" | "part" | "maxMs">,
  ) {
    this.#decoder = decoder;
    this.#encoder = encoder?.encoder;
    this.#encoderRateHz = encoder?.sampleRateHz ?? 0;
    this.#shape = shape;
    this.#cutter = part && new Cutter(part);
    this.#maxMs = maxMs;
  }

  *push(bytes: Uint8Array): Generator<Uint8Array> {
    yield* this.#steps(this.#decoder.decode(bytes));
  }

  *finish(): Generator<Uint8Array> {
    yield* this.#steps(this.#decoder.finish());
    if (!this.#meter.heard) throw new Error("not one sample in this audio");
    if (this.#encoder === undefined) return;
    const chunks: Uint8Array[] = [];
    for (const rest of this.#shaper?.finish() ?? []) chunks.push(...this.#encodeSamples(rest));
    if (this.#resampler) chunks.push(...this.#given(this.#resampler.finish()));
    chunks.push(...this.#encoder.finish());
    yield concat(chunks);
  }

  heard(): Heard {
    const soundMs = (this.#encoded * 1000) / (this.#encoderRateHz || 1);
    return { ...this.#meter.read(this.#decoder.sampleRateHz), soundMs };
  }

  free(): void {
    if (this.#freed) return;
    this.#freed = true;
    this.#decoder.free();
    this.#encoder?.free();
  }

  *#steps(blocks: Iterable<Float32Array>): Generator<Uint8Array> {
    let chunks: Uint8Array[] = [];
    let samples = 0;
    let bytes = 0;
    for (const block of blocks) {
      for (let at = 0; at < block.length; at += BITE_SAMPLES) {
        const bite = block.subarray(at, at + BITE_SAMPLES);
        samples += bite.length;
        for (const chunk of this.#encode(bite)) {
          chunks.push(chunk);
          bytes += chunk.length;
        }
        if (samples < STEP_SAMPLES && bytes < STEP_BYTES) continue;
        yield concat(chunks);
        chunks = [];
        samples = bytes = 0;
      }
    }
    if (samples > 0) yield concat(chunks);
  }

  #encode(bite: Float32Array): Uint8Array[] {
    const rate = this.#decoder.sampleRateHz;
    this.#decoded += bite.length;
    if ((this.#decoded * 1000) / rate > this.#maxMs) throw new Error("more sound than one piece of speech has");
    const block = this.#cutter?.cut(bite, rate) ?? bite;
    if (block.length === 0) return [];
    this.#meter.add(block);
    if (this.#encoder === undefined) return [];
    if (this.#shape !== undefined) this.#shaper ??= new Shaper(this.#shape, rate);
    return this.#encodeSamples(this.#shaper?.push(block) ?? block);
  }

  #encodeSamples(samples: Float32Array): Uint8Array[] {
    if (samples.length === 0) return [];
    const rate = this.#decoder.sampleRateHz;
    if (rate !== this.#encoderRateHz) this.#resampler ??= new Resampler(rate, this.#encoderRateHz);
    const resampled = this.#resampler?.push(samples) ?? samples;
    return this.#given(resampled);
  }

  #given(samples: Float32Array): Uint8Array[] {
    this.#encoded += samples.length;
    return samples.length > 0 ? this.#encoder!.encode(samples) : [];
  }
}

/** Without `to` it only listens. Rejects for formats that cannot be decoded or made. */
export async function createConverter(codecs: Codecs, { from, to, ...how }: Conversion): Promise<Converter> {
  const rated = to === undefined ? undefined : await codecs.createEncoder(to);
  const rate = rated?.sampleRateHz ?? from.sampleRateHz;
  try {
    return new DecodingConverter(await codecs.createDecoder(from, rate), rated, how);
  } catch (error) {
    rated?.encoder.free();
    throw error;
  }
}
