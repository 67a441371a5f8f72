/** From decoder to encoder sound is one channel of floats, -1..1; 16-bit samples come through unchanged. */
export interface StreamDecoder {
  /** The container's own rate; 0 until its header has been read. */
  readonly sampleRateHz: number;
  /**
   * Takes bytes cut anywhere and gives the samples they complete, block by block, each decoded when it is asked for: a few
   * bytes may be hours of silence. All are to be taken before the next bytes come. Throws for bytes that are not of this format.
   */
  decode(bytes: Uint8Array): Iterable<Float32Array>;
  /** What was held back. Throws if the stream broke off where that cannot be overheard. */
  finish(): Iterable<Float32Array>;
  /** Gives codec state back; safe to call at any time, once. */
  free(): void;
}

export interface StreamEncoder {
  /** Takes any number of samples and gives the bytes that are ready. The bytes belong to the caller. */
  encode(samples: Float32Array): Uint8Array[];
  finish(): Uint8Array[];
  free(): void;
}

/** Rates that sound has. Others are asked for by who wants a second to become hours of samples, or an impossible filter. */
export function isSampleRate(hz: number): boolean {
  return hz >= 1000 && hz <= 400_000;
}

/** One channel out of interleaved or planar ones: the mean, so that no channel's voice is lost. */
export function downmix(planes: readonly Float32Array[]): Float32Array {
  if (planes.length === 1) return planes[0]!;
  const mono = new Float32Array(planes[0]!.length);
  for (let at = 0; at < mono.length; at++) {
    let sum = 0;
    for (const plane of planes) sum += plane[at]!;
    mono[at] = sum / planes.length;
  }
  return mono;
}

export function toInt16(sample: number): number {
  const scaled = Math.round(sample * 32_768);
  return scaled > 32_767 ? 32_767 : scaled < -32_768 ? -32_768 : scaled;
}
