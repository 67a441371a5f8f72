import type { AudioFormat, AudioFormatName } from "../core/audio-format.ts";
import { SpeechError } from "../core/errors.ts";
import type { SynthesisChunk } from "../core/ports.ts";

/** Enough to tell every container from every other, and text from all of them. */
const HEAD_BYTES = 16;
const TEXT = /^\s*(<[!?a-z]|[{[]\s*["{[\]}]|HTTP\/)/i;

/** What the first bytes say that a stream is; undefined: nothing that is known. */
export function sniffed(head: Uint8Array): AudioFormatName | "text" | undefined {
  const text = String.fromCharCode(...head.subarray(0, HEAD_BYTES));
  if (text.startsWith("RIFF") || text.startsWith("RF64")) return "wav";
  if (text.startsWith("OggS")) return "opus";
  if (text.startsWith("fLaC")) return "flac";
  if (text.startsWith("ID3")) return "mp3";
  if (TEXT.test(text)) return "text";
  if (head.length < 4 || head[0] !== 0xff) return undefined;
  const second = head[1]!;
  if ((second & 0xf6) === 0xf0) return "aac"; // ADTS: layer 0
  const isLayer3 = (second & 0xe6) === 0xe2 && (second & 0x18) !== 0x08;
  const [bitrate, rate] = [head[2]! >> 4, (head[2]! >> 2) & 3];
  return isLayer3 && bitrate !== 0 && bitrate !== 15 && rate !== 3 ? "mp3" : undefined;
}

/**
 * Passes a stream on once its first bytes show that it is what it claims to be. Throws `engine_failed` for an error page, or
 * another format than was promised: decoders would make noise of it.
 */
export async function* rightHead(
  chunks: AsyncIterable<SynthesisChunk>,
  format: AudioFormat,
): AsyncGenerator<SynthesisChunk> {
  const held: SynthesisChunk[] = [];
  const head: number[] = [];
  for await (const chunk of chunks) {
    if (head.length >= HEAD_BYTES) {
      yield chunk;
      continue;
    }
    held.push(chunk);
    head.push(...(chunk.audio?.subarray(0, HEAD_BYTES - head.length) ?? []));
    if (head.length < HEAD_BYTES) continue;
    assertRight(Uint8Array.from(head), format.name);
    yield* held.splice(0);
  }
  if (head.length === 0 || head.length >= HEAD_BYTES) return;
  assertRight(Uint8Array.from(head), format.name);
  yield* held;
}

/** MP3 may begin with anything before its first frame, and PCM may by chance look like frames: only what is certain is refused. */
function assertRight(head: Uint8Array, promised: AudioFormatName): void {
  const found = sniffed(head);
  if (found === promised) return;
  const uncertain = found === undefined || ((found === "mp3" || found === "aac") && head[0] === 0xff);
  if (uncertain && (promised === "pcm" || promised === "mp3")) return;
  const what = found === undefined ? "something else" : found;
  throw new SpeechError("engine_failed", `the engine sent ${what} where ${promised} was promised`);
}

/** What a WAV file's header promises, as far as one can be sure of it. */
export type WavHead = { readonly dataAt: number; readonly bytesPerSecond: number; readonly dataBytes?: number };

/** Writers that do not know the length yet put such a number, or 0. */
const OPEN_ENDED = 0x7f_00_00_00;

/** Reads the header at the front of these bytes; undefined while its end has not come. */
export function wavHead(bytes: Uint8Array): WavHead | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let bytesPerSecond = 0;
  for (let at = 12; at + 8 <= bytes.byteLength; ) {
    const size = view.getUint32(at + 4, true);
    const id = String.fromCharCode(...bytes.subarray(at, at + 4));
    if (id === "fmt " && at + 20 <= bytes.byteLength) bytesPerSecond = view.getUint32(at + 16, true);
    if (id === "data") {
      const known = size > 0 && size < OPEN_ENDED;
      return bytesPerSecond > 0 ? { dataAt: at + 8, bytesPerSecond, ...(known && { dataBytes: size }) } : undefined;
    }
    at += 8 + size + (size % 2);
  }
  return undefined;
}
