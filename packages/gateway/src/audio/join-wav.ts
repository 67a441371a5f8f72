import type { StreamDecoder } from "./codec.ts";
import { pcmBytes } from "./pcm.ts";
import type { Seam } from "./seam.ts";
import { createWavDecoder, WAV_HEADER_BYTES, wavHeader } from "./wav.ts";

/**
 * Reads each part's samples, whatever chunks and widths it has, and writes them behind one header. 16-bit mono comes
 * out bit for bit.
 */
export function createWavSeam(sampleRateHz: number): Seam {
  let decoder: StreamDecoder = createWavDecoder();
  let head = true;
  let samples = 0;
  let partStart = 0;
  const withHead = (chunks: Uint8Array[]): Uint8Array[] => {
    if (!head) return chunks;
    head = false;
    return [wavHeader(sampleRateHz), ...chunks];
  };
  return {
    startPart() {
      decoder = createWavDecoder();
      partStart = samples;
    },
    push(bytes) {
      const blocks = decoder.decode(bytes);
      if (blocks.length === 0) return [];
      if (decoder.sampleRateHz !== sampleRateHz)
        throw new Error(`a wav part with ${decoder.sampleRateHz} instead of ${sampleRateHz} Hz`);
      for (const block of blocks) samples += block.length;
      return withHead(blocks.map(pcmBytes));
    },
    endPart() {
      decoder.finish();
      return [];
    },
    finish: () => withHead([]),
    get partStartMs() {
      return (partStart / sampleRateHz) * 1000;
    },
    get lengthMs() {
      return (samples / sampleRateHz) * 1000;
    },
    setLengths: (whole) => whole.set(wavHeader(sampleRateHz, whole.length - WAV_HEADER_BYTES)),
  };
}
