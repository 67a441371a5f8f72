import type { FastifyRequest } from "fastify";
import type { Static } from "typebox";
import type { CallOptions } from "../../core/ports.ts";
import type { VoiceCatalogue } from "../../speech/voice-catalogue.ts";
import { ELEVENLABS } from "./elevenlabs.ts";
import type { ModelBody } from "./schemas.ts";
import { primary } from "./voices-routes.ts";

/** ElevenLabs' own, for clients that offer only what this route lists, or look for the one they know. All of them mean `auto`. */
const THEIR_MODELS = ["eleven_multilingual_v2", "eleven_flash_v2_5", "eleven_turbo_v2_5", "eleven_v3"];

/**
 * `GET /v1/models` is OpenAI's route and ElevenLabs'. Their clients are told apart by the header that each puts its key in;
 * OpenAI's never send this one.
 */
export function asksAsElevenLabs({ headers }: FastifyRequest): typeof ELEVENLABS | undefined {
  return headers["xi-api-key"] === undefined ? undefined : ELEVENLABS;
}

export async function elevenLabsModels(
  { voices, maxTextChars }: { readonly voices: VoiceCatalogue; readonly maxTextChars: number },
  options: CallOptions,
): Promise<Static<typeof ModelBody>[]> {
  const spoken = await voices.list(options);
  const names = new Intl.DisplayNames("en", { type: "language", fallback: "code" });
  const languagesOf = (engine: string | undefined) => {
    const tags = spoken
      .filter((voice) => engine === undefined || voice.engine === engine)
      .flatMap(({ language, languages = [] }) => [language, ...languages].map(primary));
    return [...new Set(tags)]
      .filter((tag) => tag !== "und" && tag !== "mul")
      .map((tag) => ({ language_id: tag, name: names.of(tag) ?? tag }));
  };
  const model = (id: string, description: string, engine: string | undefined) => ({
    model_id: id,
    name: id,
    description,
    can_do_text_to_speech: true,
    can_do_voice_conversion: false,
    can_be_finetuned: false,
    can_use_style: false,
    can_use_speaker_boost: false,
    serves_pro_voices: false,
    requires_alpha_access: false,
    token_cost_factor: 1,
    max_characters_request_free_user: maxTextChars,
    max_characters_request_subscribed_user: maxTextChars,
    maximum_text_length_per_request: maxTextChars,
    languages: languagesOf(engine),
    model_rates: { character_cost_multiplier: 1 },
    concurrency_group: "standard",
  });
  return [
    model("auto", "Whichever engine has the voice", undefined),
    ...voices.engines.map(({ name }) => model(name, `The engine ${name}`, name)),
    ...THEIR_MODELS.map((id) => model(id, "The same as auto", undefined)),
  ];
}
