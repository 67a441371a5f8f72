/**
 * FLAC frames carry no length. A frame ends where the checksum over all of it becomes zero and what follows is the
 * checksummed header of another one (RFC 9639 §9): together 16 + 8 + 15 bits that chance would have to hit.
 */
import { ByteQueue } from "./byte-queue.ts";
import { isSampleRate } from "./codec.ts";

export type FlacStreamInfo = {
  readonly sampleRateHz: number;
  readonly channels: number;
  readonly bits: number;
  readonly totalSamples: number;
};
export type FlacFrameHeader = {
  readonly blockSamples: number;
  readonly sampleRateHz: number;
  readonly channelCode: number;
  readonly bits: number;
  /** Where the coded frame or sample number lies, and where the header's checksum is. */
  readonly numberAt: number;
  readonly numberEnd: number;
  readonly crcAt: number;
};
export type FlacFrame = { readonly bytes: Uint8Array<ArrayBuffer>; readonly header: FlacFrameHeader };

const STREAMINFO_BYTES = 34;
const MAX_HEADER_BYTES = 16;
const MAX_FRAME_BYTES = 1024 * 1024;
const RATES_HZ = [0, 88_200, 176_400, 192_000, 8000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000, 96_000];
const BITS = [0, 8, 12, -1, 16, 20, 24, 32];

function crcTable(width: number, polynomial: number): Uint16Array {
  const top = 1 << (width - 1);
  return Uint16Array.from({ length: 256 }, (_, byte) => {
    let crc = byte << (width - 8);
    for (let bit = 0; bit < 8; bit++) crc = crc & top ? (crc << 1) ^ polynomial : crc << 1;
    return crc & ((1 << width) - 1);
  });
}
const CRC8 = crcTable(8, 0x07);
const CRC16 = crcTable(16, 0x8005);

function crc8(bytes: Uint8Array): number {
  let crc = 0;
  for (const byte of bytes) crc = CRC8[crc ^ byte]!;
  return crc;
}

function crc16Step(crc: number, byte: number): number {
  return ((crc << 8) & 0xffff) ^ CRC16[(crc >> 8) ^ byte]!;
}

function numberBytes(first: number): number {
  const ones = Math.clz32(~(first << 24));
  return ones === 0 ? 1 : ones === 1 || ones > 7 ? 0 : ones;
}

/** The header at `at`, undefined if there is none. Reads up to 16 bytes; past the end is "none". */
function readHeader(bytes: Uint8Array, at: number): FlacFrameHeader | undefined {
  if (bytes[at] !== 0xff || (bytes[at + 1]! & 0xfe) !== 0xf8 || at + 6 > bytes.length) return undefined;
  const sizeCode = bytes[at + 2]! >> 4;
  const rateCode = bytes[at + 2]! & 15;
  const channelCode = bytes[at + 3]! >> 4;
  const bits = BITS[(bytes[at + 3]! >> 1) & 7]!;
  const length = numberBytes(bytes[at + 4]!);
  if (sizeCode === 0 || rateCode === 15 || channelCode > 10 || bits < 0 || (bytes[at + 3]! & 1) !== 0 || length === 0)
    return undefined;
  let cursor = at + 4 + length;
  const word = (count: number): number => {
    let value = 0;
    for (let i = 0; i < count; i++) value = (value << 8) | (bytes[cursor++] ?? 0);
    return value;
  };
  const blockSamples =
    sizeCode === 1
      ? 192
      : sizeCode < 6
        ? 576 << (sizeCode - 2)
        : sizeCode < 8
          ? word(sizeCode - 5) + 1
          : 256 << (sizeCode - 8);
  const sampleRateHz =
    rateCode < 12 ? RATES_HZ[rateCode]! : rateCode === 12 ? word(1) * 1000 : word(2) * (rateCode === 14 ? 10 : 1);
  if (cursor >= bytes.length || crc8(bytes.subarray(at, cursor)) !== bytes[cursor]) return undefined;
  return { blockSamples, sampleRateHz, channelCode, bits, numberAt: 4, numberEnd: 4 + length, crcAt: cursor - at };
}

/**
 * Cuts a FLAC stream, in pieces of any size, into its description and its frames. Throws when it is not FLAC, or ends
 * inside a frame.
 */
export class FlacReader {
  streamInfo: FlacStreamInfo | undefined;
  readonly #queue = new ByteQueue();
  #state: "magic" | "metadata" | "frames" = "magic";
  #skip = 0;
  #lastBlock = false;
  #scanned = 0;
  #crc = 0;

