/**
 * Samples (s16le) as if played `rate` times as fast: pitch and formants go up by it, the length goes down by it. Between
 * the samples a windowed sinc is read, narrowed when going up so that nothing above the new limit folds back.
 */
export function playFaster(pcm: Uint8Array<ArrayBuffer>, rate: number): Uint8Array<ArrayBuffer> {
  const samples = new Int16Array(pcm.buffer, pcm.byteOffset, pcm.byteLength >> 1);
  const result = new Int16Array(Math.floor(samples.length / rate));
  const cutoff = Math.min(1, 1 / rate) * 0.95;
  const reach = Math.ceil(8 / cutoff);
  for (let n = 0; n < result.length; n++) {
    const at = n * rate;
    const from = Math.max(0, Math.ceil(at - reach));
    const to = Math.min(samples.length - 1, Math.floor(at + reach));
    let sum = 0;
    for (let k = from; k <= to; k++) {
      const x = at - k;
      const sinc = x === 0 ? cutoff : Math.sin(Math.PI * cutoff * x) / (Math.PI * x);
      sum += samples[k]! * sinc * (0.5 + 0.5 * Math.cos((Math.PI * x) / reach));
    }
    result[n] = Math.max(-32_768, Math.min(32_767, Math.round(sum)));
  }
  return new Uint8Array(result.buffer);
}
