import { z } from "zod";
import { SpeechError } from "../../core/errors.ts";
import type { Gender, Voice } from "../../core/voice.ts";
import { answerJson } from "../remote/ask-server.ts";

const PAGE_SIZE = 100;
const MAX_PAGES = 50;
const MAX_PAGE_BYTES = 8 * 1024 * 1024;
const GENDERS: Readonly<Record<string, Gender>> = { feminine: "female", masculine: "male", gender_neutral: "neutral" };
const Entry = z.object({
  id: z.string().min(1),
  name: z.string().min(1).catch("?"),
  language: z.string().min(2),
  gender: z.string().nullish(),
  locales: z
    .array(z.object({ locale: z.string().min(2), is_native: z.boolean().optional() }))
    .optional()
    .catch(undefined),
});

type Get = (path: string) => Promise<Response>;
type Asking = {
  readonly engine: string;
  readonly signal: AbortSignal;
  readonly refusal: (response: Response, engine: string) => Promise<SpeechError>;
};

/** The voices of the library and of the account, page by page; each page goes on after the last id of the one before. */
export async function cartesiaVoices(get: Get, { engine, signal, refusal }: Asking): Promise<Voice[]> {
  const voices = new Map<string, Voice>();
  let last: string | undefined;
  for (let page = 0; page < MAX_PAGES; page++) {
    const after = last === undefined ? "" : `&starting_after=${encodeURIComponent(last)}`;
    const response = await get(`/voices?limit=${PAGE_SIZE}${after}`);
    if (!response.ok) throw await refusal(response, engine);
    const body = (await answerJson(response, MAX_PAGE_BYTES)) as
      | { data?: unknown; has_more?: unknown }
      | null
      | undefined;
    signal.throwIfAborted();
    if (!Array.isArray(body?.data))
      throw new SpeechError("engine_failed", `${engine} does not list its voices`, { engine });
    for (const voice of body.data.flatMap((entry) => voiceFrom(entry, engine))) voices.set(voice.id, voice);
    const end: unknown = (body.data.at(-1) as { id?: unknown } | undefined)?.id;
    if (body.has_more !== true || typeof end !== "string" || end === last) break;
    last = end;
  }
  return [...voices.values()];
}

function voiceFrom(entry: unknown, engine: string): Voice[] {
  const { success, data } = Entry.safeParse(entry);
  if (!success) return [];
  const native = data.locales?.find(({ is_native: is }) => is === true)?.locale ?? data.language;
  const others = data.locales?.map(({ locale }) => locale).filter((locale) => locale !== native) ?? [];
  const gender = GENDERS[data.gender ?? ""];
  const more = { ...(others.length > 0 && { languages: others }), ...(gender && { gender }) };
  return [{ id: data.id, name: data.name === "?" ? data.id : data.name, language: native, engine, ...more }];
}
