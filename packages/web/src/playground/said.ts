import type { CacheOutcome, ServerTiming, SpokenWord } from "@mynah/client";
import type { Wish } from "./composer.ts";
import type { Sound } from "./sound.ts";

/** One utterance that was asked for, heard to its end, and measured. */
export type Said = {
  readonly wish: Wish;
  readonly cache: CacheOutcome;
  readonly engine: string | undefined;
  /** The voice that spoke: after a fallback it is not the one asked for. */
  readonly voice: string | undefined;
  /** Only over HTTP. */
  readonly requestId: string | undefined;
  readonly serverTiming: readonly ServerTiming[];
  /** Only over a socket. */
  readonly words: readonly SpokenWord[];
  readonly durationMs: number | undefined;
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

/** What is known when the first audio is there; a socket tells what came from the cache at the end. */
export type Begun = { readonly cache: CacheOutcome | undefined; readonly firstAudioMs: number };

export type SayOptions = {
  readonly wish: Wish;
  /** What plays it while it comes; undefined: nothing does. */
  readonly element: HTMLAudioElement | undefined;
  readonly signal: AbortSignal;
  /** Told once, when the first audio is there. */
  readonly onFirstAudio?: (begun: Begun) => void;
  /** Told of the words so far whenever there are more. */
  readonly onWords?: (words: readonly SpokenWord[]) => void;
};

/** The fields of a request: what is as the voice has it is left out, so that any OpenAI-compatible server takes it. */
export function fieldsOf({ text, voice, format, speed, pitch, volume }: Wish) {
  return {
    ...{ text, voice, format, speed },
    ...(pitch !== 1 && { pitch }),
    ...(volume !== 1 && { volume }),
  };
}
