/** Fewer samples than this could look like anything by chance. */
const MIN_SAMPLES = 256;
const MAX_SAMPLES = 4_096;
/** Of full scale, as a mean square root. Speech stays far below it, random bytes are at 0.58. */
const LOUD = 0.4;
/** Neighbouring samples of anything that a mouth can do at such a volume are alike. */
const ALIKE = 0.2;

/** Whether s16le bytes are loud and without any order: random data, another format read as samples, or samples cut in the middle. */
export function isNoise(bytes: Uint8Array, offset: number): boolean {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const samples = Math.min(MAX_SAMPLES, Math.floor((bytes.byteLength - offset) / 2));
  if (samples < MIN_SAMPLES) return false;
  let power = 0;
  let alike = 0;
  let last = 0;
  for (let n = 0; n < samples; n++) {
    const sample = view.getInt16(offset + n * 2, true) / 32_768;
    power += sample * sample;
    alike += sample * last;
    last = sample;
  }
  return Math.sqrt(power / samples) > LOUD && Math.abs(alike) < power * ALIKE;
}
