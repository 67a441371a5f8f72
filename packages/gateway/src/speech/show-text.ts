import type { CallOptions } from "../core/ports.ts";
import type { Utterance } from "../core/utterance.ts";
import { firstAble } from "./able.ts";
import type { LanguageDeps } from "./language-router.ts";
import type { PlannerOptions } from "./plan.ts";
import { utterancePlanner } from "./plan-utterance.ts";

/** A segment as its engine would be asked for it. */
export type ShownSegment = {
  readonly engine: string;
  readonly voice: string;
  /** As the caller would read it. */
  readonly written: string;
  /** As the engine would get it. */
  readonly said: string;
};

/** What would be spoken, by whoever is asked first, without speaking it. Refuses what `speak` refuses. */
export type ShowText = (utterance: Utterance, options: CallOptions) => Promise<readonly ShownSegment[]>;

export function createShowText(deps: PlannerOptions & LanguageDeps): ShowText {
  const planOf = utterancePlanner(deps);
  return async function showText(utterance, { signal }) {
    const { segments } = await planOf(utterance, { signal });
    return segments.map((segment) => {
      const at = firstAble(segment);
      const { engine, voice } = segment.candidates[at]!;
      return { engine: engine.name, voice, written: segment.text, said: segment.requests[at]!.text };
    });
  };
}
