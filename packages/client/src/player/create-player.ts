import type { AudioFormatName } from "@mynah/protocol";
import { elementCanStream, mediaOutput } from "./media-output.ts";
import type { Playback, PlayOptions, Source } from "./playback.ts";
import { pcmReader, wavReader } from "./sample-reader.ts";
import { startPlayback } from "./start-playback.ts";
import { webAudioOutput } from "./web-audio-output.ts";

export type PlayerOptions = {
  /** Default: one at the rate that gateways deliver in, 24 kHz, at which samples come out as they were made. */
  context?: AudioContext;
  /** Where samples go. Default: the context's destination. Not for formats that an audio element plays. */
  destination?: AudioNode;
  /** Plays mp3, aac, opus and flac. Default: one of its own. */
  element?: HTMLAudioElement;
  /** What samples may be late without being heard, and so what is added to the first sound. Default 20. */
  leadMs?: number;
};

export type Player = {
  /** Call it in a click or key handler: browsers make no sound before one. */
  unlock(): Promise<void>;
  /**
   * Plays as it arrives: pcm and wav by Web Audio, without a gap; mp3 and aac through an audio element where `canStream` says
   * so; anything else when it is complete. The next that the element plays stops the one before; samples are mixed.
   */
  play(source: Source, options?: PlayOptions): Playback;
  /** Gives the audio device back. A context that was given to it stays open. */
  close(): Promise<void>;
};

const DELIVERY_SAMPLE_RATE_HZ = 24_000;
const LEAD_MS = 20;

/** Whether `play` begins before the audio is complete. */
export function canStream(format: AudioFormatName): boolean {
  return format === "pcm" || format === "wav" || elementCanStream(format);
}

/** Plays what a gateway says, in a browser. */
export function createPlayer(options: PlayerOptions = {}): Player {
  const { leadMs = LEAD_MS } = options;
  const context = options.context ?? new AudioContext({ sampleRate: DELIVERY_SAMPLE_RATE_HZ });
  const element = options.element ?? new Audio();
  let stopElement: (() => void) | undefined;
  return {
    unlock: () => context.resume(),
    play(source, playOptions = {}) {
      void context.resume().catch(() => {}); // not allowed before a click; then it begins with `unlock()`
      const destination = options.destination ?? context.destination;
      const playback = startPlayback(
        source,
        playOptions,
        ({ format, sampleRateHz = DELIVERY_SAMPLE_RATE_HZ }, onBegun) => {
          if (format === "pcm" || format === "wav") {
            const read = format === "pcm" ? pcmReader(sampleRateHz) : wavReader();
            return webAudioOutput({ context, destination, read, leadMs, onBegun });
          }
          stopElement?.();
          stopElement = playback.stop;
          return mediaOutput(element, format, onBegun);
        },
      );
      return playback;
    },
    async close() {
      stopElement?.();
      if (!options.context) await context.close();
    },
  };
}
