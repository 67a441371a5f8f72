import { createRequire } from "node:module";
import { type StreamEncoder, toInt16 } from "./codec.ts";

/** 48 ms at 24 kHz: the first sound is out soon, for 2 % more bytes than with libFLAC's usual 4096. */
const BLOCK_SAMPLES = 1152;
const COMPRESSION_LEVEL = 5;

type LibFlac = typeof import("libflacjs/dist/libflac.min.js");

/** Makes FLAC encoders that share one asm.js heap. The package's WASM build would fetch its file and crash Node. */
export class FlacEncoderFactory {
  #library: Promise<LibFlac> | undefined;

  async create(sampleRateHz: number): Promise<StreamEncoder> {
    this.#library ??= loadLibrary();
    const flac = await this.#library;
    const encoder = flac.create_libflac_encoder(sampleRateHz, 1, 16, COMPRESSION_LEVEL, 0, false, BLOCK_SAMPLES);
    if (encoder === 0) throw new Error("the FLAC encoder does not take these settings");
    let ready: Uint8Array[] = [];
    const taken = (): Uint8Array[] => {
      const chunks = ready;
      ready = [];
      return chunks;
    };
    const status = flac.init_encoder_stream(encoder, (bytes: Uint8Array) => {
      ready.push(bytes.slice());
    });
    if (status !== 0) throw new Error(`the FLAC encoder failed with ${status}`);
    let finished = false;
    return {
      encode(samples) {
        const integers = Int32Array.from(samples, toInt16);
        if (!flac.FLAC__stream_encoder_process_interleaved(encoder, integers, integers.length))
          throw new Error("the FLAC encoder failed");
        return taken();
      },
      finish() {
        finished = true;
        flac.FLAC__stream_encoder_finish(encoder);
        return taken();
      },
      free() {
        if (!finished) flac.FLAC__stream_encoder_finish(encoder);
        flac.FLAC__stream_encoder_delete(encoder);
      },
    };
  }
}

function loadLibrary(): Promise<LibFlac> {
  const flac = createRequire(import.meta.url)("libflacjs/dist/libflac.min.js") as LibFlac;
  if (flac.isReady()) return Promise.resolve(flac);
  return new Promise((resolve) => {
    flac.on("ready", () => resolve(flac));
  });
}
