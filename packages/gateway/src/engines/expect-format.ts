import { concat } from "../core/async.ts";
import type { AudioFormat } from "../core/audio-format.ts";
import { SpeechError } from "../core/errors.ts";
import type { SynthesisChunk } from "../core/ports.ts";
import { looksFramed, sniffFormat } from "./sniff-format.ts";

/**
 * Passes on chunks whose first bytes are of the format that was asked for. Servers and programs that ignore what they
 * are asked for are common, and MP3 played as samples is a loud noise. Throws `engine_failed`, saying what came instead.
 */
export async function* expectFormat(
  chunks: AsyncIterable<SynthesisChunk>,
  format: AudioFormat,
  engine: string,
): AsyncGenerator<SynthesisChunk> {
  const held: SynthesisChunk[] = [];
  let undecided = true;
  for await (const chunk of chunks) {
    if (!undecided) {
      yield chunk;
      continue;
    }
    held.push(chunk);
    undecided = !decided(concat(held.flatMap(({ audio }) => audio ?? [])), format, engine);
    if (!undecided) yield* held.splice(0);
  }
  yield* held; // too little to tell
}

/** Whether there were enough bytes to tell that all is well. */
function decided(bytes: Uint8Array, format: AudioFormat, engine: string): boolean {
  const found = sniffFormat(bytes);
  if (found === undefined) return false;
  if (format.name === "pcm") return decidedForSamples(bytes, found, engine);
  if (found !== format.name) throw wrong(engine, found === "other" ? "something else" : found, format.name);
  return format.name !== "wav" || decidedForWav(bytes, format, engine);
}

function decidedForSamples(bytes: Uint8Array, found: string, engine: string): boolean {
  if (found === "other") return true;
  const marked = found !== "mp3" && found !== "aac";
  const framed = marked || bytes[0] === 0x49 /* ID3 */ ? true : looksFramed(bytes);
  if (framed) throw wrong(engine, found, "pcm");
  return framed === false;
}

const RATE_AT = 24;

/** Where the header is as usual its rate is compared; any other is the decoder's business. */
function decidedForWav(bytes: Uint8Array, { sampleRateHz }: AudioFormat, engine: string): boolean {
  if (bytes.byteLength < RATE_AT + 4) return false;
  if (String.fromCharCode(...bytes.subarray(12, 16)) !== "fmt ") return true;
  const found = new DataView(bytes.buffer, bytes.byteOffset).getUint32(RATE_AT, true);
  if (found === sampleRateHz) return true;
  const advice = `it is expected at ${sampleRateHz} Hz; set sampleRateHz: ${found}`;
  throw new SpeechError("engine_failed", `${engine} gives wav at ${found} Hz and ${advice}`, { engine });
}

function wrong(engine: string, found: string, expected: string): SpeechError {
  return new SpeechError("engine_failed", `${engine} gives ${found} where ${expected} is expected`, { engine });
}
