import { MPEGDecoder } from "mpg123-decoder";
import { downmix, type StreamDecoder, type StreamEncoder } from "./codec.ts";
import type { Frame } from "./frame-splitter.ts";
import { Lame } from "./lame.ts";
import { createMp3Splitter, isInfoFrame, mp3Kbps } from "./mp3-frames.ts";

const DEFAULT_BITRATE_BPS = 48_000;
/** LAME's own input buffer is sized by what it is given; more at once only costs memory. */
const SAMPLES_PER_CALL = 4096;

/** Makes MP3 encoders that share one WASM memory. */
export class Mp3EncoderFactory {
  #lame: Promise<Lame> | undefined;

  /** The bit rate is the next lower one that MP3 has at this sample rate. */
  async create(sampleRateHz: number, bitrateBps = DEFAULT_BITRATE_BPS): Promise<StreamEncoder> {
    this.#lame ??= Lame.load();
    const lame = await this.#lame;
    const handle = lame.open(sampleRateHz, mp3Kbps(sampleRateHz, bitrateBps));
    return {
      encode(samples) {
        const chunks: Uint8Array[] = [];
        for (let at = 0; at < samples.length; at += SAMPLES_PER_CALL) {
          chunks.push(lame.encode(handle, samples.subarray(at, at + SAMPLES_PER_CALL)));
        }
        return chunks;
      },
      finish: () => [lame.flush(handle)],
      free: () => lame.close(handle),
    };
  }
}

class Mp3Decoder implements StreamDecoder {
  sampleRateHz = 0;
  readonly #mpg123: MPEGDecoder;
  readonly #splitter = createMp3Splitter();
  #first = true;

  constructor(mpg123: MPEGDecoder) {
    this.#mpg123 = mpg123;
  }

  *decode(bytes: Uint8Array): Generator<Float32Array> {
    yield* this.#decodeFrames(this.#splitter.push(bytes));
  }

  *finish(): Generator<Float32Array> {
    yield* this.#decodeFrames(this.#splitter.finish());
  }

  free(): void {
    this.#mpg123.free();
  }

  /** Only frames that were checked reach mpg123: fed with garbage, its JavaScript may loop for ever on one error. */
  *#decodeFrames(frames: readonly Frame[]): Generator<Float32Array> {
    for (const frame of frames) {
      const info = this.#first && isInfoFrame(frame);
      this.#first = false;
      if (info) continue;
      this.sampleRateHz = frame.header.sampleRateHz;
      const mono = (frame.bytes[3]! & 0xc0) === 0xc0;
      const { channelData, samplesDecoded } = this.#mpg123.decode(frame.bytes);
      if (samplesDecoded > 0) yield mono ? channelData[0]! : downmix(channelData);
    }
  }
}

export async function createMp3Decoder(): Promise<StreamDecoder> {
  const mpg123 = new MPEGDecoder({ enableGapless: false });
  await mpg123.ready;
  return new Mp3Decoder(mpg123);
}
