import type { CallOptions } from "../core/ports.ts";
import type { Utterance } from "../core/utterance.ts";
import { castScript } from "./casting.ts";
import { type Plan, Planner, type PlannerOptions } from "./plan.ts";
import { scriptOf } from "./script-of.ts";
import type { VoiceCatalogue } from "./voice-catalogue.ts";

export type PlanUtterance = (utterance: Utterance, options: CallOptions) => Promise<Plan>;

/**
 * From an utterance to its segments, whatever it is: a text, SSML or a dialogue. Throws what it is refused with before
 * anything is looked up or asked: `text_too_long`, `text_empty`, `ssml_invalid`, `voice_not_found`, `model_not_found`, `setting_unsupported`.
 */
export function utterancePlanner({
  voices,
  ...options
}: PlannerOptions & { readonly voices: VoiceCatalogue }): PlanUtterance {
  const planner = new Planner(options);
  return async function planUtterance(utterance, { signal }) {
    const script = scriptOf(utterance, options);
    if (script !== undefined)
      return planner.planScript(
        utterance,
        script,
        await castScript(script, voices, { signal, model: utterance.model }),
      );
    planner.check(utterance);
    return planner.plan(utterance, await voices.resolve(utterance, { signal }));
  };
}
