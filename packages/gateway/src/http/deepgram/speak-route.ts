import type { FastifyInstance } from "fastify";
import { type Static, Type } from "typebox";
import { SpeechError } from "../../core/errors.ts";
import type { Speak } from "../../speech/speak.ts";
import type { VoiceCatalogue } from "../../speech/voice-catalogue.ts";
import { admittedOrThrow } from "../admitted.ts";
import { subjectFields } from "../auth.ts";
import { cachePolicyOf } from "../cache-control.ts";
import { abortedWhenClientLeaves } from "../client-gone.ts";
import { audioContent } from "../schemas.ts";
import { sendSpeech } from "../send-speech.ts";
import { upgradeOnly } from "../socket-routes.ts";
import { tagsOf } from "../tags.ts";
import { DEEPGRAM } from "./deepgram.ts";
import { DEFAULT_MODEL, speakerOf } from "./model.ts";
import { outputFormatOf } from "./output-format.ts";
import { paceOf } from "./settings.ts";

const Words = Type.String({ maxLength: 256 });
const SpeakQuery = Type.Object(
  {
    model: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 256,
        default: DEFAULT_MODEL,
        description: "One of Deepgram's, or any voice of GET /v1/audio/voices.",
      }),
    ),
    encoding: Type.Optional(Words),
    container: Type.Optional(Words),
    sample_rate: Type.Optional(Words),
    bit_rate: Type.Optional(Words),
    speed: Type.Optional(Type.String({ pattern: "^\\d(\\.\\d{1,6})?$", description: "0.7 to 1.5." })),
    mip_opt_out: Type.Optional(
      Type.String({ description: "Taken, and without meaning here: nothing is learnt from." }),
    ),
    tag: Type.Optional(Type.Union([Type.String(), Type.Array(Type.String())], { description: "Taken, and not used." })),
    callback: Type.Optional(Type.String({ description: "Refused: answers go to who asks." })),
    callback_method: Type.Optional(Type.String()),
  },
  { additionalProperties: false },
);
const SpeakBody = Type.Object(
  {
    text: Type.Optional(Type.String()),
    url: Type.Optional(Type.String({ description: "Refused: this gateway fetches nothing for a caller." })),
  },
  { additionalProperties: false },
);
const DeepgramError = Type.Object({ err_code: Type.String(), err_msg: Type.String(), request_id: Type.String() });

export type DeepgramRouteDeps = {
  readonly speak: Speak;
  readonly voices: VoiceCatalogue;
  readonly slowReaderTimeoutMs: number;
};

/** POST /v1/speak, Deepgram's; GET is its socket, which `ws/deepgram/` speaks. */
export function deepgramSpeakRoute(
  app: FastifyInstance,
  { speak, voices, slowReaderTimeoutMs }: DeepgramRouteDeps,
): void {
  const schema = {
    summary: "Speak a text, as Deepgram does",
    tags: [DEEPGRAM.name],
    querystring: SpeakQuery,
    body: SpeakBody,
    response: { 200: audioContent, "4xx": DeepgramError, "5xx": DeepgramError },
  };
  app.post<{ Querystring: Static<typeof SpeakQuery>; Body: Static<typeof SpeakBody> }>(
    "/v1/speak",
    { schema, config: { foreign: DEEPGRAM } },
    async (request, reply) => {
      const { query, body } = request;
      const signal = abortedWhenClientLeaves(reply.raw);
      const text = textOf(body);
      if (query.callback !== undefined) throw refused("callback", "answers go to who asks");
      const { model = DEFAULT_MODEL } = query;
      const utterance = {
        ...{ text, format: outputFormatOf(query), ...paceOf(query.speed) },
        ...(await speakerOf(model, voices, { signal })),
        cache: cachePolicyOf(request.headers["cache-control"]),
        ...subjectFields(request, undefined),
        ...tagsOf(request),
      };
      reply.header("dg-request-id", request.id);
      const speech = admittedOrThrow(await speak(utterance, { signal, requestId: request.id }), reply);
      reply.headers({ "dg-model-name": headerSafe(model), "dg-char-count": String(text.length) });
      return sendSpeech(reply, speech, { signal, slowReaderTimeoutMs });
    },
  );
  upgradeOnly(app, "/v1/speak", { foreign: DEEPGRAM });
}

function textOf({ text, url }: Static<typeof SpeakBody>): string {
  if (url !== undefined) throw refused("url", "this gateway fetches nothing for a caller; send the text");
  if (text !== undefined) return text;
  throw new SpeechError("invalid_json", `"text" is required`, { param: "text" });
}

function refused(field: string, why: string): SpeechError {
  return new SpeechError("invalid_request", `"${field}" is not offered: ${why}`, { param: field });
}

function headerSafe(value: string): string {
  return value.replaceAll(/[^\x20-\x7e]/g, "?");
}
