import { concat } from "../../core/async.ts";

const SAMPLE_BYTES = 4;
const HEADER_BYTES = 58;
const UNKNOWN_SIZE = 0xffff_ffff;
const FLOAT_TAG = 3; // WAVE_FORMAT_IEEE_FLOAT

/** 16-bit samples as 32-bit floats, little-endian. Bytes may come cut anywhere. */
export class FloatSamples {
  #half: Uint8Array = new Uint8Array();

  push(given: Uint8Array): Uint8Array {
    const bytes = this.#half.byteLength === 0 ? given : concat([this.#half, given]);
    const count = bytes.byteLength >> 1;
    this.#half = bytes.slice(count * 2);
    const from = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const floats = new Uint8Array(count * SAMPLE_BYTES);
    const to = new DataView(floats.buffer);
    for (let at = 0; at < count; at++) to.setFloat32(at * SAMPLE_BYTES, from.getInt16(at * 2, true) / 32_768, true);
    return floats;
  }
}

/** What stands in front of mono floats in WAV; without a count of samples the sizes say "until the stream ends". */
export function floatWavHeader(sampleRateHz: number, samples?: number): Uint8Array {
  const header = Buffer.alloc(HEADER_BYTES);
  const data = samples === undefined ? UNKNOWN_SIZE : samples * SAMPLE_BYTES;
  header.write("RIFF", 0, "latin1");
  header.writeUInt32LE(samples === undefined ? UNKNOWN_SIZE : data + HEADER_BYTES - 8, 4);
  header.write("WAVEfmt ", 8, "latin1");
  header.writeUInt32LE(18, 16);
  header.writeUInt16LE(FLOAT_TAG, 20);
  header.writeUInt16LE(1, 22);
  header.writeUInt32LE(sampleRateHz, 24);
  header.writeUInt32LE(sampleRateHz * SAMPLE_BYTES, 28);
  header.writeUInt16LE(SAMPLE_BYTES, 32);
  header.writeUInt16LE(SAMPLE_BYTES * 8, 34);
  header.write("fact", 38, "latin1"); // as RIFF demands of all that is not plain integers
  header.writeUInt32LE(4, 42);
  header.writeUInt32LE(samples ?? UNKNOWN_SIZE, 46);
  header.write("data", 50, "latin1");
  header.writeUInt32LE(data, 54);
  return header;
}
