import { ByteQueue } from "./byte-queue.ts";

/** With the version, which has always been 0. */
const PAGE_MAGIC = "OggS\0";
const HEADER_BYTES = 27;
const FLAG_CONTINUED = 1;
const FLAG_FIRST = 2;
const FLAG_LAST = 4;
/** A packet longer than this is an attack: Opus packets are below 64 KiB even with 120 ms in them. */
const MAX_PACKET_BYTES = 128 * 1024;

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte << 24;
  for (let bit = 0; bit < 8; bit++) crc = crc & 0x8000_0000 ? (crc << 1) ^ 0x04c1_1db7 : crc << 1;
  return crc >>> 0;
});

/** RFC 3533 §6: polynomial 0x04c11db7, not reflected, the page's own checksum counted as zero. */
function pageChecksum(page: Uint8Array): number {
  let crc = 0;
  for (let at = 0; at < page.length; at++) {
    const byte = at >= 22 && at < 26 ? 0 : page[at]!;
    crc = (crc << 8) ^ CRC_TABLE[(crc >>> 24) ^ byte]!;
  }
  return crc >>> 0;
}

/** One page as read: the packets that end on it, and the time its last one ends at (-1n: none ends here). */
export type OggPage = {
  readonly packets: readonly Uint8Array[];
  readonly granule: bigint;
  readonly first: boolean;
  readonly last: boolean;
};

/**
 * Reads pages from bytes cut anywhere. Strict, unlike a player: nothing is lost on its way to us, so a wrong checksum,
 * or anything between two pages, means that the sound is not whole, and throws.
 */
export class OggReader {
  readonly #queue = new ByteQueue();
  #partial: Uint8Array[] = [];
  #partialBytes = 0;

  push(bytes: Uint8Array): OggPage[] {
    this.#queue.push(bytes);
    const pages: OggPage[] = [];
    for (let page = this.#next(); page !== undefined; page = this.#next()) pages.push(page);
    return pages;
  }

  /** Throws if the stream broke off inside a page. */
  finish(): void {
    if (this.#queue.length > 0) throw new Error("Ogg that ends inside a page");
  }

  #next(): OggPage | undefined {
    const bytes = this.#queue.peek();
    if (!PAGE_MAGIC.startsWith(String.fromCharCode(...bytes.subarray(0, PAGE_MAGIC.length)))) {
      throw new Error("bytes that are not Ogg pages");
    }
    const segments = bytes[26];
    if (segments === undefined || bytes.length < HEADER_BYTES + segments) return undefined;
    let size = HEADER_BYTES + segments;
    for (let i = 0; i < segments; i++) size += bytes[HEADER_BYTES + i]!;
    if (bytes.length < size) return undefined;
    const view = new DataView(bytes.buffer, bytes.byteOffset, size);
    if (view.getUint32(22, true) !== pageChecksum(bytes.subarray(0, size))) {
      throw new Error("an Ogg page with a wrong checksum");
    }
    return this.#readPage(this.#queue.take(size), segments);
  }

  #readPage(page: Uint8Array<ArrayBuffer>, segments: number): OggPage {
    const flags = page[5]!;
    if (!(flags & FLAG_CONTINUED)) this.#dropPartial();
    const packets: Uint8Array[] = [];
    let at = HEADER_BYTES + segments;
    for (let i = 0; i < segments; i++) {
      const lacing = page[HEADER_BYTES + i]!;
      this.#partial.push(page.subarray(at, at + lacing));
      this.#partialBytes += lacing;
      at += lacing;
      if (this.#partialBytes > MAX_PACKET_BYTES) throw new Error("an Ogg packet without end");
      if (lacing === 255) continue;
      packets.push(joinPieces(this.#partial, this.#partialBytes));
      this.#dropPartial();
    }
    const granule = new DataView(page.buffer).getBigInt64(6, true);
    return { packets, granule, first: (flags & FLAG_FIRST) !== 0, last: (flags & FLAG_LAST) !== 0 };
  }

  #dropPartial(): void {
    this.#partial = [];
    this.#partialBytes = 0;
  }
}

function joinPieces(pieces: readonly Uint8Array[], bytes: number): Uint8Array {
  if (pieces.length === 1) return pieces[0]!;
  const whole = new Uint8Array(bytes);
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}

/** Writes the pages of one logical stream. A page holds at most 255 segments, so long runs of packets become several. */
export class OggWriter {
  readonly #serial: number;
  #sequence = 0;

  constructor(serial: number) {
    this.#serial = serial;
  }

  /** `granule` is the time at the end of the last packet. Packets of up to 64 KiB. */
  page(packets: readonly Uint8Array[], granule: bigint, { last = false } = {}): Uint8Array<ArrayBuffer> {
    const lacing = packets.flatMap((packet) => {
      const full: number[] = Array.from({ length: Math.floor(packet.length / 255) }, () => 255);
      return [...full, packet.length % 255];
    });
    if (lacing.length > 255) throw new Error("too many packets for one Ogg page");
    const head = HEADER_BYTES + lacing.length;
    const page = new Uint8Array(packets.reduce((sum, packet) => sum + packet.length, head));
    const view = new DataView(page.buffer);
    page.set([0x4f, 0x67, 0x67, 0x53, 0, (this.#sequence === 0 ? FLAG_FIRST : 0) | (last ? FLAG_LAST : 0)]);
    view.setBigInt64(6, granule, true);
    view.setUint32(14, this.#serial, true);
    view.setUint32(18, this.#sequence++, true);
    page[26] = lacing.length;
    page.set(lacing, HEADER_BYTES);
    let at = head;
    for (const packet of packets) {
      page.set(packet, at);
      at += packet.length;
    }
    view.setUint32(22, pageChecksum(page), true);
    return page;
  }
}
