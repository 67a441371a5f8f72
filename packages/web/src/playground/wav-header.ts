/** The rate that `audio/pcm;rate=24000;channels=1` names; OpenAI's `pcm` is 24 kHz where nothing is said. */
export function pcmRateHz(contentType: string): number {
  return Number(/;\s*rate=(\d+)/i.exec(contentType)?.[1] ?? 24_000);
}

/** The 44 bytes that make a WAV file of `byteCount` bytes of mono s16le samples: browsers do not play bare samples. */
export function wavHeader(byteCount: number, sampleRateHz: number): Uint8Array<ArrayBuffer> {
  const view = new DataView(new ArrayBuffer(44));
  const ascii = (at: number, word: string) => {
    for (let i = 0; i < word.length; i++) view.setUint8(at + i, word.charCodeAt(i));
  };
  ascii(0, "RIFF");
  view.setUint32(4, 36 + byteCount, true);
  ascii(8, "WAVEfmt ");
  view.setUint32(16, 16, true); // length of what follows
  view.setUint16(20, 1, true); // integer samples
  view.setUint16(22, 1, true); // channels
  view.setUint32(24, sampleRateHz, true);
  view.setUint32(28, sampleRateHz * 2, true); // bytes per second
  view.setUint16(32, 2, true); // bytes per sample of all channels
  view.setUint16(34, 16, true); // bits per sample
  ascii(36, "data");
  view.setUint32(40, byteCount, true);
  return new Uint8Array(view.buffer);
}
