/**
 * LAME as the npm package `wasm-media-encoders` compiles it, but with all encoders of a thread in one WASM memory: the
 * package's own class makes a memory for each, about 3 MB, and no two of them can share. The exported functions are
 * few: `enc_init` takes five numbers and gives a handle, and every other takes that handle.
 */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

/** What the C side exports. */
type LameExports = {
  readonly memory: WebAssembly.Memory;
  _initialize(): void;
  malloc(bytes: number): number;
  free(pointer: number): void;
  enc_init(parameters: number): number;
  enc_free(encoder: number): void;
  /** Where the pointer to each channel's samples lies. */
  enc_get_pcm(encoder: number, samples: number): number;
  enc_get_out_buf(encoder: number): number;
  /** Bytes made, or a negative error. */
  enc_encode(encoder: number, samples: number): number;
  enc_flush(encoder: number): number;
};

const PARAMETERS_BYTES = 20;

export class Lame {
  readonly #wasm: LameExports;

  private constructor(wasm: LameExports) {
    this.#wasm = wasm;
  }

  static async load(): Promise<Lame> {
    const file = createRequire(import.meta.url).resolve("wasm-media-encoders/wasm/mp3");
    const { instance } = await WebAssembly.instantiate(readFileSync(file), {
      wasi_snapshot_preview1: {
        proc_exit: (code: number) => {
          throw new Error(`LAME ended with ${code}`);
        },
      },
      env: { emscripten_notify_memory_growth: () => {} },
    });
    const wasm = instance.exports as unknown as LameExports;
    wasm._initialize();
    return new Lame(wasm);
  }

  /** A handle of an encoder with a constant bit rate, one channel. */
  open(sampleRateHz: number, kbps: number): number {
    const pointer = this.#wasm.malloc(PARAMETERS_BYTES);
    if (pointer === 0) throw new Error("LAME is out of memory");
    const view = new DataView(this.#wasm.memory.buffer, pointer, PARAMETERS_BYTES);
    view.setUint32(0, 1, true);
    view.setUint32(4, sampleRateHz, true);
    view.setInt32(8, kbps, true);
    view.setFloat32(12, -1, true); // no variable bit rate
    view.setInt32(16, sampleRateHz, true);
    const encoder = this.#wasm.enc_init(pointer);
    this.#wasm.free(pointer);
    if (encoder === 0) throw new Error("LAME does not take these settings");
    return encoder;
  }

  encode(encoder: number, samples: Float32Array): Uint8Array<ArrayBuffer> {
    const planes = this.#wasm.enc_get_pcm(encoder, samples.length);
    if (planes === 0) throw new Error("LAME is out of memory");
    const pointer = new DataView(this.#wasm.memory.buffer).getUint32(planes, true);
    new Float32Array(this.#wasm.memory.buffer, pointer, samples.length).set(samples);
    return this.#output(encoder, this.#wasm.enc_encode(encoder, samples.length));
  }

  flush(encoder: number): Uint8Array<ArrayBuffer> {
    return this.#output(encoder, this.#wasm.enc_flush(encoder));
  }

  close(encoder: number): void {
    this.#wasm.enc_free(encoder);
  }

  /** A copy, made after the call: the memory may have grown in it, and old views are empty then. */
  #output(encoder: number, bytes: number): Uint8Array<ArrayBuffer> {
    if (bytes < 0) throw new Error(`LAME failed with ${bytes}`);
    const pointer = this.#wasm.enc_get_out_buf(encoder);
    return new Uint8Array(this.#wasm.memory.buffer.slice(pointer, pointer + bytes));
  }
}
