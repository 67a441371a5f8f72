import { concat } from "../core/async.ts";
import { type AudioFormat, encodingOf } from "../core/audio-format.ts";
import { SpeechError } from "../core/errors.ts";
import type { AudioJoiner, JoinedStream } from "../core/ports.ts";
import { createFlacSeam } from "./join-flac.ts";
import { createFramesSeam } from "./join-frames.ts";
import { createOpusSeam } from "./join-opus.ts";
import { createPcmSeam } from "./join-pcm.ts";
import { createWavSeam } from "./join-wav.ts";
import { JoinedStreams } from "./joined-streams.ts";
import type { Seam } from "./seam.ts";
import { wavHeader, wavHeaderBytes } from "./wav.ts";

function createSeam(format: AudioFormat): Seam {
  switch (format.name) {
    case "pcm":
      return createPcmSeam(format);
    case "wav":
      return createWavSeam(format);
    case "mp3":
    case "aac":
      return createFramesSeam(format);
    case "opus":
      return createOpusSeam();
    case "flac":
      return createFlacSeam();
  }
}

/** A part that is not what it should be is a failure of who made it, whatever the parser called it. */
function attempt<T>(step: () => T): T {
  try {
    return step();
  } catch (error) {
    throw SpeechError.from(
      error,
      "transcode_failed",
      error instanceof Error ? error.message : "audio cannot be joined",
    );
  }
}

function joinWhole(format: AudioFormat, parts: readonly Uint8Array[]): Uint8Array {
  const seam = createSeam(format);
  return attempt(() => {
    const chunks: Uint8Array[] = [];
    for (const part of parts.filter(({ length }) => length > 0)) {
      seam.startPart();
      chunks.push(...seam.push(part), ...seam.endPart());
    }
    chunks.push(...seam.finish());
    const whole = new Uint8Array(concat(chunks)); // a copy: one chunk alone might be the caller's
    seam.setLengths?.(whole);
    return whole;
  });
}

class SewnStream implements JoinedStream {
  readonly #seam: Seam;
  #empty = true;

  constructor(format: AudioFormat) {
    this.#seam = createSeam(format);
  }

  startPart(): void {
    this.#seam.startPart();
    this.#empty = true;
  }

  push(bytes: Uint8Array): Uint8Array {
    if (bytes.length === 0) return bytes;
    this.#empty = false;
    return attempt(() => concat(this.#seam.push(bytes)));
  }

  endPart(): Uint8Array {
    return this.#empty ? NOTHING : attempt(() => concat(this.#seam.endPart()));
  }

  finish(): Uint8Array {
    return attempt(() => concat(this.#seam.finish()));
  }

  get partStartMs(): number | undefined {
    return this.#seam.partStartMs;
  }

  get lengthMs(): number {
    return this.#seam.lengthMs;
  }
}

const NOTHING = new Uint8Array(0);

/** Joins without decoding, so it costs next to nothing; holds back at most one frame. */
export function createAudioJoiner(): AudioJoiner {
  const joined = new JoinedStreams();
  return {
    open: (format) => new SewnStream(format),
    joinWhole,
    joinClean(format, parts) {
      if (parts.length === 1) return parts;
      switch (format.name) {
        case "pcm":
        case "mp3":
        case "aac":
          return parts; // nothing comes in between
        case "wav": {
          const encoding = encodingOf(format);
          const samples = parts.map((part) => part.subarray(wavHeaderBytes(encoding)));
          const bytes = samples.reduce((sum, { length }) => sum + length, 0);
          return [wavHeader(format.sampleRateHz, bytes, encoding), ...samples];
        }
        case "opus":
        case "flac":
          return [joined.of(parts, () => joinWhole(format, parts))]; // numbers and checksums of pages and frames change
      }
    },
  };
}
