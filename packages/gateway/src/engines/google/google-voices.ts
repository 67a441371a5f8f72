import { z } from "zod";
import { SpeechError } from "../../core/errors.ts";
import type { Gender, Voice } from "../../core/voice.ts";
import { answerJson } from "../remote/ask-server.ts";
import { googleRefusal } from "./google-refusal.ts";

const MAX_LIST_BYTES = 8 * 1024 * 1024;
const GENDERS: Readonly<Record<string, Gender>> = { FEMALE: "female", MALE: "male", NEUTRAL: "neutral" };
const Entry = z.object({
  name: z.string().min(1),
  languageCodes: z.array(z.string().min(2)).min(1),
  ssmlGender: z.string().optional(),
});

type Ask = (path: string) => Promise<Response>;
type Asking = { readonly engine: string; readonly signal: AbortSignal; readonly model: string | undefined };

/** All voices; with a model those without a language in their names, which are the models', without one the others. */
export async function googleVoices(ask: Ask, { engine, signal, model }: Asking): Promise<Voice[]> {
  const response = await ask("/v1/voices");
  if (!response.ok) throw await googleRefusal(response, engine);
  const body = (await answerJson(response, MAX_LIST_BYTES)) as { voices?: unknown } | null | undefined;
  signal.throwIfAborted();
  if (!Array.isArray(body?.voices))
    throw new SpeechError("engine_failed", `${engine} does not list its voices`, { engine });
  return body.voices.flatMap((entry) => {
    const { success, data } = Entry.safeParse(entry);
    if (!success || data.name.includes("-") === (model !== undefined)) return [];
    const [language, ...languages] = data.languageCodes;
    const gender = GENDERS[data.ssmlGender ?? ""];
    const more = { ...(languages.length > 0 && { languages }), ...(gender && { gender }) };
    return { id: data.name, name: spokenName(data.name), language: language!, engine, ...more };
  });
}

/** `en-US-Neural2-C` → `Neural2 C`. */
function spokenName(id: string): string {
  return id.replace(/^[a-z]{2,3}-[A-Za-z0-9]{2,8}-/, "").replaceAll("-", " ");
}
