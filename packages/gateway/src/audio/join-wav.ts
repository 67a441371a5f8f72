import { type AudioFormat, bytesPerSample, encodingOf } from "../core/audio-format.ts";
import type { StreamDecoder } from "./codec.ts";
import { encodedSamples } from "./pcm.ts";
import type { Seam } from "./seam.ts";
import { createWavDecoder, wavHeader, wavHeaderBytes } from "./wav.ts";

/**
 * Reads each part's samples, whatever chunks and widths it has, and writes them behind one header. Mono samples of the
 * same encoding come out bit for bit.
 *
 * RIFF wants chunks of an even length. The byte that would fill one up is heard by players that take a stream to its end, so
 * a part with an odd number of samples of one byte gets its last one twice instead: each part, because what is stored and
 * joined later must be the same bytes as what was streamed.
 */
export function createWavSeam(format: AudioFormat): Seam {
  const { sampleRateHz } = format;
  const encoding = encodingOf(format);
  const width = bytesPerSample(format);
  let decoder: StreamDecoder = createWavDecoder();
  let head = true;
  let samples = 0;
  let partStart = 0;
  let last: number | undefined;
  const withHead = (chunks: Uint8Array[]): Uint8Array[] => {
    if (!head) return chunks;
    head = false;
    return [wavHeader(sampleRateHz, undefined, encoding), ...chunks];
  };
  return {
    startPart() {
      decoder = createWavDecoder();
      partStart = samples;
      last = undefined;
    },
    push(bytes) {
      const blocks = [...decoder.decode(bytes)];
      if (blocks.length === 0) return [];
      if (decoder.sampleRateHz !== sampleRateHz)
        throw new Error(`a wav part with ${decoder.sampleRateHz} instead of ${sampleRateHz} Hz`);
      for (const block of blocks) samples += block.length;
      last = blocks.at(-1)?.at(-1) ?? last;
      return withHead(blocks.map((block) => encodedSamples(block, encoding)));
    },
    endPart() {
      decoder.finish();
      if (last === undefined || ((samples - partStart) * width) % 2 === 0) return [];
      samples++;
      return [encodedSamples(Float32Array.of(last), encoding)];
    },
    finish: () => withHead([]),
    get partStartMs() {
      return (partStart / sampleRateHz) * 1000;
    },
    get lengthMs() {
      return (samples / sampleRateHz) * 1000;
    },
    setLengths: (whole) => whole.set(wavHeader(sampleRateHz, whole.length - wavHeaderBytes(encoding), encoding)),
  };
}
