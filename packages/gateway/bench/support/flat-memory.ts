import { median } from "./report.ts";

/** Growth beyond this, of the last third over the middle third, is a leak and no noise of the collector. */
const MAX_GROWTH = 0.15;
/** A process of 100 MiB may move by so much without meaning anything. */
const MAX_GROWTH_BYTES = 24 * 2 ** 20;

export type MemoryVerdict = { readonly flat: boolean; readonly middleBytes: number; readonly lastBytes: number };

/** Compares the medians of the middle and the last third: the first third is warming up. */
export function judgeMemory(samples: readonly number[]): MemoryVerdict {
  const third = Math.floor(samples.length / 3);
  if (third === 0) return { flat: true, middleBytes: samples.at(-1) ?? 0, lastBytes: samples.at(-1) ?? 0 };
  const middleBytes = median(samples.slice(third, 2 * third));
  const lastBytes = median(samples.slice(2 * third));
  const allowed = Math.max(MAX_GROWTH_BYTES, middleBytes * MAX_GROWTH);
  return { flat: lastBytes - middleBytes <= allowed, middleBytes, lastBytes };
}
