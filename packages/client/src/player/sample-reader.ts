export type SampleBlock = { readonly sampleRateHz: number; readonly channels: readonly Float32Array<ArrayBuffer>[] };

/** Reads 16-bit samples out of bytes that are cut anywhere. */
export type SampleReader = (bytes: Uint8Array) => SampleBlock | undefined;

/** Bare s16le mono samples. */
export function pcmReader(sampleRateHz: number, channelCount = 1): SampleReader {
  const blockBytes = channelCount * 2;
  let rest = new Uint8Array();
  return (bytes) => {
    const all = rest.length > 0 ? concat(rest, bytes) : bytes;
    const count = Math.floor(all.length / blockBytes);
    rest = all.slice(count * blockBytes);
    if (count === 0) return undefined;
    const view = new DataView(all.buffer, all.byteOffset);
    const channels = Array.from({ length: channelCount }, (_, channel) =>
      Float32Array.from({ length: count }, (__, at) => view.getInt16(at * blockBytes + channel * 2, true) / 32_768),
    );
    return { sampleRateHz, channels };
  };
}

const MAX_HEADER_BYTES = 1 << 16;

/** A WAV stream, whose length may be unknown. Throws for one that does not hold 16-bit samples. */
export function wavReader(): SampleReader {
  let head = new Uint8Array();
  let read: SampleReader | undefined;
  return (bytes) => {
    if (read) return read(bytes);
    head = concat(head, bytes);
    const found = findSamples(head);
    if (!found && head.length < MAX_HEADER_BYTES) return undefined;
    if (found?.codec !== 1 || found.bits !== 16)
      throw new TypeError("Only WAV with 16-bit samples can be played as it comes");
    read = pcmReader(found.sampleRateHz, found.channels);
    return read(head.subarray(found.at));
  };
}

/** Walks over the chunks before the samples; undefined while they are not all there. */
function findSamples(head: Uint8Array) {
  const view = new DataView(head.buffer, head.byteOffset, head.length);
  const name = (at: number): string => String.fromCharCode(...head.subarray(at, at + 4));
  let format: { codec: number; channels: number; sampleRateHz: number; bits: number } | undefined;
  for (let at = 12; at + 8 <= head.length; at += 8 + view.getUint32(at + 4, true)) {
    if (name(at) === "data" && format) return { ...format, at: at + 8 };
    if (name(at) === "fmt " && at + 24 <= head.length) {
      format = {
        codec: view.getUint16(at + 8, true),
        channels: view.getUint16(at + 10, true),
        sampleRateHz: view.getUint32(at + 12, true),
        bits: view.getUint16(at + 22, true),
      };
    }
  }
  return undefined;
}

function concat(a: Uint8Array, b: Uint8Array): Uint8Array<ArrayBuffer> {
  const both = new Uint8Array(a.length + b.length);
  both.set(a);
  both.set(b, a.length);
  return both;
}
