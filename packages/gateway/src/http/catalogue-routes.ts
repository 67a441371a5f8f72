import type { FastifyInstance } from "fastify";
import type { VoiceCatalogue } from "../speech/voice-catalogue.ts";
import { abortedWhenClientLeaves } from "./client-gone.ts";
import { errorResponses, ModelListBody, VoiceListBody } from "./schemas.ts";

/** OpenAI's own model names, for clients that offer only what this route lists. All of them mean `auto`. */
const OPENAI_MODELS = ["tts-1", "tts-1-hd", "gpt-4o-mini-tts"];

/** What this gateway can speak with: GET /v1/audio/voices (the route that OpenAI-compatible servers agree on) and GET /v1/models. */
export function catalogueRoutes(
  app: FastifyInstance,
  { voices, startedAtMs }: { voices: VoiceCatalogue; startedAtMs: number },
): void {
  const voiceSchema = {
    summary: "Voices of all engines",
    tags: ["catalogue"],
    response: { 200: VoiceListBody, ...errorResponses },
  };
  app.get("/v1/audio/voices", { schema: voiceSchema }, async (_, reply) => {
    const list = await voices.list({ signal: abortedWhenClientLeaves(reply.raw) });
    const owners = Map.groupBy(list, ({ id }) => id);
    return {
      voices: list.map(({ id, name, language, gender, engine }) => ({
        // Two engines may use one name; then only the prefixed form says which.
        id: owners.get(id)!.length > 1 ? `${engine}/${id}` : id,
        name,
        language,
        gender: gender ?? null,
        engine,
      })),
    };
  });

  const modelSchema = {
    summary: "Engines, as models",
    tags: ["catalogue"],
    response: { 200: ModelListBody, ...errorResponses },
  };
  app.get("/v1/models", { schema: modelSchema }, async () => ({
    object: "list",
    data: ["auto", ...voices.engines.map(({ name }) => name), ...OPENAI_MODELS].map((id) => ({
      id,
      object: "model",
      created: Math.floor(startedAtMs / 1000),
      owned_by: "mynah",
    })),
  }));
}
