import type { ServerResponse } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { Codecs } from "../../src/audio/codecs.ts";
import { AUDIO_FORMAT_NAMES, type AudioFormat, type AudioFormatName } from "../../src/core/audio-format.ts";
import type { Fault, StandIn } from "./stand-ins/fault.ts";
import { type HttpCall, httpStandIn, sendJson } from "./stand-ins/http-stand-in.ts";
import { spokenTones } from "./stand-ins/spoken-tones.ts";

/** What the server does besides the faults of every stand-in; changeable at any time. */
export type OpenAiFaults = {
  /** Answers with this status and OpenAI's error object. */
  status?: number;
  headers?: Record<string, string>;
  /** Waits before the first byte. */
  delayMs?: number;
  /** Between chunks of 4,800 bytes. */
  chunkMs?: number;
  /** Destroys the connection after this many bytes of audio. */
  cutAfterBytes?: number;
  /** Takes the request and never answers. */
  hang?: boolean;
  /** Answers 200 with this instead of audio. */
  answer?: { type: string; body: string };
};

export type OpenAiRequest = {
  readonly body: Record<string, unknown>;
  readonly authorization: string | undefined;
  /** Settled when the connection is over; true if the client had the whole answer. */
  readonly completed: Promise<boolean>;
};

export type OpenAiStandIn = StandIn & {
  /** With its `/v1`, like `url`. */
  readonly baseUrl: string;
  readonly requests: readonly OpenAiRequest[];
  readonly faults: OpenAiFaults;
  /** What `GET /v1/audio/voices` answers; undefined, as at OpenAI itself: 404. */
  voices: unknown;
};

const SAMPLE_RATE_HZ = 24_000;
const VOICES = "alloy ash ballad cedar coral echo fable marin nova onyx sage shimmer verse".split(" ");
const MODELS = ["gpt-4o-mini-tts", "gpt-4o-mini-tts-2025-12-15", "tts-1", "tts-1-hd"];
const BITRATES: Partial<Record<AudioFormatName, number>> = { mp3: 48_000, opus: 24_000, aac: 48_000 };
const TYPES: Record<AudioFormatName, string> = {
  mp3: "audio/mpeg",
  opus: "audio/opus",
  aac: "audio/aac",
  flac: "audio/flac",
  wav: "audio/wav",
  pcm: "audio/pcm",
};

/** A server on a free local port that speaks OpenAI's POST /v1/audio/speech, audio and SSE, in all its formats. */
export async function openAiStandIn(): Promise<OpenAiStandIn> {
  const requests: OpenAiRequest[] = [];
  const faults: OpenAiFaults = {};
  const codecs = new Codecs();
  const http = await httpStandIn({
    isSpeech: ({ url, method }) => url === "/v1/audio/speech" && method === "POST",
    other({ url }, response) {
      if (url === "/v1/audio/voices" && standIn.voices !== undefined) sendJson(response, 200, standIn.voices);
      else if (url === "/v1/models") sendJson(response, 200, modelList());
      else sendJson(response, 404, errorBody(404, "not found"));
    },
    async speak(call) {
      requests.push({
        body: call.body ?? {},
        authorization: call.request.headers.authorization,
        completed: call.completed,
      });
      const fault = call.fault ?? faultOf(faults);
      if (faults.hang || fault?.kind === "hang") return;
      if (faults.delayMs) await sleep(faults.delayMs);
      for (const [name, value] of Object.entries(faults.headers ?? {})) call.response.setHeader(name, value);
      if (faults.answer) {
        call.response.writeHead(200, { "content-type": faults.answer.type }).end(faults.answer.body);
        return;
      }
      if (fault?.kind === "status") return refuse(call.response, fault);
      const problem = problemOf(call.body);
      if (problem !== undefined) return sendJson(call.response, 400, errorBody(400, problem));
      await speak(call, codecs, { fault, everyMs: faults.chunkMs ?? 0 });
    },
  });
  const baseUrl = `${http.url}/v1`;
  const fields = { url: baseUrl, baseUrl, requests, faults, voices: { voices: VOICES } as unknown };
  const standIn: OpenAiStandIn = Object.assign(http, fields);
  return standIn;
}

