import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { Type } from "typebox";
import { collect, only } from "../../core/async.ts";
import { type Decision, unitOf } from "../../core/quota.ts";
import type { Speak, Speech } from "../../speech/speak.ts";
import { admittedOrThrow } from "../admitted.ts";
import { subjectFields } from "../auth.ts";
import { abortedWhenClientLeaves } from "../client-gone.ts";
import { listOf, recordOf } from "../header-list.ts";
import { alsoIgnored, tellIgnored } from "../ignored-fields.ts";
import { audioContent } from "../schemas.ts";
import { type SendOptions, sendChunks, sendSpeech } from "../send-speech.ts";
import { speechHeaders } from "../speech-headers.ts";
import { tagsOf } from "../tags.ts";
import { alignedChunks, type TimedCharacters } from "./alignment.ts";
import { ELEVENLABS } from "./elevenlabs.ts";
import { OriginalText } from "./original-text.ts";
import { elevenLabsCommon, elevenLabsErrors, TimestampsBody } from "./schemas.ts";
import {
  elevenLabsCachePolicy,
  NOT_HEARD,
  NOT_HEARD_IN_QUERY,
  SpeechBody,
  SpeechQuery,
  utteranceOf,
} from "./settings.ts";

export type ElevenLabsSpeechDeps = { readonly speak: Speak; readonly slowReaderTimeoutMs: number };

type SpeechRequest = { Params: { voice_id: string }; Querystring: SpeechQuery; Body: SpeechBody };

const Params = Type.Object({ voice_id: Type.String({ minLength: 1, maxLength: 256 }) });
const common = {
  ...elevenLabsCommon,
  params: Params,
  querystring: SpeechQuery,
  body: SpeechBody,
};
const config = { foreign: ELEVENLABS };

/** ElevenLabs' speech over HTTP: audio, or audio with the time of every character. */
export function elevenLabsSpeechRoutes(
  app: FastifyInstance,
  { speak, slowReaderTimeoutMs }: ElevenLabsSpeechDeps,
): void {
  /** The speech, its limits already in the headers. */
  const asked = async (request: FastifyRequest<SpeechRequest>, reply: FastifyReply, words: boolean) => {
    const { body, query, params } = request;
    const signal = abortedWhenClientLeaves(reply.raw);
    reply.header("request-id", request.id);
    tellIgnored(reply, body, NOT_HEARD);
    tellIgnored(reply, request.query, NOT_HEARD_IN_QUERY);
    const utterance = utteranceOf(
      body.text,
      {
        voiceId: params.voice_id,
        modelId: body.model_id,
        languageCode: body.language_code,
        speed: body.voice_settings?.speed,
        seed: body.seed,
        outputFormat: query.output_format,
      },
      elevenLabsCachePolicy(request.headers["cache-control"], query.enable_logging),
      subjectFields(request, undefined),
    );
    const result = await speak({ ...utterance, ...tagsOf(request) }, { signal, requestId: request.id, words });
    reply.headers(concurrencyHeaders(result.admitted ? result.speech.quota : result.quota));
    const options: SendOptions = { signal, slowReaderTimeoutMs };
    return { speech: admittedOrThrow(result, reply), options };
  };

  for (const [path, summary] of [
    ["/v1/text-to-speech/:voice_id", "Speak a text, as ElevenLabs does"],
    ["/v1/text-to-speech/:voice_id/stream", "The same: here either streams as it is made"],
  ] as const) {
    const schema = { ...common, summary, response: { 200: audioContent, ...elevenLabsErrors } };
    app.post<SpeechRequest>(path, { schema, config }, async (request, reply) => {
      const { speech, options } = await asked(request, reply, false);
      return sendSpeech(reply, speech, options);
    });
  }

  app.post<SpeechRequest>(
    "/v1/text-to-speech/:voice_id/with-timestamps",
    {
      schema: {
        ...common,
        summary: "All of it, with the time of every character",
        response: { 200: TimestampsBody, ...elevenLabsErrors },
      },
      config,
    },
    async (request, reply) => {
      const { speech } = await asked(request, reply, true);
      const { "content-type": _, "mynah-ignored": ignored, ...headers } = recordOf(speechHeaders(speech));
      reply.headers(headers);
      alsoIgnored(reply, ignored);
      return timedAnswer(speech, request.body.text);
    },
  );

  app.post<SpeechRequest>(
    "/v1/text-to-speech/:voice_id/stream/with-timestamps",
    {
      schema: {
        ...common,
        summary: "The same in pieces, an object a line",
        response: { 200: TimestampsBody, ...elevenLabsErrors },
      },
      config,
    },
    async (request, reply) => {
      const { speech, options } = await asked(request, reply, true);
      const headers = listOf({ ...recordOf(speechHeaders(speech)), "content-type": "application/json" });
      return sendChunks(reply, headers, timedLines(speech, request.body.text), options);
    },
  );
}

async function timedAnswer(speech: Speech, text: string) {
  const audio: Uint8Array[] = [];
  const original: TimedCharacters = { characters: [], startMs: [], endMs: [] };
  const spoken: TimedCharacters = { characters: [], startMs: [], endMs: [] };
  for await (const chunk of alignedChunks(speech.parts, new OriginalText(text))) {
    audio.push(chunk.audio);
    if (chunk.alignment === undefined) continue;
    append(original, chunk.alignment.original);
    append(spoken, chunk.alignment.spoken);
  }
  return {
    audio_base64: base64(await collect(only(...audio))),
    alignment: inSeconds(original),
    normalized_alignment: inSeconds(spoken),
  };
}

async function* timedLines(speech: Speech, text: string): AsyncGenerator<string> {
  for await (const { audio, alignment } of alignedChunks(speech.parts, new OriginalText(text))) {
    const line = {
      audio_base64: base64(audio),
      alignment: alignment === undefined ? null : inSeconds(alignment.original),
      normalized_alignment: alignment === undefined ? null : inSeconds(alignment.spoken),
    };
    yield `${JSON.stringify(line)}\n`;
  }
}

function append(to: TimedCharacters, more: TimedCharacters): void {
  for (const [at, character] of more.characters.entries()) {
    to.characters.push(character);
    to.startMs.push(more.startMs[at]!);
    to.endMs.push(more.endMs[at]!);
  }
}

function inSeconds({ characters, startMs, endMs }: TimedCharacters) {
  return {
    characters,
    character_start_times_seconds: startMs.map(seconds),
    character_end_times_seconds: endMs.map(seconds),
  };
}

function seconds(ms: number): number {
  return Math.round(ms) / 1000;
}

export function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("base64");
}

/** Theirs, where answers at a time are limited. */
function concurrencyHeaders({ states }: Pick<Decision, "states">): Record<string, string> {
  const streams = states.filter(({ window }) => unitOf(window) === "streams");
  if (streams.length === 0) return {};
  const { window, remaining } = streams.reduce((least, state) => (state.remaining < least.remaining ? state : least));
  return {
    "current-concurrent-requests": String(window.limit - remaining),
    "maximum-concurrent-requests": String(window.limit),
  };
}
