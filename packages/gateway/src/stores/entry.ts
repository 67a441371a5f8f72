/**
 * One stored segment as bytes (PRODUCT §5): 4 bytes big-endian metadata length, metadata JSON, audio.
 *
 * The JSON begins with `{"checksum":"<8 hex>"`, and the checksum is a CRC-32 over every byte behind it,
 * the rest of the metadata and the audio: they lie next to each other, so one sum over one slice covers a flipped
 * bit in a sample rate as well as one in the sound. A CRC is against accidents, and so would be any sum without a secret;
 * that the entry belongs to its key is told by the digest in the metadata. SHA-256 here was a sixth of a hit's time. The length in front is covered by `rawBytes`.
 */
import { promisify } from "node:util";
import { crc32, deflate, inflate } from "node:zlib";
import { type Soon, soon } from "../core/async.ts";
import type { AudioFormatName } from "../core/audio-format.ts";
import type { CacheKey } from "../core/cache-key.ts";
import type { SpeechMetadata, StoredSpeech } from "../core/ports.ts";
import { type EntryEncoding, type EntryHead, parseHead } from "./entry-head.ts";

/** Raised when the layout changes; entries of another layout are foreign. */
const LAYOUT_VERSION = 1;
/** Metadata longer than this is not written and not read. Word times of the longest segment take about 120 KiB. */
const MAX_METADATA_BYTES = 512 * 1024;
/** Audio longer than this is not written and not read: what a hostile entry can make us inflate. */
export const MAX_RAW_BYTES = 64 * 1024 * 1024;

const LENGTH_BYTES = 4;
const CHECKSUM_HEX = 8;
const HEAD_START = '{"checksum":"';
const COVERED_FROM = LENGTH_BYTES + HEAD_START.length + CHECKSUM_HEX;
/** Deflate cannot make anything smaller than this; an entry that claims to is lying. */
const MAX_DEFLATE_RATIO = 1032;

/** The formats zlib can shrink (11–27 % on PCM, 2 % on MP3). */
const SHRINKABLE: ReadonlySet<AudioFormatName> = new Set(["pcm", "wav"]);

/** `corrupt`: ours once, damaged since. `mismatch`: of another key. `foreign`: never written by this layout. */
export type BadEntryReason = "corrupt" | "mismatch" | "foreign";
export type DecodedEntry = { readonly speech: StoredSpeech } | { readonly bad: BadEntryReason };

const deflateAsync = promisify<Uint8Array, { level: number }, Buffer>(deflate);
const inflateAsync = promisify<Uint8Array, { maxOutputLength: number; chunkSize: number }, Buffer>(inflate);

/**
 * The bytes to store. `compressionLevel` is zlib's, 0 is off; it is used for PCM and WAV and kept only if it pays.
 * Throws a RangeError for what `decodeEntry` would not read: no audio, or more than the bounds above.
 */
export async function encodeEntry(
  key: CacheKey,
  { metadata, audio }: StoredSpeech,
  { compressionLevel }: { compressionLevel: number },
): Promise<Uint8Array> {
  if (audio.byteLength === 0) throw new RangeError("an entry needs audio");
  if (audio.byteLength > MAX_RAW_BYTES) throw new RangeError(`more than ${MAX_RAW_BYTES} bytes of audio`);
  const { encoding, stored } = await shrink(audio, metadata.format.name, compressionLevel);
  const head: EntryHead = { version: LAYOUT_VERSION, key, encoding, rawBytes: audio.byteLength, metadata };
  // "{" of the head gives way to the checksum in front of its first field.
  const json = `${HEAD_START}${"0".repeat(CHECKSUM_HEX)}",${JSON.stringify(head).slice(1)}`;
  const jsonBytes = Buffer.byteLength(json);
  if (jsonBytes > MAX_METADATA_BYTES) throw new RangeError(`more than ${MAX_METADATA_BYTES} bytes of metadata`);

  const entry = Buffer.allocUnsafeSlow(LENGTH_BYTES + jsonBytes + stored.byteLength);
  entry.writeUInt32BE(jsonBytes, 0);
  entry.write(json, LENGTH_BYTES, "utf8");
  entry.set(stored, LENGTH_BYTES + jsonBytes);
  entry.write(checksumOf(entry), COVERED_FROM - CHECKSUM_HEX, "latin1");
  return entry;
}

