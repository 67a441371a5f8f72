import type { FastifyInstance } from "fastify";
import { type Static, Type } from "typebox";
import { formatSubtitles, SUBTITLE_FORMATS, SUBTITLE_MIME_TYPES } from "../core/subtitles/subtitles.ts";
import { transcribe } from "../speech/transcript.ts";
import { admittedOrThrow } from "./admitted.ts";
import { subjectFields } from "./auth.ts";
import { cachePolicyOf } from "./cache-control.ts";
import { abortedWhenClientLeaves } from "./client-gone.ts";
import { recordOf } from "./header-list.ts";
import { SpeechBody, utteranceOf } from "./openai/speech-body.ts";
import type { SpeechRouteDeps } from "./openai/speech-route.ts";
import { errorResponses, subtitlesContent } from "./schemas.ts";
import { speechHeaders } from "./speech-headers.ts";
import { tagsOf } from "./tags.ts";

const { stream_format: _, ...speechFields } = SpeechBody.properties;
const SubtitlesBody = Type.Object(
  {
    ...speechFields,
    subtitle_format: Type.Optional(
      Type.Enum([...SUBTITLE_FORMATS], {
        default: "vtt",
        description: "json: every word with its times, and the marks of SSML.",
      }),
    ),
  },
  { additionalProperties: false },
);
type SubtitlesBody = Static<typeof SubtitlesBody>;

/**
 * POST /v1/speech/subtitles: the subtitles of the audio that POST /v1/audio/speech gives for the same body, and so in
 * the same `response_format`, since codecs start late by different times. What is not stored is synthesized, and stored.
 */
export function subtitlesRoute(app: FastifyInstance, { speak, formats }: Pick<SpeechRouteDeps, "speak" | "formats">) {
  const schema = {
    summary: "Subtitles of a spoken text",
    description: "The same body as POST /v1/audio/speech gives the audio that these subtitles belong to.",
    tags: ["speech"],
    body: SubtitlesBody,
    response: { 200: subtitlesContent, ...errorResponses },
  };
  app.post<{ Body: SubtitlesBody }>("/v1/speech/subtitles", { schema }, async (request, reply) => {
    const { subtitle_format: format = "vtt", ...body } = request.body;
    const signal = abortedWhenClientLeaves(reply.raw);
    const cache = cachePolicyOf(request.headers["cache-control"]);
    const who = { ...subjectFields(request, body.user), ...tagsOf(request, body.tag) };
    const utterance = utteranceOf(body, formats, cache, who);
    const result = await speak(utterance, { signal, requestId: request.id, words: true });
    const speech = admittedOrThrow(result, reply);
    const transcript = await transcribe(speech.parts);
    reply.headers({
      ...recordOf(speechHeaders(speech)),
      "mynah-duration-ms": String(Math.round(transcript.durationMs)),
    });
    reply.header("content-type", SUBTITLE_MIME_TYPES[format]);
    // Past the serializer, which knows the schema of an answer by its status and not by its type.
    return reply.serializer((text: string) => text).send(formatSubtitles(transcript, format));
  });
}
