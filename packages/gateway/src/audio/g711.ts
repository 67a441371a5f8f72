import { toInt16 } from "./codec.ts";

/**
 * ITU-T G.711, the telephone's two codecs: a sign, three bits of segment, four bits within it, so that a quiet sound is
 * kept as finely as a loud one. Written after the recommendation's reference code (G.191): 14 bits of a sample for
 * µ-law, 13 for A-law, and each code stands for the middle of its interval.
 */
export type G711Law = "mulaw" | "alaw";

const MULAW_BIAS = 33;
const MULAW_MAX = 0x1fff;
/** Every second bit is turned over, so that silence has changes that a line can lock on. */
const ALAW_TOGGLE = 0x55;

const bitLength = (magnitude: number): number => 32 - Math.clz32(magnitude);

/** The µ-law code of a 16-bit sample. */
export function muLawCode(sample: number): number {
  const biased = ((sample < 0 ? ~sample : sample) >> 2) + MULAW_BIAS;
  const magnitude = Math.min(MULAW_MAX, biased);
  const segment = bitLength(magnitude) - 6; // the bias makes it at least 6 bits
  const code = (segment << 4) | ((magnitude >> (segment + 1)) & 15);
  return ~(sample < 0 ? code | 0x80 : code) & 0xff;
}

/** The A-law code of a 16-bit sample. */
export function aLawCode(sample: number): number {
  const magnitude = (sample < 0 ? ~sample : sample) >> 4;
  const segment = Math.max(0, bitLength(magnitude) - 4);
  const code = segment === 0 ? magnitude : (segment << 4) | ((magnitude >> (segment - 1)) & 15);
  return (sample < 0 ? code : code | 0x80) ^ ALAW_TOGGLE;
}

/** The 16-bit sample that a µ-law code stands for. */
function muLawSample(code: number): number {
  const bits = ~code & 0xff;
  const magnitude = ((((bits & 15) << 3) + 132) << ((bits >> 4) & 7)) - 132;
  return bits & 0x80 ? -magnitude : magnitude;
}

/** The 16-bit sample that an A-law code stands for. */
function aLawSample(code: number): number {
  const bits = code ^ ALAW_TOGGLE;
  const segment = (bits >> 4) & 7;
  const mantissa = ((bits & 15) << 4) + 8;
  const magnitude = segment === 0 ? mantissa : (mantissa + 256) << (segment - 1);
  return bits & 0x80 ? magnitude : -magnitude;
}

const table = (sampleOf: (code: number) => number): Float32Array =>
  Float32Array.from({ length: 256 }, (_, code) => sampleOf(code) / 32_768);

/** What each code stands for, -1..1. */
export const G711_SAMPLES: Readonly<Record<G711Law, Readonly<Float32Array>>> = {
  mulaw: table(muLawSample),
  alaw: table(aLawSample),
};

const CODES: Readonly<Record<G711Law, (sample: number) => number>> = { mulaw: muLawCode, alaw: aLawCode };

/** Samples as codes, a byte each. */
export function g711Bytes(samples: Float32Array, law: G711Law): Uint8Array<ArrayBuffer> {
  const codeOf = CODES[law];
  const bytes = new Uint8Array(samples.length);
  for (let at = 0; at < samples.length; at++) bytes[at] = codeOf(toInt16(samples[at]!));
  return bytes;
}

export function g711Samples(bytes: Uint8Array, law: G711Law): Float32Array {
  const sampleOf = G711_SAMPLES[law];
  const samples = new Float32Array(bytes.length);
  for (let at = 0; at < bytes.length; at++) samples[at] = sampleOf[bytes[at]!]!;
  return samples;
}
