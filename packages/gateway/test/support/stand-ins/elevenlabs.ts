import type { IncomingMessage, ServerResponse } from "node:http";
import { Codecs } from "../../../src/audio/codecs.ts";
import type { AudioFormat } from "../../../src/core/audio-format.ts";
import type { Fault, StandIn } from "./fault.ts";
import { type HttpCall, httpStandIn, sendJson } from "./http-stand-in.ts";
import { MS_PER_CHAR, spokenTones } from "./spoken-tones.ts";

export type ElevenLabsRequest = {
  readonly voice: string;
  readonly body: Record<string, unknown>;
  readonly outputFormat: string;
  readonly apiKey: string | undefined;
};

export type ElevenLabsStandIn = StandIn & {
  readonly requests: readonly ElevenLabsRequest[];
  /** Of a page of `GET /v2/voices`, whatever the caller asks for. */
  pageSize: number;
  /** Whether there is `GET /v2/voices`, or only the older route. */
  hasV2: boolean;
  /** The `detail` of errors, where it is to be another than the status suggests. */
  detail: unknown;
  /** Times in each line that begin anew, as on the socket, instead of running on. */
  relativeTimes: boolean;
};

const VOICES = [
  {
    voice_id: "21m00Tcm4TlvDq8ikWAM",
    name: "Rachel",
    labels: { gender: "female", language: "en", accent: "american" },
  },
  { voice_id: "JBFqnCBsd6RMkjVDRZzb", name: "George", labels: { gender: "male", accent: "british" } },
  { voice_id: "pNInz6obpgDQGcFmaJgB", name: "Adam", labels: { gender: "male", language: "en" } },
  {
    voice_id: "XrExE9yKIg1WjnnlVkGX",
    name: "Matilda",
    labels: { gender: "female" },
    verified_languages: [{ language: "de", locale: "de-DE", model_id: "eleven_multilingual_v2" }],
  },
  { voice_id: "ThT5KcBeYPX3keUQqHPh", name: "Dorothy", labels: { gender: "nobody knows" } },
];
const PATH = /^\/v1\/text-to-speech\/([^/?]+)(\/stream)?(\/with-timestamps)?\?/;

/** A server on a free local port that speaks ElevenLabs' text-to-speech over HTTP, plain and with timestamps, and lists voices. */
export async function elevenLabsStandIn(): Promise<ElevenLabsStandIn> {
  const requests: ElevenLabsRequest[] = [];
  const codecs = new Codecs();
  const http = await httpStandIn({
    isSpeech: ({ url = "", method }) => method === "POST" && PATH.test(withQuery(url)),
    other: (request, response) => listVoices(request, response, standIn),
    async speak(call) {
      const { request, response, fault, body = {} } = call;
      const [, voice = "", stream, timestamps] = PATH.exec(withQuery(request.url ?? ""))!;
      const outputFormat = queryOf(request).get("output_format") ?? "mp3_44100_128";
      const apiKey = request.headers["xi-api-key"] as string | undefined;
      requests.push({ voice, body, outputFormat, apiKey });
      if (fault?.kind === "hang") return;
      if (fault?.kind === "status") return refuse(response, fault, standIn.detail);
      const problem = problemOf(voice, body, outputFormat);
      if (problem) return sendJson(response, problem.status, { detail: problem.detail });
      const manner = { streamed: stream !== undefined, relative: standIn.relativeTimes };
      if (timestamps === undefined) await speakPlainly(call, codecs, { voice, outputFormat });
      else await speakTimed(call, codecs, { voice, outputFormat, ...manner });
    },
  });
  const fields = { requests, pageSize: 2, hasV2: true, detail: undefined as unknown, relativeTimes: false };
  const standIn: ElevenLabsStandIn = Object.assign(http, fields);
  return standIn;
}

const withQuery = (url: string): string => (url.includes("?") ? url : `${url}?`);
const queryOf = ({ url = "" }: IncomingMessage): URLSearchParams => new URL(url, "http://stand-in").searchParams;

function listVoices(request: IncomingMessage, response: ServerResponse, standIn: ElevenLabsStandIn): void {
  const { pathname } = new URL(request.url ?? "", "http://stand-in");
  if (request.headers["xi-api-key"] === undefined) refuse(response, { kind: "status", status: 401 }, undefined);
  else if (pathname === "/v1/voices") sendJson(response, 200, { voices: VOICES });
  else if (pathname !== "/v2/voices" || !standIn.hasV2) sendJson(response, 404, { detail: "Not Found" });
  else sendJson(response, 200, pageOf(Number(queryOf(request).get("next_page_token") ?? 0), standIn.pageSize));
}

function pageOf(from: number, size: number): unknown {
  const has_more = from + size < VOICES.length;
  const page = { voices: VOICES.slice(from, from + size), has_more, total_count: VOICES.length };
  return { ...page, ...(has_more && { next_page_token: String(from + size) }) };
}

type Problem = { readonly status: number; readonly detail: unknown };

