/** What listening to all of some audio tells. */
export type Sound = {
  readonly durationS: number;
  /** Loudest sample of each slice of time, 0..1. */
  readonly peaks: readonly number[];
};

const SLICES = 160;

/** Decodes audio to measure and draw it. Undefined when this browser cannot decode the format. */
export async function listen(blob: Blob): Promise<Sound | undefined> {
  try {
    // Offline: needs no speaker and no click first. The rate only sets what the result is resampled to.
    const context = new OfflineAudioContext(1, 1, 24_000);
    const decoded = await context.decodeAudioData(await blob.arrayBuffer());
    return { durationS: decoded.duration, peaks: peaksOf(decoded.getChannelData(0), SLICES) };
  } catch {
    return undefined;
  }
}

/** Loudest absolute sample in each of `slices` equal parts, scaled so that the loudest of all is 1. */
export function peaksOf(samples: Float32Array, slices: number): number[] {
  const peaks = Array.from({ length: slices }, (_, slice) => {
    const end = Math.floor(((slice + 1) * samples.length) / slices);
    let peak = 0;
    for (let i = Math.floor((slice * samples.length) / slices); i < end; i++)
      peak = Math.max(peak, Math.abs(samples[i] ?? 0));
    return peak;
  });
  const loudest = Math.max(...peaks);
  return loudest === 0 ? peaks : peaks.map((peak) => peak / loudest);
}
