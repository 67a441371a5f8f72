import type { FastifyInstance } from "fastify";
import { type Static, Type } from "typebox";
import { SpeechError } from "../../core/errors.ts";
import type { Gender, Voice } from "../../core/voice.ts";
import type { VoiceCatalogue } from "../../speech/voice-catalogue.ts";
import { abortedWhenClientLeaves } from "../client-gone.ts";
import { CARTESIA } from "./cartesia.ts";
import { cartesiaCommon, cartesiaErrors, VoiceBody } from "./schemas.ts";

const One = Type.Optional(Type.String({ maxLength: 256 }));
const ListQuery = Type.Object({
  limit: Type.Optional(Type.String({ pattern: "^([1-9][0-9]?|100)$", description: "1 to 100. Default: 10." })),
  starting_after: One,
  ending_before: One,
  q: One,
  gender: Type.Optional(Type.Enum(["masculine", "feminine", "gender_neutral"])),
  is_owner: Type.Optional(Type.Enum(["true", "false"])),
});
type ListQuery = Static<typeof ListQuery>;
type Listed = Static<typeof VoiceBody>;

const ListBody = Type.Object({
  data: Type.Array(VoiceBody),
  has_more: Type.Boolean(),
  next_page: Type.Union([Type.String(), Type.Null()]),
});

const DEFAULT_LIMIT = 10;
const GENDERS: Readonly<Record<Gender, string>> = { female: "feminine", male: "masculine", neutral: "gender_neutral" };
const EPOCH = new Date(0).toISOString();
const config = { foreign: CARTESIA };

/** The voices of all engines, as Cartesia's clients list them. */
export function cartesiaVoicesRoutes(app: FastifyInstance, { voices }: { readonly voices: VoiceCatalogue }): void {
  const schema = {
    ...cartesiaCommon,
    summary: "Voices, in pages",
    querystring: ListQuery,
    response: { 200: ListBody, ...cartesiaErrors },
  };
  for (const path of ["/voices", "/voices/"])
    app.get<{ Querystring: ListQuery }>(
      path,
      { schema: path === "/voices" ? schema : { ...schema, hide: true }, config },
      async ({ query }, reply) => {
        const list = await voices.list({ signal: abortedWhenClientLeaves(reply.raw) });
        const all = list.map((voice) => shown(voice, voices.nameOf(voice))).filter((voice) => passes(voice, query));
        return page(all, query);
      },
    );

  app.get<{ Params: { id: string } }>(
    "/voices/:id",
    { schema: { ...cartesiaCommon, summary: "One voice", response: { 200: VoiceBody, ...cartesiaErrors } }, config },
    async ({ params: { id } }, reply) => {
      const signal = abortedWhenClientLeaves(reply.raw);
      const [best] = await voices.resolve({ voice: id }, { signal });
      const found = (await voices.list({ signal })).find(
        (voice) => voice.engine === best?.engine.name && voice.id === best.voice,
      );
      if (found === undefined) throw new SpeechError("voice_not_found", "there is no voice with this id");
      return shown(found, id);
    },
  );
}

function page(all: readonly Listed[], { limit, starting_after: after, ending_before: before }: ListQuery) {
  const size = Number(limit ?? DEFAULT_LIMIT);
  const indexOf = (id: string, param: string): number => {
    const at = all.findIndex((voice) => voice.id === id);
    if (at >= 0) return at;
    throw new SpeechError("invalid_request", `"${param}" names no voice of this list`, { param });
  };
  if (before !== undefined) {
    const end = indexOf(before, "ending_before");
    const start = Math.max(0, end - size);
    return { data: all.slice(start, end), has_more: start > 0, next_page: start > 0 ? all[start]!.id : null };
  }
  const start = after === undefined ? 0 : indexOf(after, "starting_after") + 1;
  const data = all.slice(start, start + size);
  const more = start + size < all.length;
  return { data, has_more: more, next_page: more ? data.at(-1)!.id : null };
}

function shown({ name, language, languages = [], gender, styles = [], engine }: Voice, id: string): Listed {
  const [primary = "", region] = language.split("-");
  return {
    id,
    name,
    description: [`A voice of the engine ${engine}`, ...styles].join(", "),
    tagline: engine,
    language: primary.toLowerCase(),
    locales: [language, ...languages].map((locale, at) => ({ locale, is_native: at === 0 })),
    gender: gender === undefined ? null : GENDERS[gender],
    country: region !== undefined && /^[A-Z]{2}$/.test(region) ? region : null,
    accent: null,
    access: "public",
    visibility: "all",
    is_owner: false,
    is_public: true,
    created_at: EPOCH,
    preview_file_url: null,
  };
}

function passes(voice: Listed, { q, gender, is_owner: owned }: ListQuery): boolean {
  if (owned === "true" || (gender !== undefined && voice.gender !== gender)) return false;
  if (q === undefined) return true;
  const haystack = [voice.id, voice.name, voice.description, voice.language].join(" ").toLowerCase();
  return haystack.includes(q.toLowerCase());
}
