import type { FastifyInstance } from "fastify";
import { type Static, Type } from "typebox";
import { SpeechError } from "../../core/errors.ts";
import type { Voice } from "../../core/voice.ts";
import type { VoiceCatalogue } from "../../speech/voice-catalogue.ts";
import { abortedWhenClientLeaves } from "../client-gone.ts";
import { ELEVENLABS } from "./elevenlabs.ts";
import { elevenLabsCommon, elevenLabsErrors, VoiceBody } from "./schemas.ts";

const Many = Type.Optional(Type.Union([Type.String(), Type.Array(Type.String(), { maxItems: 100 })]));
const One = Type.Optional(Type.String({ maxLength: 256 }));

/** What narrows and orders the list; filters about things that our voices do not have are taken and ignored. */
const SearchQuery = Type.Object({
  page_size: Type.Optional(Type.String({ pattern: "^([1-9][0-9]?|100)$", description: "1 to 100. Default: 10." })),
  next_page_token: One,
  search: One,
  sort: Type.Optional(Type.Enum(["name", "created_at_unix"])),
  sort_direction: Type.Optional(Type.Enum(["asc", "desc"])),
  gender: One,
  age: One,
  accent: One,
  category: One,
  language: Many,
  voice_ids: Many,
});
type SearchQuery = Static<typeof SearchQuery>;
type Listed = Static<typeof VoiceBody>;

const SearchBody = Type.Object({
  voices: Type.Array(VoiceBody),
  has_more: Type.Boolean(),
  total_count: Type.Integer(),
  next_page_token: Type.Union([Type.String(), Type.Null()]),
});

const DEFAULT_PAGE_SIZE = 10;
const config = { foreign: ELEVENLABS };

/** The voices of all engines, as ElevenLabs' clients list and search them. */
export function elevenLabsVoicesRoutes(app: FastifyInstance, { voices }: { readonly voices: VoiceCatalogue }): void {
  const listed = async (signal: AbortSignal): Promise<Listed[]> =>
    (await voices.list({ signal })).map((voice) => shown(voice, voices.nameOf(voice)));

  app.get(
    "/v1/voices",
    {
      schema: {
        ...elevenLabsCommon,
        summary: "All voices",
        response: { 200: Type.Object({ voices: Type.Array(VoiceBody) }), ...elevenLabsErrors },
      },
      config,
    },
    async (_, reply) => ({ voices: await listed(abortedWhenClientLeaves(reply.raw)) }),
  );

  app.get<{ Params: { voice_id: string } }>(
    "/v1/voices/:voice_id",
    {
      schema: { ...elevenLabsCommon, summary: "One voice", response: { 200: VoiceBody, ...elevenLabsErrors } },
      config,
    },
    async ({ params: { voice_id: id } }, reply) => {
      const signal = abortedWhenClientLeaves(reply.raw);
      const [best] = await voices.resolve({ voice: id }, { signal });
      const found = (await voices.list({ signal })).find(
        (voice) => voice.engine === best?.engine.name && voice.id === best.voice,
      );
      if (found === undefined) throw new SpeechError("voice_not_found", "a voice with this voice_id was not found");
      return shown(found, id);
    },
  );

  app.get<{ Querystring: SearchQuery }>(
    "/v2/voices",
    {
      schema: {
        ...elevenLabsCommon,
        summary: "Voices, searched and in pages",
        querystring: SearchQuery,
        response: { 200: SearchBody, ...elevenLabsErrors },
      },
      config,
    },
    async ({ query }, reply) => {
      const found = (await listed(abortedWhenClientLeaves(reply.raw))).filter((voice) => passes(voice, query));
      if (query.sort === "name") found.sort((a, b) => a.name.localeCompare(b.name, "en"));
      if (query.sort_direction === "desc") found.reverse();
      const from = offsetOf(query.next_page_token);
      const to = from + Number(query.page_size ?? DEFAULT_PAGE_SIZE);
      const more = to < found.length;
      return {
        voices: found.slice(from, to),
        has_more: more,
        total_count: found.length,
        next_page_token: more ? tokenOf(to) : null,
      };
    },
  );
}

function shown({ name, language, languages = [], gender, age, accent, styles, engine }: Voice, id: string): Listed {
  return {
    voice_id: id,
    name,
    category: "premade",
    labels: {
      language: primary(language),
      locale: language,
      engine,
      ...(gender !== undefined && { gender }),
      ...(age !== undefined && { age: age === "middle" ? "middle_aged" : age }),
      ...(accent !== undefined && { accent }),
      ...(styles?.[0] !== undefined && { descriptive: styles[0] }),
    },
    description: null,
    preview_url: null,
    samples: null,
    settings: null,
    available_for_tiers: [],
    high_quality_base_model_ids: [],
    verified_languages: [language, ...languages].map((tag) => ({
      language: primary(tag),
      model_id: engine,
      locale: tag,
    })),
  };
}

function passes(
  voice: Listed,
  { search, gender, age, accent, category, language, voice_ids: ids }: SearchQuery,
): boolean {
  const { labels } = voice;
  const is = (wanted: string | undefined, value: string | undefined): boolean =>
    wanted === undefined || wanted.toLowerCase() === value?.toLowerCase();
  if (!is(gender, labels.gender) || !is(age, labels.age) || !is(accent, labels.accent)) return false;
  if (!is(category, voice.category)) return false;
  if (ids !== undefined && !many(ids).includes(voice.voice_id)) return false;
  if (language !== undefined && !voice.verified_languages.some((each) => speaks(each, many(language)))) return false;
  if (search === undefined) return true;
  const haystack = [voice.voice_id, voice.name, voice.category, ...Object.values(labels)].join(" ").toLowerCase();
  return search
    .toLowerCase()
    .split(/\s+/)
    .every((word) => haystack.includes(word));
}

function speaks({ language, locale }: { language: string; locale: string }, wanted: readonly string[]): boolean {
  return wanted.some((tag) => [language, locale.toLowerCase()].includes(tag.toLowerCase()));
}

function many(value: string | readonly string[]): readonly string[] {
  return typeof value === "string" ? [value] : value;
}

export function primary(language: string): string {
  return language.split("-", 1)[0]!.toLowerCase();
}

function tokenOf(offset: number): string {
  return Buffer.from(`from:${offset}`).toString("base64url");
}

function offsetOf(token: string | undefined): number {
  if (token === undefined || token === "") return 0;
  const [, offset] = /^from:(\d{1,9})$/.exec(Buffer.from(token, "base64url").toString()) ?? [];
  if (offset !== undefined) return Number(offset);
  throw new SpeechError("invalid_request", '"next_page_token" is not one that was given out here', {
    param: "next_page_token",
  });
}
