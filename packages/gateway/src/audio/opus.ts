import {
  Application,
  createDecoder,
  createEncoder,
  EncoderCtl,
  type OpusDecoderHandle,
  type OpusEncoderHandle,
  type SampleRate,
  Signal,
} from "libopus-wasm";
import { OPUS_SAMPLE_RATES_HZ } from "../core/audio-format.ts";
import type { StreamDecoder, StreamEncoder } from "./codec.ts";
import { type OggPage, OggReader, OggWriter } from "./ogg.ts";
import { isOpusTags, OPUS_CLOCK_HZ, opusHeadPages, opusPacketSamples, readOpusHead } from "./opus-packets.ts";

const DEFAULT_BITRATE_BPS = 24_000;
/** 5 is 1.7 times as fast, and audibly worse on speech. */
const COMPLEXITY = 9;
const FRAMES_PER_SECOND = 50;
/** 100 ms, to be heard soon; then a second each: a page costs 28 bytes, a packet of speech about 60. */
const FIRST_PAGE_PACKETS = 5;
const PAGE_PACKETS = 50;
/**
 * These packets do not lean on what was before them, so that a stream may start in the middle of another one: that is
 * what joining does, and without it the decoder would build the first sound of a part on the end of the last one.
 */
const INDEPENDENT_PACKETS = 2;
const SERIAL = 1;

const OPUS_RATES_HZ: readonly SampleRate[] = OPUS_SAMPLE_RATES_HZ;

/** The rate libopus works at for sound of this rate: the next one that loses nothing. */
export function opusRate(sampleRateHz: number): SampleRate {
  return OPUS_RATES_HZ.find((rate) => rate >= sampleRateHz) ?? 48_000;
}

class OpusEncoder implements StreamEncoder {
  readonly #opus: OpusEncoderHandle;
  readonly #writer = new OggWriter(SERIAL);
  readonly #frame: Float32Array;
  readonly #clock: number;
  readonly #preSkip: number;
  #filled = 0;
  #samples = 0;
  #packets: Uint8Array[] = [];
  #packetCount = 0;
  #pages = 0;

  constructor(opus: OpusEncoderHandle) {
    this.#opus = opus;
    this.#frame = new Float32Array(opus.frameSize);
    this.#clock = OPUS_CLOCK_HZ / opus.sampleRate;
    this.#preSkip = opus.getLookahead() * this.#clock;
    opus.encoderCtl(EncoderCtl.SetPredictionDisabled, 1);
  }

