import { type Static, type TSchema, Type } from "typebox";
import { SETTING_RANGES } from "../../core/speech-settings.ts";
import type { CachePolicy, Utterance } from "../../core/utterance.ts";
import { cachePolicyOf } from "../cache-control.ts";
import { outputFormatOf } from "./output-format.ts";

const OrNull = <Schema extends TSchema>(schema: Schema) => Type.Optional(Type.Union([schema, Type.Null()]));

const MIN_SPEED = 0.25;
const MAX_SPEED = 4;

export const SpeechQuery = Type.Object({
  output_format: Type.Optional(
    Type.String({
      maxLength: 64,
      description: "codec_rate_bitrate, as ElevenLabs names them. Default: mp3_44100_128.",
    }),
  ),
  enable_logging: Type.Optional(
    Type.String({
      maxLength: 8,
      description: "`false`: what is made for this is not kept, as with Cache-Control: no-store.",
    }),
  ),
});
export type SpeechQuery = Static<typeof SpeechQuery>;

/** What shapes the sound here. All other fields that ElevenLabs has are taken, and not heard: `docs/clients/elevenlabs.md`. */
export const SpeechBody = Type.Object({
  text: Type.String(),
  model_id: OrNull(
    Type.String({ maxLength: 256, description: "An engine of ours, or one of ElevenLabs' models, which mean `auto`." }),
  ),
  language_code: OrNull(Type.String({ pattern: "^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$", maxLength: 35 })),
  seed: OrNull(
    Type.Integer({
      minimum: SETTING_RANGES.seed.min,
      maximum: SETTING_RANGES.seed.max,
      description: "Heard where the voice's engine takes one, else told in `mynah-ignored`.",
    }),
  ),
  voice_settings: OrNull(Type.Object({ speed: OrNull(Type.Number({ minimum: MIN_SPEED, maximum: MAX_SPEED })) })),
});
export type SpeechBody = Static<typeof SpeechBody>;

/** What of the fields that are not heard shapes the sound at ElevenLabs: whoever sends one is told. */
export const NOT_HEARD = [
  "voice_settings.stability",
  "voice_settings.similarity_boost",
  "voice_settings.style",
  "voice_settings.use_speaker_boost",
  "previous_text",
  "next_text",
  "pronunciation_dictionary_locators",
  "apply_text_normalization",
  "enable_ssml_parsing",
] as const;

/** The same, of the URL. */
export const NOT_HEARD_IN_QUERY = ["enable_ssml_parsing"] as const;

/** What is asked for beside the text, by body and URL alike. */
export type Settings = {
  readonly voiceId: string;
  readonly modelId?: string | null | undefined;
  readonly languageCode?: string | null | undefined;
  readonly speed?: number | null | undefined;
  readonly seed?: number | null | undefined;
  readonly outputFormat?: string | null | undefined;
};

/** In our words. Throws `invalid_request` for a format that is none of theirs. */
export function utteranceOf(
  text: string,
  { voiceId, modelId, languageCode, speed, seed, outputFormat }: Settings,
  cache: CachePolicy,
  who: Pick<Utterance, "subject" | "tenant" | "plan">,
): Utterance {
  return {
    text,
    voice: voiceId,
    model: modelOf(modelId),
    speed: speed ?? 1,
    pitch: 1,
    volume: 1,
    format: outputFormatOf(outputFormat),
    cache,
    ...who,
    ...(languageCode && { language: languageCode }),
    ...(typeof seed === "number" && { seed, lenient: true }),
  };
}

/** Their own model names say nothing about which of our engines should speak. */
function modelOf(modelId: string | null | undefined): string {
  return modelId && !modelId.startsWith("eleven_") ? modelId : "auto";
}

/**
 * What the caller allows of the cache. `no-cache` is not heard: ElevenLabs' own client puts it on every request, to keep
 * browsers from storing the answer, and nobody who uses it asked for that. `enable_logging=false` asks that nothing is kept.
 */
export function elevenLabsCachePolicy(
  cacheControl: string | undefined,
  enableLogging: string | null | undefined,
): CachePolicy {
  const policy = cachePolicyOf(cacheControl?.toLowerCase().replaceAll(/\bno-cache\b/g, ""));
  return enableLogging?.toLowerCase() === "false" ? { ...policy, write: false } : policy;
}
