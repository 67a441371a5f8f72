import { type Soon, soon } from "../core/async.ts";
import type { CallOptions } from "../core/ports.ts";
import type { Utterance } from "../core/utterance.ts";
import { castScript } from "./casting.ts";
import { type Plan, Planner, type PlannerOptions } from "./plan.ts";
import { scriptOf } from "./script-of.ts";
import type { VoiceCatalogue } from "./voice-catalogue.ts";

export type PlanUtterance = (utterance: Utterance, options: CallOptions) => Soon<Plan>;

/**
 * From an utterance to its segments, whatever it is: a text, SSML or a dialogue. Throws what it is refused with before
 * anything is looked up or asked: `text_too_long`, `text_empty`, `ssml_invalid`, `voice_not_found`, `model_not_found`, `setting_unsupported`.
 */
export function utterancePlanner({
  voices,
  ...options
}: PlannerOptions & { readonly voices: VoiceCatalogue }): PlanUtterance {
  const planner = new Planner(options);
  return function planUtterance(utterance, { signal }) {
    const script = scriptOf(utterance, options);
    if (script !== undefined)
      return castScript(script, voices, { signal, model: utterance.model }).then((cast) =>
        planner.planScript(utterance, script, cast),
      );
    planner.check(utterance);
    return soon(voices.resolve(utterance, { signal }), (candidates) => planner.plan(utterance, candidates));
  };
}
