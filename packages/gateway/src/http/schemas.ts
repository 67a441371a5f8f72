import { Type } from "typebox";
import { AUDIO_FORMAT_NAMES, MIME_TYPES } from "../core/audio-format.ts";
import { VOICE_AGES } from "../core/voice.ts";

export const ErrorBody = Type.Object({
  error: Type.Object({
    message: Type.String(),
    type: Type.String(),
    param: Type.Union([Type.String(), Type.Null()]),
    code: Type.Union([Type.String(), Type.Null()]),
  }),
});

const binary = { schema: { type: "string", format: "binary" } };

/** A 200 whose body is audio, one media type per format. */
export const audioContent = {
  description: "Audio, streamed as it is made; with Content-Length when it was stored.",
  content: {
    ...Object.fromEntries(AUDIO_FORMAT_NAMES.map((name) => [MIME_TYPES[name].split(";")[0]!, binary])),
    "audio/basic": binary,
    "text/event-stream": { schema: { type: "string" } },
  },
};

const SubtitleWords = Type.Object({
  durationMs: Type.Integer({ description: "Of the audio." }),
  words: Type.Array(
    Type.Object({
      text: Type.String(),
      startMs: Type.Integer(),
      endMs: Type.Integer(),
      estimated: Type.Optional(
        Type.Literal(true, { description: "The engine gave no times: reckoned from the text and the audio's length." }),
      ),
    }),
  ),
  marks: Type.Optional(
    Type.Array(
      Type.Object({ name: Type.String(), timeMs: Type.Integer(), estimated: Type.Optional(Type.Literal(true)) }),
      { description: "Of an SSML text that has any." },
    ),
  ),
});

/** A 200 whose body is subtitles, one media type per format. */
export const subtitlesContent = {
  description: "Subtitles of all of it, when all of it is known.",
  content: {
    "text/vtt": { schema: { type: "string" } },
    "application/x-subrip": { schema: { type: "string" } },
    "application/json": { schema: SubtitleWords },
  },
};

/** Refusals and failures, in OpenAI's shape on every route. */
export const errorResponses = {
  "4xx": {
    description: "A refusal; `code` says why, `param` names the field.",
    content: { "application/json": { schema: ErrorBody } },
  },
  "5xx": {
    description: "A failure; `x-should-retry` says whether to try again.",
    content: { "application/json": { schema: ErrorBody } },
  },
};

const VoiceListBody = Type.Object({
  voices: Type.Array(
    Type.Object({
      id: Type.String({ description: "What to send as `voice`." }),
      name: Type.String(),
      language: Type.String({ description: "BCP-47." }),
      gender: Type.Union([Type.Enum(["female", "male", "neutral"]), Type.Null()]),
      engine: Type.String(),
      age: Type.Optional(Type.Enum([...VOICE_AGES])),
      accent: Type.Optional(Type.String()),
      languages: Type.Optional(Type.Array(Type.String(), { description: "Further ones, BCP-47." })),
      styles: Type.Optional(Type.Array(Type.String())),
    }),
  ),
});

/** With `?legacy=true`: nothing but names. */
const VoiceNamesBody = Type.Object({ voices: Type.Array(Type.String()) });
export const VoicesBody = Type.Union([VoiceListBody, VoiceNamesBody]);

export const VoicesQuery = Type.Object(
  {
    language: Type.Optional(
      Type.String({
        pattern: "^[A-Za-z]{2,8}([-_][A-Za-z0-9]{1,8})*$",
        maxLength: 35,
        description: "BCP-47: `en` finds all of English, `en-GB` only that.",
      }),
    ),
    engine: Type.Optional(Type.String({ minLength: 1, maxLength: 64 })),
    gender: Type.Optional(Type.Enum(["female", "male", "neutral"])),
    legacy: Type.Optional(Type.Enum(["true", "false"], { description: "`true`: names only, as strings." })),
  },
  { additionalProperties: false },
);

/** What Open WebUI reads of `GET /v1/audio/models`. */
export const AudioModelListBody = Type.Object({
  models: Type.Array(Type.Object({ id: Type.String(), name: Type.String() })),
});

export const ModelListBody = Type.Object({
  object: Type.Literal("list"),
  data: Type.Array(
    Type.Object({ id: Type.String(), object: Type.Literal("model"), created: Type.Integer(), owned_by: Type.String() }),
  ),
});
