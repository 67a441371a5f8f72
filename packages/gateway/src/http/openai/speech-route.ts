import type { FastifyInstance } from "fastify";
import { type Static, Type } from "typebox";
import { AUDIO_FORMAT_NAMES, type AudioFormat, type AudioFormatName } from "../../core/audio-format.ts";
import { MAX_INSTRUCTIONS_CHARS, MAX_STYLE_CHARS, SETTING_RANGES } from "../../core/speech-settings.ts";
import type { Utterance } from "../../core/utterance.ts";
import type { Speak } from "../../speech/speak.ts";
import { admittedOrThrow } from "../admitted.ts";
import { subjectFields } from "../auth.ts";
import { cachePolicyOf } from "../cache-control.ts";
import { abortedWhenClientLeaves } from "../client-gone.ts";
import { audioContent, errorResponses } from "../schemas.ts";
import { sendChunks, sendSpeech } from "../send-speech.ts";
import { speechHeaders } from "../speech-headers.ts";
import { sseEvents } from "./sse.ts";

function factor(name: "speed" | "pitch" | "volume", description: string) {
  const { min: minimum, max: maximum } = SETTING_RANGES[name];
  return Type.Number({ minimum, maximum, default: 1, description });
}

/** OpenAI's fields, then ours. No others: a setting that would not be heard is refused, not ignored. */
export const SpeechBody = Type.Object(
  {
    model: Type.String({
      minLength: 1,
      maxLength: 256,
      description: "`auto`, an engine of GET /v1/models or several in order (`a,b`). OpenAI's model names mean `auto`.",
    }),
    input: Type.String({ minLength: 1, description: "The text to be spoken." }),
    voice: Type.Union(
      [
        Type.String({ minLength: 1, maxLength: 256 }),
        Type.Object({ id: Type.String({ minLength: 1, maxLength: 256 }) }, { additionalProperties: false }),
      ],
      {
        description:
          "A voice of GET /v1/audio/voices, an alias, `engine/voice`, one of OpenAI's names, or a BCP-47 tag.",
      },
    ),
    instructions: Type.Optional(
      Type.String({ maxLength: MAX_INSTRUCTIONS_CHARS, description: "How to speak, for engines that can be told." }),
    ),
    response_format: Type.Optional(
      Type.Enum([...AUDIO_FORMAT_NAMES], {
        default: "mp3",
        description: "pcm is 24 kHz signed 16-bit little-endian mono without a header; opus comes in Ogg, aac in ADTS.",
      }),
    ),
    speed: Type.Optional(factor("speed", "1 is the voice's own.")),
    stream_format: Type.Optional(Type.Enum(["audio", "sse"], { default: "audio" })),
    user: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 512,
        description: "The end user this is said for; limits count per user.",
      }),
    ),
    pitch: Type.Optional(factor("pitch", "1 is the voice's own, 2 an octave higher. Not OpenAI's.")),
    volume: Type.Optional(factor("volume", "1 is the voice's own, 2 is 6 dB louder. Not OpenAI's.")),
    style: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: MAX_STYLE_CHARS,
        description: "One of the voice's `styles` in GET /v1/audio/voices. Not OpenAI's.",
      }),
    ),
    seed: Type.Optional(
      Type.Integer({
        minimum: SETTING_RANGES.seed.min,
        maximum: SETTING_RANGES.seed.max,
        description: "For engines that draw lots: the same seed, the same audio. Not OpenAI's.",
      }),
    ),
    language: Type.Optional(
      Type.String({
        pattern: "^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$",
        maxLength: 35,
        description: "BCP-47. Not OpenAI's.",
      }),
    ),
  },
  { additionalProperties: false },
);
type SpeechBody = Static<typeof SpeechBody>;

export type SpeechRouteDeps = {
  readonly speak: Speak;
  readonly formats: Readonly<Record<AudioFormatName, AudioFormat>>;
  readonly slowReaderTimeoutMs: number;
};

/** POST /v1/audio/speech as OpenAI defines it. Knows HTTP, and nothing about caches, limits or engines. */
export function speechRoute(app: FastifyInstance, { speak, formats, slowReaderTimeoutMs }: SpeechRouteDeps): void {
  const schema = {
    summary: "Speak a text",
    description: "OpenAI's route, field for field; audio streams as it is made.",
    tags: ["speech"],
    body: SpeechBody,
    response: { 200: audioContent, ...errorResponses },
  };
  app.post<{ Body: SpeechBody }>("/v1/audio/speech", { schema }, async (request, reply) => {
    const signal = abortedWhenClientLeaves(reply.raw);
    const utterance = utteranceOf(
      request.body,
      formats,
      cachePolicyOf(request.headers["cache-control"]),
      subjectFields(request, request.body.user),
    );
    const speech = admittedOrThrow(await speak(utterance, { signal, requestId: request.id }), reply);
    const options = { signal, slowReaderTimeoutMs };
    if (request.body.stream_format !== "sse") return sendSpeech(reply, speech, options);
    const { "content-type": _, ...headers } = speechHeaders(speech);
    const events = sseEvents(speech.audio, utterance.text);
    return sendChunks(
      reply,
      { ...headers, "content-type": "text/event-stream; charset=utf-8", "cache-control": "no-cache" },
      events,
      options,
    );
  });
}

/** What a checked body asks for. */
export function utteranceOf(
  body: SpeechBody,
  formats: SpeechRouteDeps["formats"],
  cache: Utterance["cache"],
  who: Pick<Utterance, "subject" | "tenant" | "plan">,
): Utterance {
  return {
    text: body.input,
    voice: typeof body.voice === "string" ? body.voice : body.voice.id,
    model: body.model,
    speed: body.speed ?? 1,
    pitch: body.pitch ?? 1,
    volume: body.volume ?? 1,
    format: formats[body.response_format ?? "mp3"],
    cache,
    ...who,
    ...(body.language !== undefined && { language: body.language }),
    ...(body.instructions && { instructions: body.instructions }),
    ...(body.style !== undefined && { style: body.style }),
    ...(body.seed !== undefined && { seed: body.seed }),
  };
}
