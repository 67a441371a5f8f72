import { Type } from "typebox";
import { ELEVENLABS } from "./elevenlabs.ts";

const security: Record<string, string[]>[] = [{ xiApiKey: [] }, { bearer: [] }];
/** Of every route's schema. */
export const elevenLabsCommon = { tags: [ELEVENLABS.name], security };

const Detail = Type.Union([
  Type.Object({
    status: Type.String(),
    message: Type.String(),
    code: Type.String({ description: "One of docs/errors.md." }),
    request_id: Type.String(),
  }),
  Type.Array(
    Type.Object({
      loc: Type.Array(Type.Union([Type.String(), Type.Integer()])),
      msg: Type.String(),
      type: Type.String(),
    }),
  ),
]);
const error = { content: { "application/json": { schema: Type.Object({ detail: Detail }) } } };

/** Refusals and failures, in ElevenLabs' shape. */
export const elevenLabsErrors = {
  "4xx": { description: "A refusal. 422: a list of what does not validate.", ...error },
  "5xx": { description: "A failure.", ...error },
};

const Alignment = Type.Object({
  characters: Type.Array(Type.String()),
  character_start_times_seconds: Type.Array(Type.Number()),
  character_end_times_seconds: Type.Array(Type.Number()),
});
const MaybeAlignment = Type.Union([Alignment, Type.Null()]);

export const TimestampsBody = Type.Object({
  audio_base64: Type.String(),
  alignment: MaybeAlignment,
  normalized_alignment: MaybeAlignment,
});

const OrNull = Type.Union([Type.String(), Type.Null()]);

export const VoiceBody = Type.Object({
  voice_id: Type.String(),
  name: Type.String(),
  category: Type.String(),
  labels: Type.Record(Type.String(), Type.String()),
  description: OrNull,
  preview_url: OrNull,
  samples: Type.Null(),
  settings: Type.Null(),
  available_for_tiers: Type.Array(Type.String()),
  high_quality_base_model_ids: Type.Array(Type.String()),
  verified_languages: Type.Array(
    Type.Object({ language: Type.String(), model_id: Type.String(), locale: Type.String() }),
  ),
});

export const ModelBody = Type.Object({
  model_id: Type.String(),
  name: Type.String(),
  description: Type.String(),
  can_do_text_to_speech: Type.Boolean(),
  can_do_voice_conversion: Type.Boolean(),
  can_be_finetuned: Type.Boolean(),
  can_use_style: Type.Boolean(),
  can_use_speaker_boost: Type.Boolean(),
  serves_pro_voices: Type.Boolean(),
  requires_alpha_access: Type.Boolean(),
  token_cost_factor: Type.Number(),
  max_characters_request_free_user: Type.Integer(),
  max_characters_request_subscribed_user: Type.Integer(),
  maximum_text_length_per_request: Type.Integer(),
  languages: Type.Array(Type.Object({ language_id: Type.String(), name: Type.String() })),
  model_rates: Type.Object({ character_cost_multiplier: Type.Number() }),
  concurrency_group: Type.String(),
});
