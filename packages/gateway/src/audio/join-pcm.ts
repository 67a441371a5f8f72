import { BlockAligner } from "./pcm.ts";
import type { Seam } from "./seam.ts";

/** Half a sample at a part's end is left out: it would turn all that follows into noise. */
export function createPcmSeam(): Seam {
  let aligner = new BlockAligner(2);
  return {
    startPart() {
      aligner = new BlockAligner(2);
    },
    push: (bytes) => [aligner.align(bytes)].filter(({ length }) => length > 0),
    endPart: () => [],
    finish: () => [],
  };
}
