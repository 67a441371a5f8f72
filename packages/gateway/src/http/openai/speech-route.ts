import type { FastifyInstance } from "fastify";
import type { AudioFormat, AudioFormatName } from "../../core/audio-format.ts";
import type { Speak } from "../../speech/speak.ts";
import { admittedOrThrow } from "../admitted.ts";
import { subjectFields } from "../auth.ts";
import { cachePolicyOf } from "../cache-control.ts";
import { abortedWhenClientLeaves } from "../client-gone.ts";
import { listOf, recordOf } from "../header-list.ts";
import { audioContent, errorResponses } from "../schemas.ts";
import { sendChunks, sendSpeech } from "../send-speech.ts";
import { speechHeaders } from "../speech-headers.ts";
import { tagsOf } from "../tags.ts";
import { SpeechBody, utteranceOf } from "./speech-body.ts";
import { sseEvents } from "./sse.ts";

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
    const utterance = utteranceOf(request.body, formats, cachePolicyOf(request.headers["cache-control"]), {
      ...subjectFields(request, request.body.user),
      ...tagsOf(request, request.body.tag),
    });
    const speech = admittedOrThrow(await speak(utterance, { signal, requestId: request.id }), reply);
    const options = { signal, slowReaderTimeoutMs };
    if (request.body.stream_format !== "sse") return sendSpeech(reply, speech, options);
    const headers = {
      ...recordOf(speechHeaders(speech)),
      "content-type": "text/event-stream; charset=utf-8",
      "cache-control": "no-cache",
    };
    return sendChunks(reply, listOf(headers), sseEvents(speech), options);
  });
}
