import type { AudioFormatName, SpokenWord } from "@mynah/protocol";
import type { Speech } from "../create-client.ts";
import type { Utterance } from "../utterance.ts";

/** Audio whose format is known beforehand. */
export type RawAudio = {
  readonly audio: AsyncIterable<Uint8Array>;
  readonly format: AudioFormatName;
  /** Needed for pcm, which cannot say it itself. */
  readonly sampleRateHz?: number;
};

/** What can be played: an utterance of a socket, an answer over HTTP, or any audio of a known format. */
export type Source = Utterance | Speech | RawAudio;

export type PlayOptions = {
  /** Stops; `ended` rejects with the signal's reason. */
  signal?: AbortSignal;
  /** Called when a word begins to be heard; of an utterance that was asked for with `words: true`. */
  onWord?: (word: SpokenWord) => void;
};

export type PlaybackEnd = {
  readonly outcome: "ended" | "stopped";
  /** How much of the audio came out of the loudspeaker. */
  readonly positionMs: number;
  /** The words of which at least the beginning was heard. */
  readonly heard: readonly SpokenWord[];
  /** How often samples were not there in time and silence came in between; an audio element does not say. */
  readonly underruns: number;
};

export type Playback = {
  /** Of the audio, what has gone to the loudspeaker. */
  readonly positionMs: number;
  /** Resolves at the first sound; never, if there is none. */
  readonly begun: Promise<void>;
  /** Resolves when the last sound was heard or it was stopped. Rejects when the audio breaks off, after what came was heard. */
  readonly ended: Promise<PlaybackEnd>;
  /** Silence, at once. An utterance is cancelled too. */
  stop(): PlaybackEnd;
};

/** What makes the sound: samples on an audio clock, or an audio element. */
export type Output = {
  /** Of the audio, what has gone to the loudspeaker; `audible`: without what is still on its way through it. */
  positionMs(audible?: boolean): number;
  underruns(): number;
  /** Resolves when more is welcome, so that no more is held here than is played soon. */
  write(bytes: Uint8Array): Promise<void>;
  /** Resolves when all that was written has been heard. */
  finish(): Promise<void>;
  stop(): void;
};