function problemOf(voice: string, body: Record<string, unknown>, outputFormat: string): Problem | undefined {
  if (typeof body.text !== "string")
    return { status: 422, detail: [{ loc: ["body", "text"], msg: "Field required", type: "missing" }] };
  if (!VOICES.some(({ voice_id }) => voice_id === voice))
    return {
      status: 404,
      detail: { status: "voice_not_found", message: `A voice with voice_id ${voice} was not found.` },
    };
  if (formatOf(outputFormat) === undefined)
    return { status: 400, detail: { status: "invalid_output_format", message: "as it says" } };
  const speed = speedOf(body);
  if (speed < 0.7 || speed > 1.2)
    return { status: 400, detail: { status: "invalid_voice_settings", message: "speed must be from 0.7 to 1.2" } };
  return undefined;
}

const speedOf = ({ voice_settings: settings }: Record<string, unknown>): number =>
  Number((settings as { speed?: number } | undefined)?.speed ?? 1);

function formatOf(outputFormat: string): AudioFormat | undefined {
  const [, name, rate, kbps] = /^(pcm|mp3|opus)_(\d+)(?:_(\d+))?$/.exec(outputFormat) ?? [];
  if (name === undefined) return undefined;
  const bitrateBps = kbps === undefined ? undefined : Number(kbps) * 1000;
  return { name: name as "pcm" | "mp3" | "opus", sampleRateHz: Number(rate), ...(bitrateBps && { bitrateBps }) };
}

type Manner = { readonly voice: string; readonly outputFormat: string };

function tones({ body = {}, fault }: HttpCall, codecs: Codecs, { voice, outputFormat }: Manner) {
  const asked = formatOf(outputFormat)!;
  const other: AudioFormat =
    asked.name === "mp3"
      ? { name: "flac", sampleRateHz: 24_000 }
      : { name: "mp3", sampleRateHz: 24_000, bitrateBps: 48_000 };
  const format = fault?.kind === "wrong-format" ? other : asked;
  const text = body.text as string;
  return (what: string) =>
    spokenTones({ text, voice, speed: speedOf(body), format, silent: what === "silence" }, codecs);
}

async function speakPlainly(call: HttpCall, codecs: Codecs, manner: Manner): Promise<void> {
  const type = manner.outputFormat.startsWith("mp3") ? "audio/mpeg" : "application/octet-stream";
  call.response.writeHead(200, { "content-type": type, "transfer-encoding": "chunked" });
  await call.deliver({ make: tones(call, codecs, manner) });
}

type TimedManner = Manner & { readonly streamed: boolean; readonly relative: boolean };

async function speakTimed(call: HttpCall, codecs: Codecs, manner: TimedManner): Promise<void> {
  const body = call.body ?? {};
  const line = timedLine(body.text as string, speedOf(body), manner.relative);
  const make = tones(call, codecs, manner);
  if (!manner.streamed) {
    const whole = await make("speech");
    return sendJson(call.response, 200, line(whole, 0, whole.byteLength));
  }
  call.response.writeHead(200, { "content-type": "application/json", "transfer-encoding": "chunked" });
  await call.deliver({ make, wrap: (audio, at, total) => `${JSON.stringify(line(audio, at, total))}\n\n` });
}

/** A piece of audio and the characters that begin within it. */
function timedLine(text: string, speed: number, relative: boolean) {
  const characters = [...text];
  const secondsEach = MS_PER_CHAR / 1000 / speed;
  // A character outside the BMP takes as long as its two units.
  const units = characters.map((character) => character.length);
  const starts = units.map((_, at) => units.slice(0, at).reduce((sum, unit) => sum + unit, 0) * secondsEach);
  return (audio: Uint8Array, at: number, total: number): unknown => {
    const duration = text.length * secondsEach;
    const [from, to] = [(at / total) * duration, ((at + audio.byteLength) / total) * duration];
    const within = characters.flatMap((_, index) => (starts[index]! >= from && starts[index]! < to ? [index] : []));
    const zero = relative && within.length > 0 ? starts[within[0]!]! : 0;
    const alignment = {
      characters: within.map((index) => characters[index]!),
      character_start_times_seconds: within.map((index) => starts[index]! - zero),
      character_end_times_seconds: within.map((index) => starts[index]! + units[index]! * secondsEach - zero),
    };
    const timed = within.length > 0 ? alignment : null;
    return { audio_base64: Buffer.from(audio).toString("base64"), alignment: timed, normalized_alignment: timed };
  };
}

const STATUSES: Readonly<Record<number, string>> = {
  401: "invalid_api_key",
  429: "too_many_concurrent_requests",
  500: "internal_server_error",
  503: "system_busy",
};

function refuse(
  response: ServerResponse,
  { status, retryAfterS }: Extract<Fault, { kind: "status" }>,
  detail: unknown,
): void {
  if (retryAfterS !== undefined) response.setHeader("retry-after", retryAfterS);
  if (status === 429) response.setHeader("maximum-concurrent-requests", 2);
  const usual = { status: STATUSES[status] ?? "error", message: "as asked for" };
  sendJson(response, status, { detail: detail ?? usual });
}
