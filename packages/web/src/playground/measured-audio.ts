import { MynahError } from "@mynah/client";
import { incomingAudio } from "./incoming-audio.ts";
import { listen, type Sound } from "./sound.ts";

export type Measured = {
  readonly firstAudioMs: number;
  readonly totalMs: number;
  readonly byteCount: number;
  readonly file: Blob;
  readonly sound: Sound | undefined;
};

export type MeasureOptions = {
  readonly audio: AsyncIterable<Uint8Array>;
  readonly contentType: string;
  readonly element: HTMLAudioElement | undefined;
  /** When it was asked for, by `performance.now()`. */
  readonly askedAtMs: number;
  readonly onFirstAudio: (firstAudioMs: number) => void;
};

/** Plays audio as it comes, and measures it. Throws when there is none. */
export async function measure({
  audio,
  contentType,
  element,
  askedAtMs,
  onFirstAudio,
}: MeasureOptions): Promise<Measured> {
  const incoming = incomingAudio(element, contentType);
  let firstAudioMs: number | undefined;
  let byteCount = 0;
  for await (const chunk of audio) {
    if (firstAudioMs === undefined) {
      firstAudioMs = performance.now() - askedAtMs;
      onFirstAudio(firstAudioMs);
    }
    byteCount += chunk.byteLength;
    incoming.push(chunk as Uint8Array<ArrayBuffer>); // from a fetch or a socket, so never shared memory
  }
  if (firstAudioMs === undefined) throw new MynahError("The answer held no audio", { status: 0, code: "bad_answer" });
  const totalMs = performance.now() - askedAtMs;
  const file = incoming.finish();
  return { firstAudioMs, totalMs, byteCount, file, sound: await listen(file) };
}
