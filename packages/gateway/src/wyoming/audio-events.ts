import { type AudioFormat, bytesPerSample } from "../core/audio-format.ts";
import { wholeSamples } from "../core/whole-samples.ts";
import type { Speech } from "../speech/speak.ts";
import type { EventWriter } from "./event-writer.ts";

/** About half a second: players begin with the first, and a client that leaves is noticed within a few. */
const MAX_CHUNK_BYTES = 24 * 1024;

/** An answer as `audio-start`, `audio-chunk`s of whole samples and `audio-stop`. Rejects if it breaks off; then no `audio-stop`. */
export async function sendAudio(writer: EventWriter, { audio, format }: Speech, signal: AbortSignal): Promise<void> {
  const shape = shapeOf(format);
  await writer.send("audio-start", shape);
  for await (const bytes of wholeSamples(audio, shape.width)) {
    for (let at = 0; at < bytes.byteLength; at += MAX_CHUNK_BYTES) {
      signal.throwIfAborted();
      await writer.send("audio-chunk", shape, bytes.subarray(at, at + MAX_CHUNK_BYTES));
    }
  }
  await writer.send("audio-stop");
}

function shapeOf(format: AudioFormat) {
  return { rate: format.sampleRateHz, width: bytesPerSample(format), channels: 1 };
}
