import { type Client, MynahError, type Speech } from "@mynah/client";
import type { Wish } from "./composer.ts";
import { incomingAudio } from "./incoming-audio.ts";
import { listen, type Sound } from "./sound.ts";

/** One utterance that was asked for, heard to its end, and measured. */
export type Said = Omit<Speech, "audio" | "totalBytes"> & {
  readonly wish: Wish;
  /** From the call to the first byte of audio. */
  readonly firstAudioMs: number;
  /** From the call to the last byte of audio. */
  readonly totalMs: number;
  readonly byteCount: number;
  /** A file that an audio element plays: `pcm` has got a header. */
  readonly file: Blob;
  /** Undefined when this browser cannot decode the format. */
  readonly sound: Sound | undefined;
};

export type SayOptions = {
  client: Client;
  wish: Wish;
  element: HTMLAudioElement;
  signal: AbortSignal;
  /** Told once, when the first audio is there. */
  onFirstAudio: (soFar: Pick<Said, "cache" | "firstAudioMs">) => void;
};

/** Asks for speech, plays it as it comes, and measures. Rejects as `client.speak` and its audio do. */
export async function say({ client, wish, element, signal, onFirstAudio }: SayOptions): Promise<Said> {
  const { pitch, ...rest } = wish;
  const startedAt = performance.now();
  // Pitch is Mynah's own field; left out at 1, the request is one that any OpenAI-compatible server takes.
  const { audio, ...speech } = await client.speak({ ...rest, ...(pitch !== 1 && { pitch }), signal });
  const incoming = incomingAudio(element, speech.contentType);
  let firstAudioMs: number | undefined;
  let byteCount = 0;
  for await (const chunk of audio) {
    if (firstAudioMs === undefined) {
      firstAudioMs = performance.now() - startedAt;
      onFirstAudio({ cache: speech.cache, firstAudioMs });
    }
    byteCount += chunk.byteLength;
    incoming.push(chunk as Uint8Array<ArrayBuffer>); // from a fetch, so never shared memory
  }
  if (firstAudioMs === undefined) throw new MynahError("The answer held no audio", { status: 0, code: "bad_answer" });
  const totalMs = performance.now() - startedAt;
  const file = incoming.finish();
  const sound = await listen(file);
  signal.throwIfAborted();
  return { ...speech, wish, firstAudioMs, totalMs, byteCount, file, sound };
}
