import { SpeechError } from "../../core/errors.ts";
import type { Gender, Voice } from "../../core/voice.ts";
import { type AskServer, answerJson } from "../remote/ask-server.ts";
import { elevenLabsRefusal } from "./elevenlabs-refusal.ts";

const PAGE_SIZE = 100;
const MAX_PAGES = 50;
const MAX_PAGE_BYTES = 8 * 1024 * 1024;

type Page = { readonly voices?: unknown; readonly has_more?: unknown; readonly next_page_token?: unknown };

/** Every voice of the account, page by page; from the older route where a server has only that. */
export async function elevenLabsVoices(ask: AskServer, engine: string, signal: AbortSignal): Promise<Voice[]> {
  const voices = new Map<string, Voice>();
  let token: string | undefined;
  for (let page = 0; page < MAX_PAGES; page++) {
    const after = token === undefined ? "" : `&next_page_token=${encodeURIComponent(token)}`;
    let response = await ask(`/v2/voices?page_size=${PAGE_SIZE}${after}`, {}, signal);
    if (response.status === 404 && page === 0) {
      await response.body?.cancel();
      response = await ask("/v1/voices", {}, signal);
    }
    if (!response.ok) throw await elevenLabsRefusal(response, engine);
    const body = (await answerJson(response, MAX_PAGE_BYTES)) as Page | null | undefined;
    signal.throwIfAborted();
    if (!Array.isArray(body?.voices))
      throw new SpeechError("engine_failed", `${engine} does not list its voices`, { engine });
    for (const voice of body.voices.flatMap((entry) => voiceFrom(entry, engine))) voices.set(voice.id, voice);
    if (body.has_more !== true || typeof body.next_page_token !== "string") break;
    token = body.next_page_token;
  }
  return [...voices.values()];
}

const LANGUAGE = /^[a-z]{2,3}(-[a-z0-9]+)*$/i;

function voiceFrom(entry: unknown, engine: string): Voice[] {
  const fields = (entry ?? {}) as {
    voice_id?: unknown;
    name?: unknown;
    labels?: Record<string, unknown> | null;
    verified_languages?: readonly Record<string, unknown>[] | null;
  };
  const { voice_id: id, labels } = fields;
  if (typeof id !== "string" || id === "") return [];
  const [verified] = Array.isArray(fields.verified_languages) ? fields.verified_languages : [];
  const languages = [labels?.language, verified?.locale, verified?.language];
  const language = languages.find((value): value is string => typeof value === "string" && LANGUAGE.test(value));
  const gender = genderOf(labels?.gender);
  const name = typeof fields.name === "string" && fields.name !== "" ? fields.name : id;
  return [{ id, name, language: language ?? "en", engine, ...(gender && { gender }) }];
}

function genderOf(value: unknown): Gender | undefined {
  return value === "female" || value === "male" || value === "neutral" ? value : undefined;
}
