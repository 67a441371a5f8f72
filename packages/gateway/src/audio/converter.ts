import { concat } from "../core/async.ts";
import type { AudioInspection, SoundPart } from "../core/ports.ts";
import type { SoundShape } from "../core/sound-shape.ts";
import type { StreamDecoder, StreamEncoder } from "./codec.ts";
import type { Codecs, RatedEncoder } from "./codecs.ts";
import { Resampler } from "./resample.ts";
import { Shaper } from "./shape/shaper.ts";
import type { Conversion, Heard } from "./worker-messages.ts";

/** One run of decoder, shaper, resampler and encoder. Everything throws plain errors: who calls knows what they mean. */
export interface Converter {
  /** The output these bytes completed; may be empty. */
  push(bytes: Uint8Array): Uint8Array;
  /** The rest. Throws when the whole input gave no sample. */
  finish(): Uint8Array;
  /** What was heard so far, and how long the sound was that was encoded. */
  heard(): Heard;
  free(): void;
}

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
  readonly #meter = new Meter();
  #encoded = 0;
  #shaper: Shaper | undefined;
  #resampler: Resampler | undefined;
  #freed = false;

  constructor(
    decoder: StreamDecoder,
    encoder: RatedEncoder | undefined,
    { shape, part }: Pick<Conversion, "shape" | "part">,
  ) {
    this.#decoder = decoder;
    this.#encoder = encoder?.encoder;
    this.#encoderRateHz = encoder?.sampleRateHz ?? 0;
    this.#shape = shape;
    this.#cutter = part && new Cutter(part);
  }

  push(bytes: Uint8Array): Uint8Array {
    return concat(this.#encode(this.#decoder.decode(bytes)));
  }

  finish(): Uint8Array {
    const chunks = this.#encode(this.#decoder.finish());
    if (!this.#meter.heard) throw new Error("not one sample in this audio");
    if (this.#encoder === undefined) return concat(chunks);
    for (const rest of this.#shaper?.finish() ?? []) chunks.push(...this.#encodeSamples(rest));
    if (this.#resampler) chunks.push(...this.#given(this.#resampler.finish()));
    chunks.push(...this.#encoder.finish());
    return concat(chunks);
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

  #encode(blocks: readonly Float32Array[]): Uint8Array[] {
    const chunks: Uint8Array[] = [];
    for (const decoded of blocks) {
      const block = this.#cutter?.cut(decoded, this.#decoder.sampleRateHz) ?? decoded;
      if (block.length === 0) continue;
      this.#meter.add(block);
      if (this.#encoder === undefined) continue;
      if (this.#shape !== undefined) this.#shaper ??= new Shaper(this.#shape, this.#decoder.sampleRateHz);
      chunks.push(...this.#encodeSamples(this.#shaper?.push(block) ?? block));
    }
    return chunks;
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