  push(bytes: Uint8Array): FlacFrame[] {
    this.#queue.push(bytes);
    while (this.#state !== "frames") if (!this.#readMetadata()) return [];
    return this.#frames(false);
  }

  finish(): FlacFrame[] {
    if (this.#state !== "frames") throw new Error("flac without frames");
    const frames = this.#frames(true);
    if (this.#queue.length > 0) throw new Error("flac that ends inside a frame");
    return frames;
  }

  #readMetadata(): boolean {
    const skipped = Math.min(this.#skip, this.#queue.length);
    this.#queue.skip(skipped);
    this.#skip -= skipped;
    if (this.#skip > 0) return false;
    if (this.#lastBlock) {
      this.#state = "frames";
      return true;
    }
    const bytes = this.#queue.peek();
    if (this.#state === "magic") {
      if (!"fLaC".startsWith(String.fromCharCode(...bytes.subarray(0, 4)))) throw new Error("not a flac stream");
      if (bytes.length < 4) return false;
      this.#queue.skip(4);
      this.#state = "metadata";
      return true;
    }
    const needed = this.streamInfo === undefined ? 4 + STREAMINFO_BYTES : 4;
    if (bytes.length < needed) return false;
    const size = (bytes[1]! << 16) | (bytes[2]! << 8) | bytes[3]!;
    if (this.streamInfo === undefined) {
      if ((bytes[0]! & 127) !== 0 || size !== STREAMINFO_BYTES) throw new Error("flac without its description");
      this.streamInfo = readStreamInfo(bytes.subarray(4, 4 + STREAMINFO_BYTES));
    }
    this.#lastBlock = (bytes[0]! & 128) !== 0;
    this.#queue.skip(4);
    this.#skip = size;
    return true;
  }

  #frames(ended: boolean): FlacFrame[] {
    const frames: FlacFrame[] = [];
    for (;;) {
      const bytes = this.#queue.peek();
      if (bytes.length === 0 || (!ended && bytes.length < MAX_HEADER_BYTES)) return frames;
      const header = readHeader(bytes, 0);
      if (header === undefined) throw new Error("flac with something else between its frames");
      const length = this.#findEnd(bytes, header, ended);
      if (length === undefined) return frames;
      frames.push({ bytes: this.#queue.take(length), header });
      this.#scanned = this.#crc = 0;
    }
  }

  #findEnd(bytes: Uint8Array, header: FlacFrameHeader, ended: boolean): number | undefined {
    const limit = ended ? bytes.length : bytes.length - MAX_HEADER_BYTES;
    let crc = this.#crc;
    let at = this.#scanned;
    for (; at <= limit; at++) {
      const possible = crc === 0 && at > header.crcAt + 2;
      if (possible && ((ended && at === bytes.length) || readHeader(bytes, at) !== undefined)) return at;
      if (at === bytes.length) break;
      crc = crc16Step(crc, bytes[at]!);
    }
    if (at > MAX_FRAME_BYTES) throw new Error("a flac frame without end");
    this.#scanned = at;
    this.#crc = crc;
    return undefined;
  }
}

function readStreamInfo(bytes: Uint8Array): FlacStreamInfo {
  const sampleRateHz = (bytes[10]! << 12) | (bytes[11]! << 4) | (bytes[12]! >> 4);
  const channels = ((bytes[12]! >> 1) & 7) + 1;
  const bits = (((bytes[12]! & 1) << 4) | (bytes[13]! >> 4)) + 1;
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const totalSamples = (bytes[13]! & 15) * 2 ** 32 + view.getUint32(14);
  if (!isSampleRate(sampleRateHz)) throw new Error("flac with an impossible sample rate");
  return { sampleRateHz, channels, bits, totalSamples };
}

/** Magic and STREAMINFO for frames of any size; `totalSamples` 0 is "unknown". No checksum of the sound: zeros say so. */
export function flacHead({ sampleRateHz, channels, bits, totalSamples }: FlacStreamInfo): Uint8Array<ArrayBuffer> {
  const head = new Uint8Array(8 + STREAMINFO_BYTES);
  const view = new DataView(head.buffer);
  head.set([0x66, 0x4c, 0x61, 0x43, 0x80, 0, 0, STREAMINFO_BYTES]);
  view.setUint16(8, 16); // smallest and largest block: they differ, so numbers in frames count samples
  view.setUint16(10, 65_535);
  view.setUint32(
    18,
    (sampleRateHz << 12) | ((channels - 1) << 9) | ((bits - 1) << 4) | Math.floor(totalSamples / 2 ** 32),
  );
  view.setUint32(22, totalSamples >>> 0);
  return head;
}

/** UTF-8's scheme, stretched to 36 bits. */
function codeNumber(value: number): number[] {
  if (value < 128) return [value];
  const tail: number[] = [];
  let rest = value;
  for (let room = 6; ; room--) {
    tail.unshift(128 | (rest % 64));
    rest = Math.floor(rest / 64);
    if (rest < 2 ** (room - 1)) return [((0xff << room) & 0xff) | rest, ...tail];
  }
}

/** The same sound as a frame that starts at sample `sampleNumber` of a stream with blocks of any size. */
export function renumberFlacFrame({ bytes, header }: FlacFrame, sampleNumber: number): Uint8Array {
  const number = codeNumber(sampleNumber);
  const head = [...bytes.subarray(0, 4), ...number, ...bytes.subarray(header.numberEnd, header.crcAt)];
  head[1] = head[1]! | 1;
  const body = bytes.subarray(header.crcAt + 1, bytes.length - 2);
  const frame = new Uint8Array(head.length + 1 + body.length + 2);
  frame.set(head);
  frame[head.length] = crc8(frame.subarray(0, head.length));
  frame.set(body, head.length + 1);
  let crc = 0;
  for (let at = 0; at < frame.length - 2; at++) crc = crc16Step(crc, frame[at]!);
  new DataView(frame.buffer).setUint16(frame.length - 2, crc);
  return frame;
}
