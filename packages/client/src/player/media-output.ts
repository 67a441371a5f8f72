import type { AudioFormatName } from "@mynah/protocol";
import { deferred } from "../deferred.ts";
import { MIME } from "./mime.ts";
import type { Output } from "./playback.ts";

/** How far the element may be filled ahead of what it plays; what was played browsers throw away themselves. */
const AHEAD_S = 30;

/** Safari on telephones has the managed kind only. */
const Source: typeof MediaSource | undefined =
  globalThis.MediaSource ?? (globalThis as { ManagedMediaSource?: typeof MediaSource }).ManagedMediaSource;

/** Whether this browser's audio element plays the format while it arrives; others it plays when they are complete. */
export function elementCanStream(format: AudioFormatName): boolean {
  return Source?.isTypeSupported(MIME[format]) === true;
}

/** Plays encoded audio through an audio element, by MediaSource where it takes the format, else when all of it has come. */
export function mediaOutput(element: HTMLAudioElement, format: AudioFormatName, onBegun: () => void): Output {
  const type = MIME[format];
  const feed = elementCanStream(format) ? streamInto(element, type) : collectInto(element, type);
  const ended = deferred<unknown>();
  element.onended = ended.resolve;
  element.onerror = () => ended.reject(element.error);
  element.onplaying = onBegun;
  let stoppedMs: number | undefined;
  const positionMs = (): number => stoppedMs ?? element.currentTime * 1000;
  return {
    positionMs,
    underruns: () => 0, // an element does not tell them from its beginning and its end
    write: (bytes) => feed.write(bytes),
    async finish() {
      await feed.end();
      await ended.promise;
      release(element);
    },
    stop() {
      element.pause();
      stoppedMs = positionMs();
      release(element);
      element.removeAttribute("src");
      element.load(); // lets go of the source, which then takes no more
    },
  };
}

type Feed = { write(bytes: Uint8Array): Promise<void>; end(): Promise<void> };

function streamInto(element: HTMLAudioElement, type: string): Feed {
  const source = new Source!();
  element.disableRemotePlayback = true; // or the managed kind never opens
  const opened = deferred<SourceBuffer>();
  source.onsourceopen = () => opened.resolve(source.addSourceBuffer(type));
  play(element, source);
  return {
    async write(bytes) {
      const buffer = await opened.promise;
      if (source.readyState !== "open") return; // stopped
      buffer.appendBuffer(bytes as Uint8Array<ArrayBuffer>);
      await new Promise((resolve) => {
        buffer.onupdateend = source.onsourceclose = resolve;
      });
      while (source.readyState === "open" && endOf(element) - element.currentTime > AHEAD_S)
        await new Promise((resolve) => setTimeout(resolve, 250));
    },
    async end() {
      await opened.promise;
      if (source.readyState === "open") source.endOfStream();
    },
  };
}

function collectInto(element: HTMLAudioElement, type: string): Feed {
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  return {
    async write(bytes) {
      chunks.push(bytes as Uint8Array<ArrayBuffer>);
    },
    async end() {
      play(element, new Blob(chunks, { type }));
    },
  };
}

function play(element: HTMLAudioElement, source: Blob | MediaSource): void {
  element.src = URL.createObjectURL(source as Blob);
  element.play().catch(() => {}); // refused before a click: `unlock()` or the element's own button plays it
}

function release(element: HTMLAudioElement): void {
  element.onended = element.onerror = element.onplaying = null;
  URL.revokeObjectURL(element.src);
}

function endOf({ buffered }: HTMLAudioElement): number {
  return buffered.length > 0 ? buffered.end(buffered.length - 1) : 0;
}
