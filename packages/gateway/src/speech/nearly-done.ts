import { type AudioFormat, bytesPerSample } from "../core/audio-format.ts";
import type { SynthesisRequest } from "../core/ports.ts";

/** Characters of speech in a second at normal speed, over English and German voices; a rough guess is enough here. */
const CHARS_PER_SECOND = 15;
const NEARLY_DONE_SHARE = 0.75;

/** Whether so much of a segment has come that cancelling it would throw away more than it saves. */
export function nearlyDone(bytes: number, request: SynthesisRequest, format: AudioFormat): boolean {
  const bytesPerSecond =
    format.bitrateBps === undefined ? format.sampleRateHz * bytesPerSample(format) : format.bitrateBps / 8;
  const expectedSeconds = request.text.length / CHARS_PER_SECOND / request.speed;
  return bytes >= expectedSeconds * bytesPerSecond * NEARLY_DONE_SHARE;
}
