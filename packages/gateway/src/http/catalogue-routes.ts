import type { VoiceInfo } from "@mynah/protocol";
import type { FastifyInstance } from "fastify";
import { type Static, Type } from "typebox";
import type { Voice } from "../core/voice.ts";
import type { VoiceCatalogue } from "../speech/voice-catalogue.ts";
import { abortedWhenClientLeaves } from "./client-gone.ts";
import { asksAsElevenLabs, elevenLabsModels } from "./elevenlabs/models.ts";
import { ModelBody } from "./elevenlabs/schemas.ts";
import { AudioModelListBody, errorResponses, ModelListBody, VoicesBody, VoicesQuery } from "./schemas.ts";

/** OpenAI's own model names, for clients that offer only what this route lists. All of them mean `auto`. */
const OPENAI_MODELS = ["tts-1", "tts-1-hd", "gpt-4o-mini-tts"];

export type CatalogueRoutesDeps = {
  readonly voices: VoiceCatalogue;
  readonly startedAtMs: number;
  readonly maxTextChars: number;
};

/** What this gateway can speak with: the voices, in the form that OpenAI-compatible servers agree on, and the engines as models. */
export function catalogueRoutes(
  app: FastifyInstance,
  { voices, startedAtMs, maxTextChars }: CatalogueRoutesDeps,
): void {
  const voiceSchema = {
    summary: "Voices of all engines",
    tags: ["catalogue"],
    querystring: VoicesQuery,
    response: { 200: VoicesBody, ...errorResponses },
  };
  app.get<{ Querystring: Static<typeof VoicesQuery> }>(
    "/v1/audio/voices",
    { schema: voiceSchema },
    async ({ query: { legacy, ...filter } }, reply) => {
      const list = await voices.list({ ...filter, signal: abortedWhenClientLeaves(reply.raw) });
      if (legacy === "true") return { voices: list.map((voice) => voices.nameOf(voice)) };
      return { voices: list.map((voice) => infoOf(voice, voices.nameOf(voice))) };
    },
  );

  const models = () => ["auto", ...voices.engines.map(({ name }) => name), ...OPENAI_MODELS];
  const tags = ["catalogue"];
  const modelSchema = {
    summary: "Engines, as models",
    description: "A client that sends `xi-api-key` is ElevenLabs', and gets their list.",
    tags,
    response: { 200: Type.Union([ModelListBody, Type.Array(ModelBody)]), ...errorResponses },
  };
  app.get("/v1/models", { schema: modelSchema, config: { foreign: asksAsElevenLabs } }, async (request, reply) => {
    reply.header("vary", "xi-api-key");
    if (asksAsElevenLabs(request))
      return elevenLabsModels({ voices, maxTextChars }, { signal: abortedWhenClientLeaves(reply.raw) });
    const created = Math.floor(startedAtMs / 1000);
    return {
      object: "list" as const,
      data: models().map((id) => ({ id, object: "model" as const, created, owned_by: "mynah" })),
    };
  });

  const audioSchema = {
    summary: "Engines, as Open WebUI asks for them",
    tags,
    response: { 200: AudioModelListBody, ...errorResponses },
  };
  app.get("/v1/audio/models", { schema: audioSchema }, async () => ({
    models: models().map((id) => ({ id, name: id })),
  }));
}

/** `id`: what to send as `voice`. Two engines may use one name; then only the prefixed form says which. */
function infoOf({ name, language, gender, engine, age, accent, languages, styles }: Voice, id: string): VoiceInfo {
  return {
    id,
    name,
    language,
    gender: gender ?? null,
    engine,
    ...(age !== undefined && { age }),
    ...(accent !== undefined && { accent }),
    ...(languages !== undefined && { languages: [...languages] }),
    ...(styles !== undefined && styles.length > 0 && { styles: [...styles] }),
  };
}
