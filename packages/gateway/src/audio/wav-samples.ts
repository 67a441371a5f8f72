import { G711_SAMPLES } from "./g711.ts";

/** How samples lie in a WAV file's data chunk. `codec` is the format tag: 1 integer, 3 float, 6 A-law, 7 µ-law. */
export type SampleLayout = { readonly codec: number; readonly channels: number; readonly bits: number };

type ReadSample = (view: DataView, at: number) => number;

const INTEGER: Readonly<Record<number, ReadSample>> = {
  8: (view, at) => (view.getUint8(at) - 128) / 128, // the only unsigned one
  16: (view, at) => view.getInt16(at, true) / 32_768,
  24: (view, at) => ((view.getInt8(at + 2) << 16) | view.getUint16(at, true)) / 8_388_608,
  32: (view, at) => view.getInt32(at, true) / 2_147_483_648,
};

const finite = (value: number): number => (Number.isFinite(value) ? value : 0);

const FLOAT: Readonly<Record<number, ReadSample>> = {
  32: (view, at) => finite(view.getFloat32(at, true)),
  64: (view, at) => finite(view.getFloat64(at, true)),
};

const { mulaw: MULAW, alaw: ALAW } = G711_SAMPLES;

function pickReader({ codec, bits }: SampleLayout): ReadSample | undefined {
  if (codec === 1) return INTEGER[bits];
  if (codec === 3) return FLOAT[bits];
  if (codec === 6 && bits === 8) return (view, at) => ALAW[view.getUint8(at)]!;
  if (codec === 7 && bits === 8) return (view, at) => MULAW[view.getUint8(at)]!;
  return undefined;
}

/** Turns whole blocks into one array per channel. Throws for a layout nobody here can read. */
export function sampleReader(layout: SampleLayout): (bytes: Uint8Array) => Float32Array[] {
  const read = pickReader(layout);
  if (read === undefined) throw new Error(`cannot read wav codec ${layout.codec} with ${layout.bits} bits`);
  const { channels } = layout;
  const width = layout.bits >> 3;
  return (bytes) => {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const frames = bytes.length / (width * channels);
    return Array.from({ length: channels }, (_, channel) => {
      const plane = new Float32Array(frames);
      for (let frame = 0; frame < frames; frame++) plane[frame] = read(view, (frame * channels + channel) * width);
      return plane;
    });
  };
}
