import { createAdtsSplitter } from "./aac-frames.ts";
import type { Frame } from "./frame-splitter.ts";
import { createMp3Splitter, isInfoFrame } from "./mp3-frames.ts";
import type { Seam } from "./seam.ts";

/**
 * MP3 and ADTS are frames one after another, and so is their sum. Tags, and the first frame's table of contents, which
 * is about its own part only, are left out. Each part begins with an empty bit reservoir, so nothing reaches across.
 */
export function createFramesSeam(format: "mp3" | "aac"): Seam {
  const createSplitter = format === "mp3" ? createMp3Splitter : createAdtsSplitter;
  let splitter = createSplitter();
  let frames = 0;
  let kind: number | undefined;
  const pass = (found: readonly Frame[]): Uint8Array[] =>
    found.flatMap((frame) => {
      kind ??= frame.header.kind;
      if (frame.header.kind !== kind) throw new Error(`${format} parts that differ in rate or channels`);
      const info = frames++ === 0 && format === "mp3" && isInfoFrame(frame);
      return info ? [] : [frame.bytes];
    });
  return {
    startPart() {
      splitter = createSplitter();
      frames = 0;
    },
    push: (bytes) => pass(splitter.push(bytes)),
    endPart() {
      const rest = pass(splitter.finish());
      if (frames === 0) throw new Error(`no frames in this ${format}`);
      return rest;
    },
    finish: () => [],
  };
}
