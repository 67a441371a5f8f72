import { concat } from "../core/async.ts";
import type { AudioFormat } from "../core/audio-format.ts";
import type { AudioInspection } from "../core/ports.ts";
import type { SoundShape } from "../core/sound-shape.ts";
import type { StreamDecoder, StreamEncoder } from "./codec.ts";
import type { Codecs, RatedEncoder } from "./codecs.ts";
import { Resampler } from "./resample.ts";
import { Shaper } from "./shape/shaper.ts";

/** One run of decoder, shaper, resampler and encoder. Everything throws plain errors: who calls knows what they mean. */
export interface Converter {
  /** The output these bytes completed; may be empty. */
  push(bytes: Uint8Array): Uint8Array;
  /** The rest. Throws when the whole input gave no sample. */
  finish(): Uint8Array;
  /** What was heard so far. */
  inspection(): AudioInspection;
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

class DecodingConverter implements Converter {
  readonly #decoder: StreamDecoder;
  readonly #encoder: StreamEncoder | undefined;
  readonly #encoderRateHz: number;
  readonly #shape: SoundShape | undefined;
  readonly #meter = new Meter();
  #shaper: Shaper | undefined;
  #resampler: Resampler | undefined;
  #freed = false;

  constructor(decoder: StreamDecoder, encoder: RatedEncoder | undefined, shape: SoundShape | undefined) {
    this.#decoder = decoder;
    this.#encoder = encoder?.encoder;
    this.#encoderRateHz = encoder?.sampleRateHz ?? 0;
    this.#shape = shape;
  }

  push(bytes: Uint8Array): Uint8Array {
    return concat(this.#encode(this.#decoder.decode(bytes)));
  }

  finish(): Uint8Array {
    const chunks = this.#encode(this.#decoder.finish());
    if (!this.#meter.heard) throw new Error("not one sample in this audio");
    if (this.#encoder === undefined) return concat(chunks);
    for (const rest of this.#shaper?.finish() ?? []) chunks.push(...this.#encodeSamples(rest));
    if (this.#resampler) chunks.push(...this.#encoder.encode(this.#resampler.finish()));
    chunks.push(...this.#encoder.finish());
    return concat(chunks);
  }

  inspection(): AudioInspection {
    return this.#meter.read(this.#decoder.sampleRateHz);
  }

  free(): void {
    if (this.#freed) return;
    this.#freed = true;
    this.#decoder.free();
    this.#encoder?.free();
  }

  #encode(blocks: readonly Float32Array[]): Uint8Array[] {
    const chunks: Uint8Array[] = [];
    for (const block of blocks) {
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
    return resampled.length > 0 ? this.#encoder!.encode(resampled) : [];
  }
}

/** Without `to` it only listens. Rejects for formats that cannot be decoded or made. */
export async function createConverter(
  codecs: Codecs,
  from: AudioFormat,
  to: AudioFormat | undefined,
  shape?: SoundShape,
): Promise<Converter> {
  const rated = to === undefined ? undefined : await codecs.createEncoder(to);
  const rate = rated?.sampleRateHz ?? from.sampleRateHz;
  try {
    return new DecodingConverter(await codecs.createDecoder(from, rate), rated, shape);
  } catch (error) {
    rated?.encoder.free();
    throw error;
  }
}
