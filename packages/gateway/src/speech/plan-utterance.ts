import { type Soon, soon } from "../core/async.ts";
import type { CallOptions } from "../core/ports.ts";
import type { Script, Span } from "../core/script.ts";
import type { Utterance } from "../core/utterance.ts";
import { castScript } from "./casting.ts";
import { AUTO_LANGUAGE, type LanguageDeps, planByLanguage } from "./language-router.ts";
import { type Plan, Planner, type PlannerOptions } from "./plan.ts";
import { scriptOf } from "./script-of.ts";

export type PlanUtterance = (utterance: Utterance, options: CallOptions) => Soon<Plan>;

/**
 * From an utterance to its segments, whatever it is: a text, SSML or a dialogue. Throws what it is refused with before
 * anything is looked up or asked: `text_too_long`, `text_empty`, `ssml_invalid`, `voice_not_found`, `model_not_found`, `setting_unsupported`.
 */
export function utterancePlanner(deps: PlannerOptions & LanguageDeps): PlanUtterance {
  const { voices } = deps;
  const planner = new Planner(deps);

  async function planScript(utterance: Utterance, script: Script, { signal }: CallOptions): Promise<Plan> {
    const { model } = utterance;
    const spans = await inTheirLanguages(script.spans, deps, { model, signal });
    return planner.planScript(utterance, script, await castScript({ ...script, spans }, voices, { signal, model }));
  }

  return function planUtterance(utterance, { signal }) {
    const script = scriptOf(utterance, deps);
    if (script !== undefined) return planScript(utterance, script, { signal });
    planner.check(utterance);
    return soon(
      voices.resolve(utterance, { signal }),
      (candidates) => planByLanguage(deps, planner, utterance, { signal }) ?? planner.plan(utterance, candidates),
    );
  };
}

/** Spans whose language is `auto` in the language that they are written in; what is too short to tell in that of the one before. */
async function inTheirLanguages(
  spans: readonly Span[],
  { voices, languages }: LanguageDeps,
  { model, signal }: CallOptions & { readonly model: string | undefined },
): Promise<readonly Span[]> {
  if (spans.every(({ settings }) => settings.language !== AUTO_LANGUAGE)) return spans;
  const among = voices.spokenLanguages(model);
  let last: string | undefined;
  const found: Span[] = [];
  for (const span of spans) {
    const { language, ...settings } = span.settings;
    if (language === AUTO_LANGUAGE) {
      last = (await languages?.detect(span.text, among, { signal })) ?? last;
      found.push({ ...span, settings: { ...settings, ...(last !== undefined && { language: last }) } });
    } else found.push(span);
  }
  return found;
}
