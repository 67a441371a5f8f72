import { type AudioFormat, startDelayMs } from "../core/audio-format.ts";
import { createAdtsSplitter } from "./aac-frames.ts";
import type { Frame } from "./frame-splitter.ts";
import { createMp3Splitter, isInfoFrame } from "./mp3-frames.ts";
import type { Seam } from "./seam.ts";

/**
 * MP3 and ADTS are frames one after another, and so is their sum. Tags, and the first frame's table of contents, which
 * is about its own part only, are left out. Each part begins with an empty bit reservoir, so nothing reaches across.
 */
export function createFramesSeam(format: AudioFormat): Seam {
  const { name } = format;
  const createSplitter = name === "mp3" ? createMp3Splitter : createAdtsSplitter;
  let splitter = createSplitter();
  let frames = 0;
  let kind: number | undefined;
  let { sampleRateHz } = format;
  let samples = 0;
  let partStart = 0;
  const pass = (found: readonly Frame[]): Uint8Array[] =>
    found.flatMap((frame) => {
      kind ??= frame.header.kind;
      if (frame.header.kind !== kind) throw new Error(`${name} parts that differ in rate or channels`);
      const info = frames++ === 0 && name === "mp3" && isInfoFrame(frame);
      if (info) return [];
      sampleRateHz = frame.header.sampleRateHz;
      samples += frame.header.samples;
      return [frame.bytes];
    });
  return {
    startPart() {
      splitter = createSplitter();
      frames = 0;
      partStart = samples;
    },
    push: (bytes) => pass(splitter.push(bytes)),
    endPart() {
      const rest = pass(splitter.finish());
      if (frames === 0) throw new Error(`no frames in this ${name}`);
      return rest;
    },
    finish: () => [],
    get partStartMs() {
      return (partStart / sampleRateHz) * 1000 + startDelayMs({ name, sampleRateHz });
    },
    get lengthMs() {
      return (samples / sampleRateHz) * 1000;
    },
  };
}
