/** Decodes FLAC frames (RFC 9639 §9.2) whose checksums were verified. Our own code: exact integers, no WASM heap. */
import { downmix, type StreamDecoder } from "./codec.ts";
import { type FlacFrame, FlacReader, type FlacStreamInfo } from "./flac-frames.ts";

const FIXED_COEFFICIENTS: readonly (readonly number[])[] = [[], [1], [2, -1], [3, -3, 1], [4, -6, 4, -1]];
const MAX_BITS = 24;

class BitReader {
  readonly #bytes: Uint8Array;
  #at: number;
  #bit = 0;

  constructor(bytes: Uint8Array, at: number) {
    this.#bytes = bytes;
    this.#at = at;
  }

  /** Up to 32 bits, unsigned. */
  unsigned(count: number): number {
    let value = 0;
    let left = count;
    while (left > 0) {
      const taken = Math.min(8 - this.#bit, left);
      const part = (this.#byte() >> (8 - this.#bit - taken)) & ((1 << taken) - 1);
      value = value * 2 ** taken + part;
      this.#advance(taken);
      left -= taken;
    }
    return value;
  }

  signed(count: number): number {
    const value = this.unsigned(count);
    return count > 0 && value >= 2 ** (count - 1) ? value - 2 ** count : value;
  }

  /** Zeros in front of the next one. */
  unary(): number {
    let zeros = 0;
    for (;;) {
      const rest = (this.#byte() << this.#bit) & 0xff;
      if (rest === 0) {
        zeros += 8 - this.#bit;
        this.#bit = 0;
        this.#at++;
        continue;
      }
      const ahead = Math.clz32(rest) - 24;
      this.#advance(ahead + 1);
      return zeros + ahead;
    }
  }

  #byte(): number {
    const byte = this.#bytes[this.#at];
    if (byte === undefined) throw new Error("a flac frame that is too short");
    return byte;
  }

  #advance(bits: number): void {
    const to = this.#bit + bits;
    this.#at += to >> 3;
    this.#bit = to & 7;
  }
}

function readResidual(reader: BitReader, samples: Float64Array, order: number): void {
  const method = reader.unsigned(2);
  if (method > 1) throw new Error("flac with an unknown residual");
  const parameterBits = method === 0 ? 4 : 5;
  const partitions = 1 << reader.unsigned(4);
  const size = samples.length / partitions;
  if (!Number.isInteger(size) || size < order) throw new Error("flac with an impossible partition");
  let at = order;
  for (let partition = 1; partition <= partitions; partition++) {
    const parameter = reader.unsigned(parameterBits);
    if (parameter === (1 << parameterBits) - 1) {
      const bits = reader.unsigned(5);
      for (; at < partition * size; at++) samples[at] = reader.signed(bits);
      continue;
    }
    for (; at < partition * size; at++) {
      const folded = reader.unary() * 2 ** parameter + reader.unsigned(parameter);
      samples[at] = folded % 2 === 0 ? folded / 2 : -(folded + 1) / 2;
    }
  }
}

function restore(samples: Float64Array, coefficients: readonly number[], shift: number): void {
  const order = coefficients.length;
  const scale = 2 ** shift;
  for (let at = order; at < samples.length; at++) {
    let sum = 0;
    for (let k = 0; k < order; k++) sum += coefficients[k]! * samples[at - 1 - k]!;
    samples[at] = samples[at]! + Math.floor(sum / scale);
  }
}

function readSubframe(reader: BitReader, blockSamples: number, frameBits: number): Float64Array {
  if (reader.unsigned(1) !== 0) throw new Error("flac with a broken subframe");
  const type = reader.unsigned(6);
  const wasted = reader.unsigned(1) === 1 ? reader.unary() + 1 : 0;
  const bits = frameBits - wasted;
  if (bits < 1) throw new Error("flac with more wasted bits than bits");
  const samples = new Float64Array(blockSamples);
  const warmUp = (order: number): void => {
    if (order > blockSamples) throw new Error("flac with a block below its order");
    for (let at = 0; at < order; at++) samples[at] = reader.signed(bits);
  };
  if (type === 0) samples.fill(reader.signed(bits));
  else if (type === 1) warmUp(blockSamples);
  else if (type >= 8 && type <= 12) {
    warmUp(type - 8);
    readResidual(reader, samples, type - 8);
    restore(samples, FIXED_COEFFICIENTS[type - 8]!, 0);
  } else if (type >= 32) {
    const order = type - 31;
    warmUp(order);
    const precision = reader.unsigned(4) + 1;
    const shift = reader.signed(5);
    if (precision === 16 || shift < 0) throw new Error("flac with impossible prediction");
    const coefficients = Array.from({ length: order }, () => reader.signed(precision));
    readResidual(reader, samples, order);
    restore(samples, coefficients, shift);
  } else throw new Error("flac with a reserved subframe");
  if (wasted > 0) for (let at = 0; at < samples.length; at++) samples[at] = samples[at]! * 2 ** wasted;
  return samples;
}

/** Codes 8, 9, 10: left and side, side and right, mid and side. */
function undoStereo(code: number, first: Float64Array, second: Float64Array): void {
  for (let at = 0; at < first.length; at++) {
    const a = first[at]!;
    const b = second[at]!;
    if (code === 8) second[at] = a - b;
    else if (code === 9) first[at] = a + b;
    else {
      const mid = a * 2 + (Math.abs(b) % 2);
      first[at] = (mid + b) / 2;
      second[at] = (mid - b) / 2;
    }
  }
}

/** A loop: from() with a function takes several times as long. */
function scaled(plane: Float64Array, scale: number): Float32Array {
  const samples = new Float32Array(plane.length);
  for (let at = 0; at < samples.length; at++) samples[at] = plane[at]! / scale;
  return samples;
}

function decodeFrame({ bytes, header }: FlacFrame, info: FlacStreamInfo): Float32Array {
  const bits = header.bits || info.bits;
  if (bits > MAX_BITS) throw new Error(`cannot read flac with ${bits} bits`);
  const code = header.channelCode;
  const channels = code < 8 ? code + 1 : 2;
  const reader = new BitReader(bytes.subarray(0, bytes.length - 2), header.crcAt + 1);
  const planes = Array.from({ length: channels }, (_, channel) => {
    const side = (code === 9 && channel === 0) || ((code === 8 || code === 10) && channel === 1);
    return readSubframe(reader, header.blockSamples, bits + (side ? 1 : 0));
  });
  if (code >= 8) undoStereo(code, planes[0]!, planes[1]!);
  const scale = 2 ** (bits - 1);
  return downmix(planes.map((plane) => scaled(plane, scale)));
}

class FlacDecoder implements StreamDecoder {
  readonly #reader = new FlacReader();

  get sampleRateHz(): number {
    return this.#reader.streamInfo?.sampleRateHz ?? 0;
  }

  *decode(bytes: Uint8Array): Generator<Float32Array> {
    for (const frame of this.#reader.push(bytes)) yield decodeFrame(frame, this.#reader.streamInfo!);
  }

  *finish(): Generator<Float32Array> {
    for (const frame of this.#reader.finish()) yield decodeFrame(frame, this.#reader.streamInfo!);
  }

  free(): void {}
}

export function createFlacDecoder(): StreamDecoder {
  return new FlacDecoder();
}
