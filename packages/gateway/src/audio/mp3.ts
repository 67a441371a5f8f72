import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { MPEGDecoder } from "mpg123-decoder";
import { createEncoder, type WasmMediaEncoder } from "wasm-media-encoders";
import { downmix, type StreamDecoder, type StreamEncoder } from "./codec.ts";
import type { Frame } from "./frame-splitter.ts";
import { createMp3Splitter, isInfoFrame } from "./mp3-frames.ts";

type Lame = WasmMediaEncoder<"audio/mpeg">;
type Bitrate = NonNullable<Parameters<Lame["configure"]>[0]["bitrate"]>;

const DEFAULT_BITRATE_BPS = 48_000;
const BITRATES_KBPS: readonly Bitrate[] = [8, 16, 24, 32, 40, 48, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320];
/** LAME's own input buffer is sized by what it is given; more at once only costs memory. */
const SAMPLES_PER_CALL = 4096;
const MAX_IDLE = 4;

/** Makes MP3 encoders, each with a WASM memory of its own that is used again: the code is compiled once. */
export class Mp3EncoderPool {
  readonly #idle: Lame[] = [];
  #module: Promise<WebAssembly.Module> | undefined;

  async create(sampleRateHz: number, bitrateBps = DEFAULT_BITRATE_BPS): Promise<StreamEncoder> {
    this.#module ??= WebAssembly.compile(
      readFileSync(createRequire(import.meta.url).resolve("wasm-media-encoders/wasm/mp3")),
    );
    const lame = this.#idle.pop() ?? (await createEncoder("audio/mpeg", await this.#module));
    const kbps = BITRATES_KBPS.findLast((rate) => rate * 1000 <= bitrateBps) ?? 8;
    lame.configure({ channels: 1, sampleRate: sampleRateHz, outputSampleRate: sampleRateHz as 24_000, bitrate: kbps });
    return {
      encode(samples) {
        const chunks: Uint8Array[] = [];
        for (let at = 0; at < samples.length; at += SAMPLES_PER_CALL) {
          const part = samples.subarray(at, at + SAMPLES_PER_CALL);
          chunks.push(lame.encode([part]).slice()); // it lends a view into its memory
        }
        return chunks;
      },
      finish: () => [lame.finalize().slice()],
      free: () => {
        if (this.#idle.length < MAX_IDLE) this.#idle.push(lame);
      },
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

  decode(bytes: Uint8Array): Float32Array[] {
    return this.#decodeFrames(this.#splitter.push(bytes));
  }

  finish(): Float32Array[] {
    return this.#decodeFrames(this.#splitter.finish());
  }

  free(): void {
    this.#mpg123.free();
  }

  /** Only frames that were checked reach mpg123: fed with garbage, its JavaScript may loop for ever on one error. */
  #decodeFrames(frames: readonly Frame[]): Float32Array[] {
    const samples: Float32Array[] = [];
    for (const frame of frames) {
      const info = this.#first && isInfoFrame(frame);
      this.#first = false;
      if (info) continue;
      this.sampleRateHz = frame.header.sampleRateHz;
      const mono = (frame.bytes[3]! & 0xc0) === 0xc0;
      const { channelData, samplesDecoded } = this.#mpg123.decode(frame.bytes);
      if (samplesDecoded > 0) samples.push(mono ? channelData[0]! : downmix(channelData));
    }
    return samples;
  }
}

export async function createMp3Decoder(): Promise<StreamDecoder> {
  const mpg123 = new MPEGDecoder({ enableGapless: false });
  await mpg123.ready;
  return new Mp3Decoder(mpg123);
}
