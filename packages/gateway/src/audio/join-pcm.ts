import { BlockAligner } from "./pcm.ts";
import type { Seam } from "./seam.ts";

const BYTES_PER_SAMPLE = 2;

/** Half a sample at a part's end is left out: it would turn all that follows into noise. */
export function createPcmSeam(sampleRateHz: number): Seam {
  let aligner = new BlockAligner(BYTES_PER_SAMPLE);
  let bytesGiven = 0;
  let partStart = 0;
  const ms = (bytes: number): number => (bytes / BYTES_PER_SAMPLE / sampleRateHz) * 1000;
  return {
    startPart() {
      aligner = new BlockAligner(BYTES_PER_SAMPLE);
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
