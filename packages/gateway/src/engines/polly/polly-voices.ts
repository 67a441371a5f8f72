import { z } from "zod";
import { SpeechError } from "../../core/errors.ts";
import type { Gender, Voice } from "../../core/voice.ts";
import { answerJson } from "../remote/ask-server.ts";
import { pollyRefusal } from "./polly-refusal.ts";

const MAX_PAGES = 50;
const MAX_PAGE_BYTES = 4 * 1024 * 1024;
const GENDERS: Readonly<Record<string, Gender>> = { Female: "female", Male: "male" };
const Entry = z.object({
  Id: z.string().min(1),
  Name: z.string().min(1).optional(),
  LanguageCode: z.string().min(2),
  AdditionalLanguageCodes: z.array(z.string().min(2)).nullish(),
  Gender: z.string().nullish(),
});

type Get = (path: string) => Promise<Response>;
type Asking = { readonly engine: string; readonly signal: AbortSignal; readonly model: string };
type Page = { readonly Voices?: unknown; readonly NextToken?: unknown } | null | undefined;

/** The voices that this engine of Polly's has in the region, page by page. */
export async function pollyVoices(get: Get, { engine, signal, model }: Asking): Promise<Voice[]> {
  const voices = new Map<string, Voice>();
  let token: string | undefined;
  for (let page = 0; page < MAX_PAGES; page++) {
    const query = new URLSearchParams({ Engine: model, IncludeAdditionalLanguageCodes: "true" });
    if (token !== undefined) query.set("NextToken", token);
    const response = await get(`/v1/voices?${query}`);
    if (!response.ok) throw await pollyRefusal(response, engine);
    const body = (await answerJson(response, MAX_PAGE_BYTES)) as Page;
    signal.throwIfAborted();
    if (!Array.isArray(body?.Voices))
      throw new SpeechError("engine_failed", `${engine} does not list its voices`, { engine });
    for (const voice of body.Voices.flatMap((entry) => voiceFrom(entry, engine))) voices.set(voice.id, voice);
    if (typeof body.NextToken !== "string" || body.NextToken === "") break;
    token = body.NextToken;
  }
  return [...voices.values()];
}

function voiceFrom(entry: unknown, engine: string): Voice[] {
  const { success, data } = Entry.safeParse(entry);
  if (!success) return [];
  const { Id: id, Name: name = id, LanguageCode: code, AdditionalLanguageCodes: more } = data;
  const gender = GENDERS[data.Gender ?? ""];
  const languages = more?.map(bcp47) ?? [];
  const rest = { ...(languages.length > 0 && { languages }), ...(gender && { gender }) };
  return [{ id, name, language: bcp47(code), engine, ...rest }];
}

/** Polly writes `arb` for Arabic, `cmn-CN` for Mandarin, which are fine, and nothing that is not. */
function bcp47(code: string): string {
  return code.replace("_", "-");
}
