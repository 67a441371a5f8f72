/**
 * AAC-LC by FFmpeg's encoder, as the npm package `@mediabunny/aac-encoder` compiles it. The package's own entry starts
 * one worker thread per running encoder; we are in a worker already, and one module can hold any number of encoders.
 * So its Emscripten module is loaded directly. It is published as a mixture of CommonJS (`exports.default =`) and ESM
 * (`import.meta.url`) that neither loader takes, and is therefore evaluated here as the body of a function. The exact
 * version is pinned, and the tests decode what comes out, so an update that moves the file cannot pass unnoticed.
 */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { AAC_FRAME_SAMPLES, AAC_SAMPLE_RATES_HZ, adtsHeader } from "./aac-frames.ts";
import type { StreamEncoder } from "./codec.ts";

const DEFAULT_BITRATE_BPS = 48_000;

/** The C functions of the package's bridge.c. */
type AacModule = {
  readonly HEAPU8: Uint8Array;
  _init_encoder(channels: number, sampleRateHz: number, bitrateBps: number): number;
  _get_encoder_frame_size(context: number): number;
  _get_encode_input_ptr(context: number, bytes: number): number;
  _send_frame(context: number, timestamp: bigint): number;
  _receive_packet(context: number): number;
  _get_encoded_data(context: number): number;
  _flush_encoder_start(context: number): void;
  _close_encoder(context: number): void;
};

async function loadModule(): Promise<AacModule> {
  const entry = createRequire(import.meta.url).resolve("@mediabunny/aac-encoder");
  const source = readFileSync(join(dirname(entry), "../modules/build/aac.js"), "utf8");
  const exported: { default?: (options: object) => Promise<AacModule> } = {};
  new Function("exports", source.replaceAll("import.meta.url", '""'))(exported);
  if (exported.default === undefined) throw new Error("@mediabunny/aac-encoder has changed its build");
  return exported.default({});
}

class AacEncoder implements StreamEncoder {
  readonly #module: AacModule;
  readonly #context: number;
  readonly #sampleRateHz: number;
  readonly #frame = new Float32Array(AAC_FRAME_SAMPLES);
  #filled = 0;
  #sent = 0;

  constructor(module: AacModule, sampleRateHz: number, bitrateBps: number) {
    this.#module = module;
    this.#sampleRateHz = sampleRateHz;
    this.#context = module._init_encoder(1, sampleRateHz, bitrateBps);
    if (this.#context === 0) throw new Error("the AAC encoder does not take these settings");
  }

  encode(samples: Float32Array): Uint8Array[] {
    const packets: Uint8Array[] = [];
    for (let at = 0; at < samples.length; ) {
      const part = samples.subarray(at, at + AAC_FRAME_SAMPLES - this.#filled);
      this.#frame.set(part, this.#filled);
      this.#filled += part.length;
      at += part.length;
      if (this.#filled === AAC_FRAME_SAMPLES) packets.push(...this.#send());
    }
    return packets;
  }

  finish(): Uint8Array[] {
    const packets: Uint8Array[] = [];
    if (this.#filled > 0) {
      this.#frame.fill(0, this.#filled);
      packets.push(...this.#send());
    }
    this.#module._flush_encoder_start(this.#context);
    packets.push(...this.#drain());
    return packets;
  }

  free(): void {
    this.#module._close_encoder(this.#context);
  }

  #send(): Uint8Array[] {
    const bytes = new Uint8Array(this.#frame.buffer);
    const pointer = this.#module._get_encode_input_ptr(this.#context, bytes.length);
    if (pointer === 0) throw new Error("the AAC encoder is out of memory");
    this.#module.HEAPU8.set(bytes, pointer);
    const code = this.#module._send_frame(this.#context, BigInt(this.#sent++ * AAC_FRAME_SAMPLES));
    if (code < 0) throw new Error(`the AAC encoder failed with ${code}`);
    this.#filled = 0;
    return this.#drain();
  }

  #drain(): Uint8Array[] {
    const packets: Uint8Array[] = [];
    for (;;) {
      const size = this.#module._receive_packet(this.#context);
      if (size <= 0) return packets;
      const pointer = this.#module._get_encoded_data(this.#context);
      packets.push(adtsHeader(this.#sampleRateHz, size), this.#module.HEAPU8.slice(pointer, pointer + size));
    }
  }
}

/** Makes AAC encoders that share one WASM memory. */
export class AacEncoderFactory {
  #module: Promise<AacModule> | undefined;

  async create(sampleRateHz: number, bitrateBps = DEFAULT_BITRATE_BPS): Promise<StreamEncoder> {
    if (!AAC_SAMPLE_RATES_HZ.includes(sampleRateHz)) throw new Error(`AAC has no rate of ${sampleRateHz} Hz`);
    this.#module ??= loadModule();
    return new AacEncoder(await this.#module, sampleRateHz, bitrateBps);
  }
}