/**
 * The speech in `bytes`, or why there is none; at once, unless it has to be inflated. Never throws, whatever the bytes. Identity
 * audio is a view into them.
 */
export function decodeEntry(key: CacheKey, bytes: Uint8Array): Soon<DecodedEntry> {
  const entry = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (entry.byteLength < COVERED_FROM) return { bad: "foreign" };
  if (entry.toString("latin1", LENGTH_BYTES, LENGTH_BYTES + HEAD_START.length) !== HEAD_START)
    return { bad: "foreign" };
  if (entry.toString("latin1", COVERED_FROM - CHECKSUM_HEX, COVERED_FROM) !== checksumOf(entry))
    return { bad: "corrupt" };
  const jsonBytes = entry.readUInt32BE(0);
  if (jsonBytes > MAX_METADATA_BYTES || LENGTH_BYTES + jsonBytes > entry.byteLength) return { bad: "corrupt" };

  const head = parseHead(entry.toString("utf8", LENGTH_BYTES, LENGTH_BYTES + jsonBytes), LAYOUT_VERSION);
  if (!head) return { bad: "foreign" };
  if (head.key !== key) return { bad: "mismatch" };
  const restored = restore(entry.subarray(LENGTH_BYTES + jsonBytes), head);
  return soon(
    restored,
    (audio): DecodedEntry => (audio ? { speech: { metadata: head.metadata, audio } } : { bad: "corrupt" }),
  );
}

/**
 * What stands at the front of an entry, for whoever has only its first bytes and does not need its audio: the metadata,
 * how many bytes it would take to tell, or undefined for what this layout never wrote. The checksum is not looked at.
 */
export function peekEntry(front: Uint8Array): SpeechMetadata | { readonly needsBytes: number } | undefined {
  const bytes = Buffer.from(front.buffer, front.byteOffset, front.byteLength);
  if (bytes.byteLength < COVERED_FROM) return undefined;
  if (bytes.toString("latin1", LENGTH_BYTES, LENGTH_BYTES + HEAD_START.length) !== HEAD_START) return undefined;
  const end = LENGTH_BYTES + bytes.readUInt32BE(0);
  if (end > LENGTH_BYTES + MAX_METADATA_BYTES) return undefined;
  if (end > bytes.byteLength) return { needsBytes: end };
  return parseHead(bytes.toString("utf8", LENGTH_BYTES, end), LAYOUT_VERSION)?.metadata;
}

function checksumOf(entry: Buffer): string {
  return crc32(entry.subarray(COVERED_FROM)).toString(16).padStart(CHECKSUM_HEX, "0");
}

async function shrink(
  audio: Uint8Array,
  format: AudioFormatName,
  level: number,
): Promise<{ encoding: EntryEncoding; stored: Uint8Array }> {
  if (level > 0 && SHRINKABLE.has(format)) {
    const stored = await deflateAsync(audio, { level }); // on a thread of libuv's pool
    if (stored.byteLength < audio.byteLength) return { encoding: "zlib", stored };
  }
  return { encoding: "identity", stored: audio };
}

function restore(stored: Uint8Array, head: EntryHead): Soon<Uint8Array | undefined> {
  const { encoding, rawBytes } = head;
  if (rawBytes < 1 || rawBytes > MAX_RAW_BYTES) return undefined;
  if (encoding === "identity") return stored.byteLength === rawBytes ? stored : undefined;
  if (rawBytes > stored.byteLength * MAX_DEFLATE_RATIO) return undefined;
  // One output chunk of the final size: nothing is joined afterwards. zlib wants at least 64.
  const chunkSize = Math.max(rawBytes, 64);
  return inflateAsync(stored, { maxOutputLength: rawBytes, chunkSize }).then(
    (audio) => (audio.byteLength === rawBytes ? audio : undefined),
    () => undefined,
  );
}
