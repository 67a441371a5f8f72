import { type Frame, type FrameHeader, FrameSplitter } from "./frame-splitter.ts";

/** ISO 11172-3 §2.4.2.3, layer III, kbit/s; MPEG-2 and 2.5 (13818-3) share the second row. */
const BITRATES_1 = [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320];
const BITRATES_2 = [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160];
const RATES_1 = [44_100, 48_000, 32_000];
const HEADER_BYTES = 4;

function readMp3Header(bytes: Uint8Array, at: number): FrameHeader | undefined {
  const second = bytes[at + 1]!;
  const third = bytes[at + 2]!;
  if (bytes[at] !== 0xff || (second & 0xe0) !== 0xe0) return undefined;
  const version = (second >> 3) & 3; // 3: MPEG-1, 2: MPEG-2, 0: MPEG-2.5, 1: reserved
  const layer = (second >> 1) & 3; // 1: layer III
  const kbps = (version === 3 ? BITRATES_1 : BITRATES_2)[third >> 4] ?? 0;
  const rate = RATES_1[(third >> 2) & 3];
  if (version === 1 || layer !== 1 || kbps === 0 || rate === undefined) return undefined;
  const sampleRateHz = rate >> (version === 3 ? 0 : version === 2 ? 1 : 2);
  const samples = version === 3 ? 1152 : 576;
  const length = Math.floor(((samples / 8) * kbps * 1000) / sampleRateHz) + ((third >> 1) & 1);
  const mono = (bytes[at + 3]! & 0xc0) === 0xc0 ? 1 : 0;
  return { length, samples, sampleRateHz, kind: (mono << 24) | (version << 20) | sampleRateHz };
}

/** A first frame that holds no sound but the encoder's table of contents: "Xing", "Info" or "VBRI". */
export function isInfoFrame({ bytes }: Frame): boolean {
  const mpeg1 = (bytes[1]! & 0x18) === 0x18;
  const mono = (bytes[3]! & 0xc0) === 0xc0;
  const sideInfo = mpeg1 ? (mono ? 17 : 32) : mono ? 9 : 17;
  const tagAt = (offset: number): string => String.fromCharCode(...bytes.subarray(offset, offset + 4));
  return (
    [HEADER_BYTES + sideInfo, HEADER_BYTES + 2 + sideInfo].some((at) => /^(Xing|Info)$/.test(tagAt(at))) ||
    tagAt(36) === "VBRI"
  );
}

/** The highest bit rate of MP3 that is not above the wanted one, in kbit/s; the lowest if all are. */
export function mp3Kbps(sampleRateHz: number, wantedBps: number): number {
  const rates = (sampleRateHz >= 32_000 ? BITRATES_1 : BITRATES_2).slice(1);
  return rates.findLast((kbps) => kbps * 1000 <= wantedBps) ?? rates[0]!;
}

export function createMp3Splitter(): FrameSplitter {
  return new FrameSplitter(readMp3Header, HEADER_BYTES);
}
