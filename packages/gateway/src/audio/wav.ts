import { type AudioFormat, bytesPerSample, encodingOf, type SampleEncoding } from "../core/audio-format.ts";
import { ByteQueue } from "./byte-queue.ts";
import { downmix, isSampleRate, type StreamDecoder, type StreamEncoder } from "./codec.ts";
import { BlockAligner, encodedSamples } from "./pcm.ts";
import { type SampleLayout, sampleReader } from "./wav-samples.ts";

/** RIFF's way to say "until the stream ends". */
const UNKNOWN_SIZE = 0xffff_ffff;
const MAX_FORMAT_BYTES = 1024;
/** Format tags (RFC 2361). */
const TAGS: Readonly<Record<SampleEncoding, number>> = { s16: 1, alaw: 6, mulaw: 7 };
const RIFF_BYTES = 12;
const CHUNK_HEAD_BYTES = 8;
const FORMAT_BYTES = 16;

/** Of what `wavHeader` writes: what is not plain samples also has an empty extension and a `fact` chunk, as RIFF demands. */
export function wavHeaderBytes(encoding: SampleEncoding): number {
  return encoding === "s16" ? 44 : 58;
}

/** What stands in front of mono samples. Without a length the sizes say "unknown", as a live stream must. */
export function wavHeader(
  sampleRateHz: number,
  dataBytes?: number,
  encoding: SampleEncoding = "s16",
): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(wavHeaderBytes(encoding));
  const view = new DataView(bytes.buffer);
  const ascii = (at: number, text: string): void => {
    for (let i = 0; i < text.length; i++) bytes[at + i] = text.charCodeAt(i);
  };
  const width = bytesPerSample({ encoding });
  const plain = encoding === "s16";
  ascii(0, "RIFF");
  view.setUint32(4, dataBytes === undefined ? UNKNOWN_SIZE : dataBytes + bytes.length - 8, true);
  ascii(8, "WAVEfmt ");
  view.setUint32(16, plain ? FORMAT_BYTES : FORMAT_BYTES + 2, true);
  view.setUint16(20, TAGS[encoding], true);
  view.setUint16(22, 1, true);
  view.setUint32(24, sampleRateHz, true);
  view.setUint32(28, sampleRateHz * width, true);
  view.setUint16(32, width, true);
  view.setUint16(34, width * 8, true);
  if (!plain) {
    const at = RIFF_BYTES + CHUNK_HEAD_BYTES + FORMAT_BYTES + 2;
    ascii(at, "fact");
    view.setUint32(at + 4, 4, true);
    view.setUint32(at + CHUNK_HEAD_BYTES, dataBytes ?? UNKNOWN_SIZE, true); // samples, a byte each
  }
  ascii(bytes.length - CHUNK_HEAD_BYTES, "data");
  view.setUint32(bytes.length - 4, dataBytes ?? UNKNOWN_SIZE, true);
  return bytes;
}

export function createWavEncoder(format: AudioFormat): StreamEncoder {
  const encoding = encodingOf(format);
  let head = true;
  const withHead = (chunks: Uint8Array[]): Uint8Array[] => {
    if (!head) return chunks;
    head = false;
    return [wavHeader(format.sampleRateHz, undefined, encoding), ...chunks];
  };
  return {
    encode: (samples) => withHead([encodedSamples(samples, encoding)]),
    finish: () => withHead([]),
    free: () => {},
  };
}

/**
 * Reads what writers of WAV really write: extra chunks before and after the samples, the size of a stream left unknown
 * (0xFFFFFFFF, 0, or any number larger than what comes), WAVE_FORMAT_EXTENSIBLE, integers, floats and telephone codecs.
 */
class WavDecoder implements StreamDecoder {
  sampleRateHz = 0;
  readonly #queue = new ByteQueue();
  #state: "riff" | "chunk" | "data" | "done" = "riff";
  #skip = 0;
  #dataLeft = 0;
  #layout: SampleLayout | undefined;
  #read: ((bytes: Uint8Array) => Float32Array[]) | undefined;
  #aligner = new BlockAligner(1);

  decode(bytes: Uint8Array): Float32Array[] {
    if (this.#state === "done") return [];
    if (this.#state === "data") return this.#samples(bytes);
    this.#queue.push(bytes);
    while (this.#state === "riff" || this.#state === "chunk") if (!this.#step()) return [];
    const rest = this.#queue.take(this.#queue.length);
    return this.#samples(rest);
  }

  finish(): Float32Array[] {
    if (this.#state === "riff" || this.#state === "chunk") throw new Error("wav without samples");
    return [];
  }

  free(): void {}

  /** One step through the header; false when it needs more bytes. */
  #step(): boolean {
    const skipped = Math.min(this.#skip, this.#queue.length);
    this.#queue.skip(skipped);
    this.#skip -= skipped;
    if (this.#skip > 0) return false;
    const bytes = this.#queue.peek();
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    if (this.#state === "riff") return this.#readRiff(bytes);
    if (bytes.length < 8) return false;
    const id = String.fromCharCode(...bytes.subarray(0, 4));
    const size = view.getUint32(4, true);
    if (id === "data") return this.#startData(size);
    if (id !== "fmt ") {
      this.#queue.skip(8);
      this.#skip = size + (size & 1);
      return true;
    }
    if (size < 16 || size > MAX_FORMAT_BYTES) throw new Error("wav with an impossible fmt chunk");
    if (bytes.length < 8 + size) return false;
    this.#readFormat(new DataView(bytes.buffer, bytes.byteOffset + 8, size));
    this.#queue.skip(8 + size + (size & 1));
    return true;
  }

  #readRiff(bytes: Uint8Array): boolean {
    const seen = String.fromCharCode(...bytes.subarray(0, Math.min(4, bytes.length)));
    if (!"RIFF".startsWith(seen)) throw new Error("not a RIFF file");
    if (bytes.length < 12) return false;
    if (String.fromCharCode(...bytes.subarray(8, 12)) !== "WAVE") throw new Error("a RIFF file, but not WAVE");
    this.#queue.skip(12);
    this.#state = "chunk";
    return true;
  }

  #readFormat(format: DataView): void {
    const tag = format.getUint16(0, true);
    const extensible = tag === 0xfffe && format.byteLength >= 26;
    const layout: SampleLayout = {
      codec: extensible ? format.getUint16(24, true) : tag,
      channels: format.getUint16(2, true),
      bits: format.getUint16(14, true),
    };
    const rate = format.getUint32(4, true);
    if (layout.channels < 1 || layout.channels > 32 || !isSampleRate(rate))
      throw new Error("wav with an impossible fmt chunk");
    this.sampleRateHz = rate;
    this.#layout = layout;
    this.#read = sampleReader(layout);
    this.#aligner = new BlockAligner(layout.channels * (layout.bits >> 3));
  }

  #startData(size: number): boolean {
    if (this.#layout === undefined) throw new Error("wav with samples before their format");
    this.#queue.skip(8);
    this.#dataLeft = size === 0 || size === UNKNOWN_SIZE ? Number.POSITIVE_INFINITY : size;
    this.#state = "data";
    return true;
  }

  #samples(bytes: Uint8Array): Float32Array[] {
    const ours = bytes.length > this.#dataLeft ? bytes.subarray(0, this.#dataLeft) : bytes;
    this.#dataLeft -= ours.length;
    if (this.#dataLeft === 0) this.#state = "done";
    const blocks = this.#aligner.align(ours);
    return blocks.length === 0 ? [] : [downmix(this.#read!(blocks))];
  }
}

export function createWavDecoder(): StreamDecoder {
  return new WavDecoder();
}
