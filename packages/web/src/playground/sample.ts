import type { Client, VoiceInfo } from "@mynah/client";
import { greetingOf } from "./greetings.ts";
import { play } from "./incoming-audio.ts";

export type Samples = {
  /** Says hello in that voice, or falls silent if it is being heard. Rejects as `client.speak` does. */
  toggle(voice: VoiceInfo): Promise<void>;
  stop(): void;
};

/** One voice at a time says hello. `changed` is told whenever another one, or none, is being heard. */
export function samples(client: () => Client, changed: (playing: string | undefined) => void): Samples {
  const element = new Audio();
  let playing: string | undefined;
  let abort = new AbortController();

  function told(next: string | undefined): void {
    playing = next;
    changed(next);
  }
  function stop(): void {
    abort.abort();
    element.pause();
    told(undefined);
  }
  element.addEventListener("ended", () => told(undefined));
  return {
    stop,
    async toggle(voice) {
      const again = playing === voice.id;
      stop();
      if (again) return;
      abort = new AbortController();
      const { signal } = abort;
      told(voice.id);
      try {
        const { audio } = await client().speak({
          text: greetingOf(voice.language),
          voice: voice.id,
          format: "mp3",
          signal,
        });
        const chunks: BlobPart[] = [];
        for await (const chunk of audio) chunks.push(chunk as Uint8Array<ArrayBuffer>);
        if (!signal.aborted) play(element, new Blob(chunks, { type: "audio/mpeg" }));
      } catch (error) {
        if (signal.aborted) return;
        told(undefined);
        throw error;
      }
    },
  };
}