function faultOf({ status, hang, cutAfterBytes }: OpenAiFaults): Fault | undefined {
  if (hang) return { kind: "hang" };
  if (status !== undefined) return { kind: "status", status };
  return cutAfterBytes === undefined ? undefined : { kind: "cut-after", bytes: cutAfterBytes };
}

function problemOf(body: Record<string, unknown> | undefined): string | undefined {
  if (typeof body?.input !== "string" || body.input === "") return "input must be a string";
  if (body.input.length > 4096) return "input is longer than 4096 characters";
  if (!VOICES.includes(String(body.voice))) return `voice must be one of ${VOICES.join(", ")}`;
  if (!AUDIO_FORMAT_NAMES.includes(formatOf(body))) return "unknown response_format";
  if (Number(body.speed ?? 1) < 0.25 || Number(body.speed ?? 1) > 4) return "speed must be from 0.25 to 4";
  if (body.stream_format === "sse" && /^tts-1/.test(String(body.model))) return "this model does not stream events";
  return undefined;
}

const formatOf = (body: Record<string, unknown>): AudioFormatName => (body.response_format ?? "mp3") as AudioFormatName;

type Manner = { readonly fault: Fault | undefined; readonly everyMs: number };

async function speak({ response, body = {}, deliver }: HttpCall, codecs: Codecs, manner: Manner): Promise<void> {
  const { input: text, voice, speed } = body as { input: string; voice: string; speed?: number };
  const asked = formatOf(body);
  const name = manner.fault?.kind !== "wrong-format" ? asked : asked === "mp3" ? "flac" : "mp3";
  const sse = body.stream_format === "sse";
  response.writeHead(200, { "content-type": sse ? "text/event-stream" : TYPES[asked], "transfer-encoding": "chunked" });
  await deliver({
    ...manner,
    make: (what) =>
      spokenTones({ text, voice, speed: speed ?? 1, format: format(name), silent: what === "silence" }, codecs),
    ...(sse && {
      wrap(audio: Uint8Array, at: number, total: number) {
        const delta = { type: "speech.audio.delta", audio: Buffer.from(audio).toString("base64") };
        return event(delta) + (at + audio.byteLength === total ? event(done(text, total)) : "");
      },
    }),
  });
}

const event = (value: unknown): string => `data: ${JSON.stringify(value)}\n\n`;

function done(text: string, bytes: number): unknown {
  const [input, output] = [Math.ceil(text.length / 4), Math.ceil(bytes / 2400)];
  return {
    type: "speech.audio.done",
    usage: { input_tokens: input, output_tokens: output, total_tokens: input + output },
  };
}

function format(name: AudioFormatName): AudioFormat {
  const bitrateBps = BITRATES[name];
  return { name, sampleRateHz: SAMPLE_RATE_HZ, ...(bitrateBps !== undefined && { bitrateBps }) };
}

function refuse(response: ServerResponse, { status, retryAfterS }: Extract<Fault, { kind: "status" }>): void {
  if (retryAfterS !== undefined) response.setHeader("retry-after", retryAfterS);
  sendJson(response, status, errorBody(status, "as asked for"));
}

/** OpenAI's error object with the type and code that go with the status. */
function errorBody(status: number, message: string): unknown {
  const [type, code] =
    status === 401
      ? ["invalid_request_error", "invalid_api_key"]
      : status === 429
        ? ["requests", "rate_limit_exceeded"]
        : status >= 500
          ? ["server_error", null]
          : ["invalid_request_error", null];
  return { error: { message, type, param: null, code } };
}

const modelList = (): unknown => ({
  object: "list",
  data: MODELS.map((id) => ({ id, object: "model", created: 1_700_000_000, owned_by: "openai" })),
});
