import { concat } from "../core/async.ts";
import type { AudioFormat } from "../core/audio-format.ts";
import type { AudioInspection } from "../core/ports.ts";
import type { StreamDecoder, StreamEncoder } from "./codec.ts";
import type { Codecs } from "./codecs.ts";
import { Resampler } from "./resample.ts";

/** One run of decoder, resampler and encoder. Everything throws plain errors: who calls knows what they mean. */
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
  readonly #meter = new Meter();
  #resampler: Resampler | undefined;
  #freed = false;

  constructor(decoder: StreamDecoder, encoder: StreamEncoder | undefined, encoderRateHz: number) {
    this.#decoder = decoder;
    this.#encoder = encoder;
    this.#encoderRateHz = encoderRateHz;
  }

  push(bytes: Uint8Array): Uint8Array {
    return concat(this.#encode(this.#decoder.decode(bytes)));
  }

  finish(): Uint8Array {
    const chunks = this.#encode(this.#decoder.finish());
    if (!this.#meter.heard) throw new Error("not one sample in this audio");
    if (this.#encoder === undefined) return concat(chunks);
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
      const rate = this.#decoder.sampleRateHz;
      if (rate !== this.#encoderRateHz) this.#resampler ??= new Resampler(rate, this.#encoderRateHz);
      const samples = this.#resampler?.push(block) ?? block;
      if (samples.length > 0) chunks.push(...this.#encoder.encode(samples));
    }
    return chunks;
  }
}

/** Without `to` it only listens. Rejects for formats that cannot be decoded or made. */
export async function createConverter(
  codecs: Codecs,
  from: AudioFormat,
  to: AudioFormat | undefined,
): Promise<Converter> {
  const rated = to === undefined ? undefined : await codecs.createEncoder(to);
  const rate = rated?.sampleRateHz ?? from.sampleRateHz;
  try {
    return new DecodingConverter(await codecs.createDecoder(from, rate), rated?.encoder, rate);
  } catch (error) {
    rated?.encoder.free();
    throw error;
  }
}
