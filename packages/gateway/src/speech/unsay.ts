import type { CallOptions } from "../core/ports.ts";
import type { Utterance } from "../core/utterance.ts";
import type { LanguageDeps } from "./language-router.ts";
import type { PlannerOptions } from "./plan.ts";
import { utterancePlanner } from "./plan-utterance.ts";
import { segmentRequest } from "./segment.ts";
import type { SegmentCache } from "./segment-cache.ts";

export type UnsayDeps = PlannerOptions & LanguageDeps & { readonly cache: SegmentCache };

/** Removes all that is stored of an utterance, whoever of its engines said it and in whichever format. Gives the number. */
export type Unsay = (utterance: Utterance, options: CallOptions) => Promise<number>;

export function createUnsay({ cache, ...options }: UnsayDeps): Unsay {
  const planOf = utterancePlanner(options);
  return async function unsay(utterance, { signal }) {
    let removed = 0;
    const { segments } = await planOf(utterance, { signal });
    for (const segment of segments.flatMap((one) => (one.spelled === undefined ? [one] : [one, one.spelled])))
      for (const at of segment.candidates.keys())
        removed += await cache.remove(segmentRequest(segment, at), { signal });
    return removed;
  };
}
