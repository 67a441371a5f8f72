import { pcmRateHz, wavHeader } from "./wav-header.ts";

/**
 * One audio download, playable while it arrives where the browser can do that, else once it is complete.
 * Bytes are kept either way: they are what a replay plays and what the download is measured by.
 */
export type IncomingAudio = {
  push(bytes: Uint8Array<ArrayBuffer>): void;
  /** All of it has arrived. The blob is a file that an audio element plays. */
  finish(): Blob;
};

/** Types that browsers play as they arrive; the others come whole through a blob URL. */
const STREAMABLE = "audio/mpeg";

/** Begins to feed `element`, if there is one. It is the caller's to stop the download and to give the element another source. */
export function incomingAudio(element: HTMLAudioElement | undefined, contentType: string): IncomingAudio {
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  const isPcm = contentType.startsWith("audio/pcm");
  const stream = element && contentType.startsWith(STREAMABLE) ? openStream(element) : undefined;

  return {
    push(bytes) {
      chunks.push(bytes);
      stream?.push(bytes);
    },
    finish() {
      const byteCount = chunks.reduce((sum, chunk) => sum + chunk.byteLength, 0);
      const blob = isPcm
        ? new Blob([wavHeader(byteCount, pcmRateHz(contentType)), ...chunks], { type: "audio/wav" })
        : new Blob(chunks, { type: contentType });
      if (stream?.usable()) stream.end();
      else if (element) play(element, blob);
      return blob;
    },
  };
}

type ByteStream = { push(bytes: Uint8Array<ArrayBuffer>): void; end(): void; usable(): boolean };

function openStream(element: HTMLAudioElement): ByteStream | undefined {
  if (typeof MediaSource === "undefined" || !MediaSource.isTypeSupported(STREAMABLE)) return undefined;
  const source = new MediaSource();
  const queue: Uint8Array<ArrayBuffer>[] = [];
  let buffer: SourceBuffer | undefined;
  let ended = false;
  let failed = false;

  // A SourceBuffer takes one piece at a time and refuses while it is busy.
  function feed(): void {
    if (failed || !buffer || buffer.updating || source.readyState !== "open") return;
    const next = queue.shift();
    try {
      if (next) buffer.appendBuffer(next);
      else if (ended) source.endOfStream();
    } catch {
      failed = true; // full or closed: the blob plays at the end instead
    }
  }
  source.addEventListener("sourceopen", () => {
    buffer = source.addSourceBuffer(STREAMABLE);
    buffer.addEventListener("updateend", feed);
    buffer.addEventListener("error", () => {
      failed = true;
    });
    feed();
  });
  play(element, source);

  return {
    push(bytes) {
      queue.push(bytes);
      feed();
    },
    end() {
      ended = true;
      feed();
    },
    usable: () => !failed,
  };
}

/** Plays a whole file, or a stream that is still filling. The URL lasts until the element takes another source. */
export function play(element: HTMLAudioElement, source: Blob | MediaSource): void {
  const url = URL.createObjectURL(source);
  if (element.src.startsWith("blob:")) URL.revokeObjectURL(element.src);
  element.src = url;
  // Refused without a click before it, or overtaken by the next source: the play button is there.
  element.play().catch(() => undefined);
}