  encode(samples: Float32Array): Uint8Array[] {
    const out = this.#head();
    this.#samples += samples.length;
    for (let at = 0; at < samples.length; ) {
      const part = samples.subarray(at, at + this.#frame.length - this.#filled);
      this.#frame.set(part, this.#filled);
      this.#filled += part.length;
      at += part.length;
      if (this.#filled < this.#frame.length) break;
      this.#encodeFrame();
      if (this.#packets.length === (this.#pages === 0 ? FIRST_PAGE_PACKETS : PAGE_PACKETS)) out.push(this.#page(false));
    }
    return out;
  }

  /** Silence follows until all sound is out of the encoder; the last page's time says where to stop listening. */
  finish(): Uint8Array[] {
    const out = this.#head();
    const needed = this.#samples + this.#preSkip / this.#clock;
    while (this.#packetCount * this.#frame.length < needed) {
      this.#frame.fill(0, this.#filled);
      this.#encodeFrame();
    }
    out.push(this.#page(true));
    return out;
  }

  free(): void {
    this.#opus.free();
  }

  #head(): Uint8Array[] {
    if (this.#samples > 0) return [];
    const { sampleRate: inputRateHz } = this.#opus;
    return opusHeadPages(this.#writer, { channels: 1, preSkip: this.#preSkip, inputRateHz });
  }

  #encodeFrame(): void {
    if (this.#packetCount === INDEPENDENT_PACKETS) this.#opus.encoderCtl(EncoderCtl.SetPredictionDisabled, 0);
    this.#packets.push(this.#opus.encodeFloat(this.#frame));
    this.#packetCount++;
    this.#filled = 0;
  }

  #page(last: boolean): Uint8Array {
    const samples = last ? this.#samples : this.#packetCount * this.#frame.length;
    const granule = BigInt(samples * this.#clock + (last ? this.#preSkip : 0));
    const page = this.#writer.page(this.#packets, granule, { last });
    this.#packets = [];
    this.#pages++;
    return page;
  }
}

/** `sampleRateHz` must be one of libopus's own. */
export async function createOpusEncoder(
  sampleRateHz: number,
  bitrateBps = DEFAULT_BITRATE_BPS,
): Promise<StreamEncoder> {
  const opus = await createEncoder({
    sampleRate: sampleRateHz as SampleRate,
    channels: 1,
    frameSize: sampleRateHz / FRAMES_PER_SECOND,
    application: Application.Voip,
    signal: Signal.Voice,
    bitrate: bitrateBps,
    complexity: COMPLEXITY,
  });
  return new OpusEncoder(opus);
}

class OpusDecoder implements StreamDecoder {
  readonly sampleRateHz: number;
  readonly #opus: OpusDecoderHandle;
  readonly #reader = new OggReader();
  readonly #clock: number;
  #started = false;
  /** Samples at our rate still to be thrown away: what the encoder needed to get going. */
  #preSkip = 0;
  #decoded = 0;

  constructor(opus: OpusDecoderHandle) {
    this.#opus = opus;
    this.sampleRateHz = opus.sampleRate;
    this.#clock = OPUS_CLOCK_HZ / opus.sampleRate;
  }

  *decode(bytes: Uint8Array): Generator<Float32Array> {
    for (const page of this.#reader.push(bytes)) yield* this.#decodePage(page);
  }

  finish(): Float32Array[] {
    this.#reader.finish();
    if (!this.#started) throw new Error("no Ogg pages in this audio");
    return [];
  }

  free(): void {
    this.#opus.free();
  }

  *#decodePage(page: OggPage): Generator<Float32Array> {
    if (!this.#started || page.first) {
      const head = page.packets[0];
      if (head === undefined) throw new Error("an Ogg page where the Opus header belongs");
      this.#preSkip = Math.round(readOpusHead(head).preSkip / this.#clock);
      this.#decoded = 0;
      this.#started = true;
      return;
    }
    const sound = this.#decoded > 0 ? page.packets : withoutTags(page.packets);
    let onPage = 0;
    for (const packet of sound) {
      const samples = opusPacketSamples(packet) / this.#clock;
      if (samples === 0) throw new Error("an Opus packet that cannot be");
      onPage += samples;
    }
    this.#decoded += onPage;
    const excess = page.last ? this.#decoded - Math.round(Number(page.granule) / this.#clock) : 0;
    let keep = excess > 0 && excess <= onPage ? onPage - excess : onPage;
    for (const packet of sound) {
      const kept = this.#opus.decodeFloat(packet).subarray(0, keep);
      keep -= kept.length;
      const skipped = Math.min(this.#preSkip, kept.length);
      this.#preSkip -= skipped;
      if (skipped < kept.length) yield kept.subarray(skipped);
    }
  }
}

function withoutTags(packets: readonly Uint8Array[]): readonly Uint8Array[] {
  const first = packets.findIndex((packet) => !isOpusTags(packet));
  return first === -1 ? [] : packets.slice(first);
}

/** Gives mono at the wanted rate if libopus has it, else at 48 kHz. */
export async function createOpusDecoder(wantedRateHz: number): Promise<StreamDecoder> {
  const sampleRate = OPUS_RATES_HZ.find((rate) => rate === wantedRateHz) ?? 48_000;
  return new OpusDecoder(await createDecoder({ sampleRate, channels: 1 }));
}
