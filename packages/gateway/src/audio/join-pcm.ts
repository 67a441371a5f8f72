import { type AudioFormat, bytesPerSample } from "../core/audio-format.ts";
import { BlockAligner } from "./pcm.ts";
import type { Seam } from "./seam.ts";

/** Half a sample at a part's end is left out: it would turn all that follows into noise. */
export function createPcmSeam(format: AudioFormat): Seam {
  const width = bytesPerSample(format);
  let aligner = new BlockAligner(width);
  let bytesGiven = 0;
  let partStart = 0;
  const ms = (bytes: number): number => (bytes / width / format.sampleRateHz) * 1000;
  return {
    startPart() {
      aligner = new BlockAligner(width);
      partStart = bytesGiven;
    },
    push(bytes) {
      const aligned = aligner.align(bytes);
      bytesGiven += aligned.length;
      return aligned.length > 0 ? [aligned] : [];
    },
    endPart: () => [],
    finish: () => [],
    get partStartMs() {
      return ms(partStart);
    },
    get lengthMs() {
      return ms(bytesGiven);
    },
  };
}
