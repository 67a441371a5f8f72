import { concat } from "../../core/async.ts";
import { SpeechError } from "../../core/errors.ts";
import type { SynthesisChunk } from "../../core/ports.ts";

/** Loudest sample that still counts as nothing. */
const SILENCE_PEAK = 64;

/**
 * Holds the beginning back until something can be heard, since eSpeak answers text it cannot say with silence. Throws
 * `engine_cannot_say` when nothing ever is. Chunks are s16le of any length; those given on are whole samples.
 */
export async function* audible(chunks: AsyncIterable<SynthesisChunk>, engine: string): AsyncGenerator<SynthesisChunk> {
  let held: Uint8Array[] | undefined = [];
  let half: Uint8Array = new Uint8Array(0);
  for await (const { audio, words } of chunks) {
    if (audio) {
      const bytes = half.byteLength > 0 ? concat([half, audio]) : audio;
      const whole = bytes.subarray(0, bytes.byteLength & ~1);
      half = bytes.slice(whole.byteLength);
      if (held) {
        held.push(whole);
        if (!isHeard(whole)) continue;
        yield { audio: concat(held) };
        held = undefined;
      } else if (whole.byteLength > 0) yield { audio: whole };
    }
    if (words && !held) yield { words };
  }
  if (held) throw new SpeechError("engine_cannot_say", `${engine} has nothing to say for this text`, { engine });
}

function isHeard(pcm: Uint8Array): boolean {
  const view = new DataView(pcm.buffer, pcm.byteOffset, pcm.byteLength);
  for (let at = 0; at + 1 < pcm.byteLength; at += 2) if (Math.abs(view.getInt16(at, true)) > SILENCE_PEAK) return true;
  return false;
}
