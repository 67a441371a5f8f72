import type { AudioFormatName } from "../core/audio-format.ts";

/**
 * What the first bytes of some audio are: a container or codec by its mark, `other` for what has none (samples, text,
 * noise), undefined while there are too few bytes to tell.
 */
export function sniffFormat(bytes: Uint8Array): AudioFormatName | "other" | undefined {
  if (bytes.byteLength < 4) return undefined;
  const mark = String.fromCharCode(...bytes.subarray(0, 4));
  if (mark === "RIFF") return "wav";
  if (mark === "OggS") return "opus";
  if (mark === "fLaC") return "flac";
  if (mark.startsWith("ID3")) return "mp3";
  return frameAt(bytes, 0)?.name ?? "other";
}

/**
 * Whether bytes that should be samples are frames of MP3 or AAC instead. Two bytes of loud sound can look like a frame, so
 * the next one must follow where the first one ends. Undefined while there are too few bytes.
 */
export function looksFramed(bytes: Uint8Array): boolean | undefined {
  if (bytes.byteLength < 6) return undefined;
  const first = frameAt(bytes, 0);
  if (first === undefined) return false;
  if (bytes.byteLength < first.bytes + 6) return undefined;
  return frameAt(bytes, first.bytes)?.name === first.name;
}

const MPEG1_KBPS = [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320];
const MPEG2_KBPS = [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160];
const MPEG1_HZ = [44_100, 48_000, 32_000];
const HEADER_BYTES = 4;

type Frame = { readonly name: "mp3" | "aac"; readonly bytes: number; readonly bitrateBps?: number };

/** Of the first frame of some MP3; undefined where it does not begin with one. */
export function mp3BitrateBps(bytes: Uint8Array): number | undefined {
  return frameAt(bytes, 0)?.bitrateBps;
}

/** The header of an MPEG layer 3 or ADTS frame, as ISO 11172-3 and 13818-7 have them. */
function frameAt(bytes: Uint8Array, at: number): Frame | undefined {
  const [sync, kind, rates, more, fifth = 0, sixth = 0] = bytes.subarray(at, at + 6);
  if (sync !== 0xff || kind === undefined || rates === undefined || more === undefined) return undefined;
  if ((kind & 0xf6) === 0xf0) {
    const length = ((more & 3) << 11) | (fifth << 3) | (sixth >> 5);
    return ((rates >> 2) & 15) < 13 && length > 7 ? { name: "aac", bytes: length } : undefined;
  }
  const version = (kind >> 3) & 3; // 3: MPEG-1, 2: MPEG-2, 0: MPEG-2.5
  const layer3 = (kind & 0xe6) === 0xe2;
  const kbps = (version === 3 ? MPEG1_KBPS : MPEG2_KBPS)[rates >> 4] ?? 0;
  const mpeg1Hz = MPEG1_HZ[(rates >> 2) & 3];
  if (!layer3 || version === 1 || kbps === 0 || mpeg1Hz === undefined) return undefined;
  const sampleRateHz = version === 3 ? mpeg1Hz : version === 2 ? mpeg1Hz / 2 : mpeg1Hz / 4;
  const length = Math.floor(((version === 3 ? 144 : 72) * kbps * 1000) / sampleRateHz) + ((rates >> 1) & 1);
  return { name: "mp3", bytes: Math.max(HEADER_BYTES, length), bitrateBps: kbps * 1000 };
}
