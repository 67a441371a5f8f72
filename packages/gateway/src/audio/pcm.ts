import { type AudioFormat, bytesPerSample, encodingOf, type SampleEncoding } from "../core/audio-format.ts";
import { type StreamDecoder, type StreamEncoder, toInt16 } from "./codec.ts";
import { g711Bytes, g711Samples } from "./g711.ts";

/** Samples as s16le bytes. */
export function pcmBytes(samples: Float32Array): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(samples.length * 2);
  for (let at = 0; at < samples.length; at++) {
    const value = toInt16(samples[at]!);
    bytes[2 * at] = value;
    bytes[2 * at + 1] = value >> 8;
  }
  return bytes;
}

export function pcmSamples(bytes: Uint8Array): Float32Array {
  const samples = new Float32Array(bytes.length >> 1);
  for (let at = 0; at < samples.length; at++) {
    samples[at] = (((bytes[2 * at]! | (bytes[2 * at + 1]! << 8)) << 16) >> 16) / 32_768;
  }
  return samples;
}

/** Samples as bytes of this encoding. */
export function encodedSamples(samples: Float32Array, encoding: SampleEncoding): Uint8Array<ArrayBuffer> {
  return encoding === "s16" ? pcmBytes(samples) : g711Bytes(samples, encoding);
}

/** Cuts a stream of bytes into whole blocks of `size` bytes, keeping what is left for the next piece. */
export class BlockAligner {
  readonly #size: number;
  #rest: Uint8Array = new Uint8Array(0);

  constructor(size: number) {
    this.#size = size;
  }

  align(bytes: Uint8Array): Uint8Array {
    let whole = bytes;
    if (this.#rest.length > 0) {
      whole = new Uint8Array(this.#rest.length + bytes.length);
      whole.set(this.#rest);
      whole.set(bytes, this.#rest.length);
    }
    const cut = whole.length - (whole.length % this.#size);
    this.#rest = new Uint8Array(whole.subarray(cut)); // a copy, also of a Buffer, whose slice() is a view
    return whole.subarray(0, cut);
  }
}

export function createPcmDecoder(format: AudioFormat): StreamDecoder {
  const encoding = encodingOf(format);
  const aligner = new BlockAligner(bytesPerSample(format));
  return {
    sampleRateHz: format.sampleRateHz,
    decode(bytes) {
      const whole = aligner.align(bytes);
      return [encoding === "s16" ? pcmSamples(whole) : g711Samples(whole, encoding)];
    },
    finish: () => [], // half a sample at the end is what a cut connection leaves; nobody hears it
    free: () => {},
  };
}

export function createPcmEncoder(format: AudioFormat): StreamEncoder {
  const encoding = encodingOf(format);
  return { encode: (samples) => [encodedSamples(samples, encoding)], finish: () => [], free: () => {} };
}
