import type { CallOptions } from "../core/ports.ts";
import type { Utterance } from "../core/utterance.ts";
import { castScript } from "./casting.ts";
import { AUTO_LANGUAGE } from "./language-router.ts";
import { checkLength } from "./plan.ts";
import { scriptOf } from "./script-of.ts";
import { requireLanguage } from "./spoken-language.ts";
import { requireSettings } from "./told-settings.ts";
import type { VoiceCatalogue } from "./voice-catalogue.ts";

export type CheckOptions = CallOptions & { readonly voices: VoiceCatalogue; readonly maxTextChars: number };

/** Throws what speaking this would be refused with before anything is asked of an engine: its text, its SSML, its voices. */
export async function checkUtterance(
  utterance: Omit<Utterance, "cache" | "subject">,
  { voices, signal, maxTextChars }: CheckOptions,
): Promise<void> {
  const script = scriptOf(utterance, { maxTextChars });
  if (script !== undefined) {
    const { spans } = await castScript(script, voices, { signal, model: utterance.model });
    for (const { span, candidates } of spans) requireSettings(span.settings, candidates);
    return;
  }
  const { text, ...query } = utterance;
  checkLength(text, { maxTextChars, param: "text" });
  const candidates = await voices.resolve(query, { signal });
  const { language } = query;
  if (language !== undefined && language !== AUTO_LANGUAGE)
    requireLanguage(language, candidates, (candidate) => voices.voiceOf(candidate));
  requireSettings(utterance, candidates);
}
