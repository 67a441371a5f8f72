import { type FlacFrame, FlacReader, type FlacStreamInfo, flacHead, renumberFlacFrame } from "./flac-frames.ts";
import type { Seam } from "./seam.ts";

/**
 * One description, then the frames of all parts, each renumbered by the sample it starts at: parts may have blocks of
 * different sizes, and the last block of each is shorter than the others anyway.
 */
class FlacSeam implements Seam {
  #reader = new FlacReader();
  #info: FlacStreamInfo | undefined;
  #samples = 0;
  #partStart = 0;

  startPart(): void {
    this.#reader = new FlacReader();
    this.#partStart = this.#samples;
  }

  get partStartMs(): number {
    return this.#ms(this.#partStart);
  }

  get lengthMs(): number {
    return this.#ms(this.#samples);
  }

  #ms(samples: number): number {
    return this.#info === undefined ? 0 : (samples / this.#info.sampleRateHz) * 1000;
  }

  push(bytes: Uint8Array): Uint8Array[] {
    return this.#pass(this.#reader.push(bytes));
  }

  endPart(): Uint8Array[] {
    return this.#pass(this.#reader.finish());
  }

  finish(): Uint8Array[] {
    return [];
  }

  setLengths(whole: Uint8Array): void {
    if (this.#info !== undefined) whole.set(flacHead({ ...this.#info, totalSamples: this.#samples }));
  }

  #pass(frames: readonly FlacFrame[]): Uint8Array[] {
    const { streamInfo } = this.#reader;
    if (streamInfo === undefined) return [];
    const out: Uint8Array[] = [];
    if (this.#info === undefined) {
      this.#info = { ...streamInfo, totalSamples: 0 };
      out.push(flacHead(this.#info));
    }
    const { sampleRateHz, channels, bits } = this.#info;
    if (streamInfo.sampleRateHz !== sampleRateHz || streamInfo.channels !== channels || streamInfo.bits !== bits) {
      throw new Error("flac parts that differ in rate, channels or bits");
    }
    for (const frame of frames) {
      out.push(renumberFlacFrame(frame, this.#samples));
      this.#samples += frame.header.blockSamples;
    }
    return out;
  }
}

export function createFlacSeam(): Seam {
  return new FlacSeam();
}
