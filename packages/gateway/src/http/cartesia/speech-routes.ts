import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { Static } from "typebox";
import type { Clock } from "../../core/clock.ts";
import { SpeechError } from "../../core/errors.ts";
import type { Speak, Speech } from "../../speech/speak.ts";
import { admittedOrThrow } from "../admitted.ts";
import { subjectFields } from "../auth.ts";
import { cachePolicyOf } from "../cache-control.ts";
import { abortedWhenClientLeaves } from "../client-gone.ts";
import { type HeaderList, listOf, recordOf } from "../header-list.ts";
import { tellIgnored } from "../ignored-fields.ts";
import { audioContent } from "../schemas.ts";
import { type SendOptions, sendChunks, sendSpeech } from "../send-speech.ts";
import { speechHeaders } from "../speech-headers.ts";
import { tagsOf } from "../tags.ts";
import { CARTESIA } from "./cartesia.ts";
import { CartesiaEvents, errorEvent } from "./events.ts";
import { FloatSamples, floatWavHeader } from "./float-samples.ts";
import type { Output } from "./output-format.ts";
import { cartesiaCommon, cartesiaErrors } from "./schemas.ts";
import { EventsBody, NOT_HEARD, SpeechBody, utteranceOf } from "./settings.ts";

export type CartesiaSpeechDeps = {
  readonly speak: Speak;
  readonly clock: Clock;
  readonly slowReaderTimeoutMs: number;
};

const config = { foreign: CARTESIA };

/** Cartesia's speech over HTTP: bytes, or events with base64 audio and the times of words. */
export function cartesiaSpeechRoutes(app: FastifyInstance, deps: CartesiaSpeechDeps): void {
  const { speak, clock, slowReaderTimeoutMs } = deps;
  const asked = async (
    request: FastifyRequest,
    body: Static<typeof SpeechBody>,
    reply: FastifyReply,
    words: boolean,
  ) => {
    const signal = abortedWhenClientLeaves(reply.raw);
    const { transcript, ...settings } = body;
    tellIgnored(reply, request.body as object, NOT_HEARD);
    const cache = cachePolicyOf(request.headers["cache-control"]);
    const { utterance, output } = utteranceOf(transcript, settings, cache, subjectFields(request, undefined));
    const result = await speak({ ...utterance, ...tagsOf(request) }, { signal, requestId: request.id, words });
    const options: SendOptions = { signal, slowReaderTimeoutMs };
    return { speech: admittedOrThrow(result, reply), output, options };
  };

  app.post<{ Body: Static<typeof SpeechBody> }>(
    "/tts/bytes",
    {
      schema: {
        ...cartesiaCommon,
        summary: "Speak a transcript, as Cartesia does",
        body: SpeechBody,
        response: { 200: audioContent, ...cartesiaErrors },
      },
      config,
    },
    async (request, reply) => {
      const { speech, output, options } = await asked(request, request.body, reply, false);
      if (output.float === undefined) return sendSpeech(reply, speech, options);
      return sendChunks(reply, floatHeaders(speech, output), floats(speech, output), options);
    },
  );

  app.post<{ Body: Static<typeof EventsBody> }>(
    "/tts/sse",
    {
      schema: {
        ...cartesiaCommon,
        summary: "The same as server-sent events",
        body: EventsBody,
        response: {
          200: {
            description: "chunk, timestamps, done.",
            content: { "text/event-stream": { schema: { type: "string" } } },
          },
          ...cartesiaErrors,
        },
      },
      config,
    },
    async (request, reply) => {
      const { add_timestamps: timestamps, context_id: contextId, ...body } = request.body;
      if (body.output_format.container !== "raw")
        throw new SpeechError("invalid_request", '"output_format.container" must be raw for events', {
          param: "output_format.container",
        });
      const { speech, output, options } = await asked(request, body, reply, timestamps === true);
      const own = { "content-type": "text/event-stream", "cache-control": "no-cache" };
      const headers = listOf({ ...recordOf(speechHeaders(speech)), ...own });
      const events = new CartesiaEvents({ contextId: contextId ?? undefined, output, clock });
      return sendChunks(reply, headers, eventLines(speech, events, request.id), options);
    },
  );
}

/** A failure in the middle is an event too; nobody takes that for the end. */
async function* eventLines({ parts }: Speech, events: CartesiaEvents, requestId: string): AsyncGenerator<string> {
  try {
    for await (const part of parts) {
      if (part.type === "audio") for (const event of events.chunks(part.audio)) yield lineOf(event);
      else if (part.type === "words") yield lineOf(events.timestamps(part.words));
    }
    yield lineOf(events.done());
  } catch (error) {
    yield lineOf(errorEvent(SpeechError.from(error, "internal", "the speech broke off"), requestId));
  }
}

function lineOf(event: Readonly<Record<string, unknown>>): string {
  return `event: ${String(event.type)}\ndata: ${JSON.stringify(event)}\n\n`;
}

function floatHeaders(speech: Speech, { format, float }: Output): HeaderList {
  const type =
    float === "wav" ? "audio/wav" : `audio/pcm;rate=${format.sampleRateHz};channels=1;encoding=float;bits=32`;
  return listOf({ ...recordOf(speechHeaders(speech)), "content-type": type });
}

async function* floats({ audio, whole }: Speech, { format, float }: Output): AsyncGenerator<Uint8Array> {
  if (float === "wav") yield floatWavHeader(format.sampleRateHz, whole && whole.byteLength >> 1);
  const samples = new FloatSamples();
  for await (const chunk of audio) yield samples.push(chunk);
}
