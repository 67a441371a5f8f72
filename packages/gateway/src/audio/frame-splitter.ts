import { ByteQueue } from "./byte-queue.ts";

/** What a frame header says. `kind` is equal for two frames of one stream and differs between streams. */
export type FrameHeader = {
  readonly length: number;
  readonly kind: number;
  readonly sampleRateHz: number;
  readonly samples: number;
};

/** Reads the header at `at`; undefined when there is none. Given at least `headerBytes` bytes. */
export type ReadHeader = (bytes: Uint8Array, at: number) => FrameHeader | undefined;

export type Frame = { readonly bytes: Uint8Array<ArrayBuffer>; readonly header: FrameHeader };

/** So much junk in one place means that this is no audio of this kind. */
const MAX_JUNK_BYTES = 256 * 1024;
const ID3_HEADER_BYTES = 10;

/**
 * Cuts a stream of self-describing frames (MP3, ADTS) at its frames and leaves out what is between them: ID3 tags, junk.
 * A pattern that looks like a header may be chance, so the first frame after any junk counts only if another follows it.
 */
export class FrameSplitter {
  readonly #queue = new ByteQueue();
  readonly #readHeader: ReadHeader;
  readonly #headerBytes: number;
  #skip = 0;
  #junk = 0;
  #kind: number | undefined;
  /** The last frame ended where the queue now starts. */
  #locked = false;

  constructor(readHeader: ReadHeader, headerBytes: number) {
    this.#readHeader = readHeader;
    this.#headerBytes = headerBytes;
  }

  push(bytes: Uint8Array): Frame[] {
    this.#queue.push(bytes);
    return this.#split(false);
  }

  finish(): Frame[] {
    return this.#split(true);
  }

  #split(ended: boolean): Frame[] {
    const frames: Frame[] = [];
    for (;;) {
      const skipped = Math.min(this.#skip, this.#queue.length);
      this.#queue.skip(skipped);
      this.#skip -= skipped;
      if (this.#skip > 0 || this.#queue.length < this.#headerBytes) return frames;
      const tag = this.#skipTag();
      if (tag === "wait" && !ended) return frames;
      if (tag === "skipped") continue;
      const verdict = this.#frameAtFront(ended);
      if (verdict === "wait") return frames;
      if (verdict === "junk") this.#seek();
      else {
        frames.push({ bytes: this.#queue.take(verdict.length), header: verdict });
        this.#kind = verdict.kind;
        this.#locked = true;
        this.#junk = 0;
      }
    }
  }

  #frameAtFront(ended: boolean): FrameHeader | "wait" | "junk" {
    const bytes = this.#queue.peek();
    const header = this.#readHeader(bytes, 0);
    if (header === undefined || (this.#kind !== undefined && header.kind !== this.#kind)) return "junk";
    if (bytes.length < header.length) return ended ? "junk" : "wait";
    if (this.#locked) return header;
    if (bytes.length < header.length + this.#headerBytes) {
      if (!ended) return "wait";
      return bytes.length === header.length ? header : "junk";
    }
    return this.#readHeader(bytes, header.length)?.kind === header.kind ? header : "junk";
  }

  /** Leaves at least one byte behind, up to the next that could begin a header. */
  #seek(): void {
    this.#locked = false;
    const next = this.#queue.peek().indexOf(0xff, 1);
    const count = next === -1 ? this.#queue.length : next;
    this.#junk += count;
    if (this.#junk > MAX_JUNK_BYTES) throw new Error("no frames in this audio");
    this.#queue.skip(count);
  }

  /** ID3v2 says how long it is ("syncsafe", 7 bits a byte); ID3v1 is 128 bytes at the very end and goes as junk. */
  #skipTag(): "none" | "wait" | "skipped" {
    const bytes = this.#queue.peek();
    if (bytes[0] !== 0x49 || bytes[1] !== 0x44 || bytes[2] !== 0x33) return "none";
    if (bytes.length < ID3_HEADER_BYTES) return "wait";
    const size = ((bytes[6]! & 127) << 21) | ((bytes[7]! & 127) << 14) | ((bytes[8]! & 127) << 7) | (bytes[9]! & 127);
    this.#skip = ID3_HEADER_BYTES + size + (bytes[5]! & 0x10 ? ID3_HEADER_BYTES : 0);
    return "skipped";
  }
}
