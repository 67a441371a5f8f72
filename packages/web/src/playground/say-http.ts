import type { Client } from "@mynah/client";
import { measure } from "./measured-audio.ts";
import { fieldsOf, type Said, type SayOptions } from "./said.ts";

/** Asks for speech by `POST /v1/audio/speech`. Rejects as `client.speak` and its audio do. */
export async function sayByHttp(client: Client, { wish, element, signal, onFirstAudio }: SayOptions): Promise<Said> {
  const askedAtMs = performance.now();
  const { audio, totalBytes: _, ...speech } = await client.speak({ ...fieldsOf(wish), signal });
  const measured = await measure({
    ...{ audio, contentType: speech.contentType, element, askedAtMs },
    onFirstAudio: (firstAudioMs) => onFirstAudio?.({ cache: speech.cache, firstAudioMs }),
  });
  signal.throwIfAborted();
  return { ...speech, ...measured, wish, words: [] };
}
