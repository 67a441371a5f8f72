import type { Output } from "./playback.ts";
import type { SampleReader } from "./sample-reader.ts";

export type WebAudioOptions = {
  readonly context: AudioContext;
  readonly destination: AudioNode;
  readonly read: SampleReader;
  /** From the first samples to their sound: what the audio may be late without being heard. */
  readonly leadMs: number;
  readonly onBegun: () => void;
};

/** What is planned: this stretch of the audio begins to sound at this time of the context. */
type Piece = { readonly atS: number; readonly startS: number; readonly lengthS: number };

/** Samples that are planned further ahead than this wait where they came from. */
const AHEAD_S = 20;
/** After audio that was late the next may be later: the lead grows up to this. */
const MAX_LEAD_MS = 320;
/** A sound that breaks off at full height clicks. */
const FADE_S = 0.005;
/** How far the audio thread may be ahead of the page's view of its clock; what is set for earlier takes effect as a jump. */
const HEADROOM_S = 0.005;

/**
 * Plans each block of samples to begin at the very sample at which the one before ends, so that joins cannot be heard. At the
 * context's own rate the samples come out bit by bit as they were.
 */
export function webAudioOutput({ context, destination, read, leadMs, onBegun }: WebAudioOptions): Output {
  const gain = context.createGain();
  gain.connect(destination);
  const sources = new Set<AudioBufferSourceNode>();
  let pieces: Piece[] = [];
  let nextS = 0;
  let lengthS = 0;
  let lead = leadMs / 1000;
  let underruns = 0;
  let stoppedAtS: number | undefined;
  let onSilence: (() => void) | undefined;

  function positionAt(timeS: number): number {
    let playedS = 0;
    for (const piece of pieces) {
      if (timeS <= piece.atS) break;
      playedS = piece.startS + Math.min(piece.lengthS, timeS - piece.atS);
    }
    return playedS * 1000;
  }

  function plan(buffer: AudioBuffer): void {
    const nowS = context.currentTime;
    if (nextS < nowS) {
      if (lengthS > 0) {
        underruns++;
        lead = Math.min(lead * 2, MAX_LEAD_MS / 1000);
      }
      nextS = Math.ceil((nowS + lead) * context.sampleRate) / context.sampleRate; // on a sample, or all would be interpolated
    }
    const source = new AudioBufferSourceNode(context, { buffer });
    source.connect(gain);
    source.start(nextS);
    source.onended = () => {
      sources.delete(source);
      if (sources.size === 0) onSilence?.();
    };
    if (lengthS === 0) awaitBegin(nextS);
    sources.add(source);
    // The one that just ended is still needed: a listener hears it for as long as the output takes.
    pieces = [
      ...pieces.filter((piece) => piece.atS + piece.lengthS > nowS - 1),
      { atS: nextS, startS: lengthS, lengthS: buffer.duration },
    ];
    nextS += buffer.duration;
    lengthS += buffer.duration;
  }

  /** By the context's clock, which stands while a browser waits for a click. */
  function awaitBegin(atS: number): void {
    if (stoppedAtS !== undefined) return;
    const waitMs = (atS - context.currentTime) * 1000;
    if (waitMs <= 0) onBegun();
    else setTimeout(() => awaitBegin(atS), Math.max(waitMs, 5));
  }

  return {
    positionMs: (audible) => {
      const lateS = audible ? context.outputLatency || context.baseLatency || 0 : 0;
      return positionAt(stoppedAtS ?? context.currentTime - lateS);
    },
    underruns: () => underruns,
    async write(bytes) {
      const block = read(bytes);
      if (!block || stoppedAtS !== undefined) return;
      const { channels, sampleRateHz } = block;
      const buffer = new AudioBuffer({
        length: channels[0]!.length,
        numberOfChannels: channels.length,
        sampleRate: sampleRateHz,
      });
      for (const [channel, samples] of channels.entries()) buffer.copyToChannel(samples, channel);
      plan(buffer);
      while (stoppedAtS === undefined && nextS - context.currentTime > AHEAD_S)
        await new Promise((resolve) => setTimeout(resolve, 250));
    },
    finish: () =>
      new Promise((resolve) => {
        onSilence = resolve;
        if (sources.size === 0) resolve();
      }),
    stop() {
      stoppedAtS = context.currentTime + (context.baseLatency || 0) + HEADROOM_S;
      gain.gain.setValueAtTime(1, stoppedAtS);
      gain.gain.linearRampToValueAtTime(0, stoppedAtS + FADE_S);
      for (const source of sources) source.stop(stoppedAtS + FADE_S);
    },
  };
}
