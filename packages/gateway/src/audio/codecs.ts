import { type AudioFormat, type AudioFormatName, SAMPLE_RATES_HZ } from "../core/audio-format.ts";
import type { StreamDecoder, StreamEncoder } from "./codec.ts";
import { createFlacDecoder } from "./flac-decoder.ts";
import { createPcmDecoder, createPcmEncoder } from "./pcm.ts";
import { createWavDecoder, createWavEncoder } from "./wav.ts";

const DECODABLE: ReadonlySet<AudioFormatName> = new Set(["pcm", "wav", "mp3", "opus", "flac"]);

/** Whether audio of this format can be transcoded or inspected. AAC cannot: no decoder of it is among our codecs. */
export function canDecode(format: AudioFormatName): boolean {
  return DECODABLE.has(format);
}

export type RatedEncoder = { readonly encoder: StreamEncoder; readonly sampleRateHz: number };

/**
 * Makes encoders and decoders, loading each codec's code when it is first asked for. One per thread: it owns what the
 * codecs of a thread share: WASM modules and their memories.
 */
export class Codecs {
  #mp3: Promise<import("./mp3.ts").Mp3EncoderFactory> | undefined;
  #aac: Promise<import("./aac.ts").AacEncoderFactory> | undefined;
  #flac: Promise<import("./flac-encoder.ts").FlacEncoderFactory> | undefined;

  /** `wantedRateHz` is a wish that a codec with several output rates follows. Throws for a format that cannot be decoded. */
  async createDecoder(format: AudioFormat, wantedRateHz: number): Promise<StreamDecoder> {
    switch (format.name) {
      case "pcm":
        return createPcmDecoder(format);
      case "wav":
        return createWavDecoder();
      case "flac":
        return createFlacDecoder();
      case "mp3":
        return (await import("./mp3.ts")).createMp3Decoder();
      case "opus":
        return (await import("./opus.ts")).createOpusDecoder(wantedRateHz);
      case "aac":
        throw new Error("cannot decode aac");
    }
  }

  /** The encoder with the rate it wants its samples at: the format's own, or the next one that the codec has. */
  async createEncoder(format: AudioFormat): Promise<RatedEncoder> {
    const { name, sampleRateHz, bitrateBps } = format;
    const mpegRate = SAMPLE_RATES_HZ.find((rate) => rate >= sampleRateHz) ?? 48_000;
    switch (name) {
      case "pcm":
        return { encoder: createPcmEncoder(format), sampleRateHz };
      case "wav":
        return { encoder: createWavEncoder(format), sampleRateHz };
      case "flac":
        this.#flac ??= import("./flac-encoder.ts").then(({ FlacEncoderFactory }) => new FlacEncoderFactory());
        return { encoder: await (await this.#flac).create(sampleRateHz), sampleRateHz };
      case "mp3":
        this.#mp3 ??= import("./mp3.ts").then(({ Mp3EncoderFactory }) => new Mp3EncoderFactory());
        return { encoder: await (await this.#mp3).create(mpegRate, bitrateBps), sampleRateHz: mpegRate };
      case "aac":
        this.#aac ??= import("./aac.ts").then(({ AacEncoderFactory }) => new AacEncoderFactory());
        return { encoder: await (await this.#aac).create(mpegRate, bitrateBps), sampleRateHz: mpegRate };
      case "opus": {
        const { createOpusEncoder, opusRate } = await import("./opus.ts");
        const rate = opusRate(sampleRateHz);
        return { encoder: await createOpusEncoder(rate, bitrateBps), sampleRateHz: rate };
      }
    }
  }
}
