import { type FrameHeader, FrameSplitter } from "./frame-splitter.ts";

/** ISO 14496-3 table 1.18. An ADTS header holds the index. */
export const AAC_SAMPLE_RATES_HZ = [
  96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8000, 7350,
];
export const AAC_FRAME_SAMPLES = 1024;
const HEADER_BYTES = 7;

function readAdtsHeader(bytes: Uint8Array, at: number): FrameHeader | undefined {
  if (bytes[at] !== 0xff || (bytes[at + 1]! & 0xf6) !== 0xf0) return undefined;
  const sampleRateHz = AAC_SAMPLE_RATES_HZ[(bytes[at + 2]! >> 2) & 15];
  const length = ((bytes[at + 3]! & 3) << 11) | (bytes[at + 4]! << 3) | (bytes[at + 5]! >> 5);
  if (sampleRateHz === undefined || length <= HEADER_BYTES) return undefined;
  const samples = AAC_FRAME_SAMPLES * ((bytes[at + 6]! & 3) + 1);
  return { length, samples, sampleRateHz, kind: ((bytes[at + 1]! & 8) << 20) | (bytes[at + 2]! & 0xfd) };
}

/** The 7 bytes in front of one frame of AAC-LC, one channel, no CRC, "variable rate" buffer fullness. */
export function adtsHeader(sampleRateHz: number, payloadBytes: number): Uint8Array {
  const index = AAC_SAMPLE_RATES_HZ.indexOf(sampleRateHz);
  const length = HEADER_BYTES + payloadBytes;
  const channels = 1;
  return Uint8Array.of(
    0xff,
    0xf1,
    (1 << 6) | (index << 2) | (channels >> 2),
    ((channels & 3) << 6) | (length >> 11),
    (length >> 3) & 0xff,
    ((length & 7) << 5) | 0x1f,
    0xfc,
  );
}

export function createAdtsSplitter(): FrameSplitter {
  return new FrameSplitter(readAdtsHeader, HEADER_BYTES);
}
