import type { OggWriter } from "./ogg.ts";

/** Opus in Ogg counts time at this rate, whatever rate it was made from (RFC 7845 §4). */
export const OPUS_CLOCK_HZ = 48_000;
const TAGS_VENDOR = "mynah";
const HEAD_BYTES = 19;

export type OpusHead = { readonly channels: number; readonly preSkip: number; readonly inputRateHz: number };

/** Samples at 48 kHz in a packet, from its first bytes (RFC 6716 §3.1); 0 for a packet that cannot be. */
export function opusPacketSamples(packet: Uint8Array): number {
  const toc = packet[0];
  if (toc === undefined) return 0;
  const config = toc >> 3;
  const silk = [480, 960, 1920, 2880][config & 3]!;
  const frame = config < 12 ? silk : config < 16 ? (config & 1 ? 960 : 480) : 120 << (config & 3);
  const code = toc & 3;
  const count = code === 0 ? 1 : code < 3 ? 2 : (packet[1] ?? 0) & 63;
  const samples = frame * count;
  return samples > 5760 ? 0 : samples;
}

/** Throws for a first packet that is not OpusHead, or has more than two channels. */
export function readOpusHead(packet: Uint8Array): OpusHead {
  if (packet.length < HEAD_BYTES || String.fromCharCode(...packet.subarray(0, 8)) !== "OpusHead")
    throw new Error("Ogg, but not Opus");
  const view = new DataView(packet.buffer, packet.byteOffset, packet.byteLength);
  const channels = view.getUint8(9);
  if (view.getUint8(8) >> 4 !== 0 || channels < 1 || channels > 2)
    throw new Error("an Opus header that cannot be read");
  return { channels, preSkip: view.getUint16(10, true), inputRateHz: view.getUint32(12, true) };
}

export function isOpusTags(packet: Uint8Array): boolean {
  return String.fromCharCode(...packet.subarray(0, 8)) === "OpusTags";
}

/** The two pages in front of the audio. */
export function opusHeadPages(writer: OggWriter, { channels, preSkip, inputRateHz }: OpusHead): Uint8Array[] {
  const head = new Uint8Array(HEAD_BYTES);
  const view = new DataView(head.buffer);
  new TextEncoder().encodeInto("OpusHead", head);
  head[8] = 1;
  head[9] = channels;
  view.setUint16(10, preSkip, true);
  view.setUint32(12, inputRateHz, true);
  const tags = new Uint8Array(16 + TAGS_VENDOR.length);
  new TextEncoder().encodeInto(`OpusTags`, tags);
  tags[8] = TAGS_VENDOR.length;
  new TextEncoder().encodeInto(TAGS_VENDOR, tags.subarray(12));
  return [writer.page([head], 0n), writer.page([tags], 0n)];
}
