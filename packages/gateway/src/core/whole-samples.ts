import { concat } from "./async.ts";

/** The same bytes in pieces that each hold whole samples, for clients that read each piece by itself. */
export async function* wholeSamples(
  audio: AsyncIterable<Uint8Array>,
  bytesPerSample: number,
): AsyncGenerator<Uint8Array> {
  let rest: Uint8Array = new Uint8Array();
  for await (const piece of audio) {
    const bytes = rest.byteLength === 0 ? piece : concat([rest, piece]);
    const whole = bytes.byteLength - (bytes.byteLength % bytesPerSample);
    if (whole > 0) yield bytes.subarray(0, whole);
    rest = bytes.subarray(whole);
  }
  if (rest.byteLength > 0) yield rest;
}
