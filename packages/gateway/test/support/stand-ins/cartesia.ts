import type { IncomingHttpHeaders, ServerResponse } from "node:http";
import { Codecs } from "../../../src/audio/codecs.ts";
import { otherThan } from "./azure.ts";
import type { StandIn } from "./fault.ts";
import { type HttpCall, httpStandIn, sendJson } from "./http-stand-in.ts";
import { MS_PER_CHAR, spokenTones } from "./spoken-tones.ts";

const VOICES = [
  voice("a0e99841-438c-4a64-b679-ae501e7d6091", "Barbershop Man", "en", "masculine", ["en-US", "de-DE"]),
  voice("6ccbfb76-1fc6-48f7-b71d-91ac6298247b", "Tessa", "en", "feminine", ["en-GB"]),
  voice("b9de4a89-2257-424b-94c2-db18ba68c81a", "Viktoria", "de", "gender_neutral", []),
];
const RATES = [8000, 16_000, 22_050, 24_000, 44_100, 48_000];
const PAGE = 2;

export type CartesiaStandIn = StandIn & {
  readonly requests: readonly {
    readonly path: string;
    readonly body: Record<string, unknown>;
    readonly headers: IncomingHttpHeaders;
  }[];
  /** The stream ends with an error event of this code after its first piece. */
  failsWith: string | undefined;
};

type Body = {
  readonly model_id?: string;
  readonly transcript?: string;
  readonly voice?: string | { readonly id?: string };
  readonly language?: string;
  readonly output_format?: { readonly container?: string; readonly encoding?: string; readonly sample_rate?: number };
  readonly generation_config?: { readonly speed?: number; readonly volume?: number; readonly emotion?: string };
  readonly add_timestamps?: boolean;
};

/** Cartesia's text-to-speech on a free local port: bytes, server-sent events with word times, voices. Any key but `wrong` is right. */
export async function cartesiaStandIn(): Promise<CartesiaStandIn> {
  const requests: { path: string; body: Record<string, unknown>; headers: IncomingHttpHeaders }[] = [];
  const codecs = new Codecs();
  const http = await httpStandIn({
    isSpeech: ({ url, method }) => method === "POST" && (url === "/tts/bytes" || url === "/tts/sse"),
    other({ url = "", headers }, response, fault) {
      const { pathname, searchParams } = new URL(url, "http://local");
      if (fault?.kind === "status") refuse(response, fault.status, "as_asked_for");
      else if (!authorized(headers)) refuse(response, 401, "unauthorized");
      else if (pathname !== "/voices") refuse(response, 404, "not_found");
      else {
        const after = searchParams.get("starting_after");
        const from = VOICES.findIndex(({ id }) => id === after) + 1;
        const data = VOICES.slice(from, from + Math.min(PAGE, Number(searchParams.get("limit") ?? 10)));
        sendJson(response, 200, { data, has_more: from + data.length < VOICES.length });
      }
    },
    async speak(call) {
      const { request, response, fault, deliver } = call;
      const body = (call.body ?? {}) as Body;
      requests.push({ path: request.url!, body: call.body ?? {}, headers: request.headers });
      if (fault?.kind === "hang") return;
      if (fault?.kind === "status") return refuse(response, fault.status, "as_asked_for", fault.retryAfterS);
      if (!authorized(request.headers)) return refuse(response, 401, "unauthorized");
      const problem = problemOf(body);
      if (problem !== undefined) return refuse(response, 400, problem);
      const [text, speed] = [body.transcript!, body.generation_config?.speed ?? 1];
      const asked = { name: "pcm", sampleRateHz: body.output_format!.sample_rate! } as const;
      const format = fault?.kind === "wrong-format" ? otherThan(asked) : asked;
      const speaker = typeof body.voice === "string" ? body.voice : body.voice!.id!;
      const make = (what: string) =>
        spokenTones({ text, voice: speaker, speed, format, silent: what === "silence" }, codecs);
      if (request.url === "/tts/bytes") {
        response.writeHead(200, { "content-type": "application/octet-stream", "transfer-encoding": "chunked" });
        return deliver({ make });
      }
      response.writeHead(200, { "content-type": "text/event-stream", "transfer-encoding": "chunked" });
      if (standIn.failsWith !== undefined) return fail(call, standIn.failsWith);
      const wrap = timed(text, speed, body.add_timestamps ?? false);
      return deliver({ make, wrap, ending: () => event("done", { done: true, status_code: 206, context_id: "c" }) });
    },
  });
  const standIn: CartesiaStandIn = Object.assign(http, { requests, failsWith: undefined as string | undefined });
  return standIn;
}

const event = (type: string, fields: Record<string, unknown>): string =>
  `event: ${type}\ndata: ${JSON.stringify({ type, ...fields })}\n\n`;

/** A piece of audio, and the words that begin within it, with the punctuation that is next to them. */
function timed(text: string, speed: number, withWords: boolean) {
  const msPerChar = MS_PER_CHAR / speed;
  const words = [...text.matchAll(/\S+/g)].map(({ 0: word, index }) => ({ word, index }));
  return (audio: Uint8Array, at: number, total: number): string => {
    const chunk = {
      data: Buffer.from(audio).toString("base64"),
      done: false,
      status_code: 206,
      step_time: 3,
      context_id: "c",
    };
    const until = ((at + audio.byteLength) / total) * text.length;
    const begun = withWords ? words.splice(0, words.findLastIndex(({ index }) => index < until) + 1) : [];
    const word_timestamps = {
      words: begun.map(({ word }) => word),
      start: begun.map(({ index }) => (index * msPerChar) / 1000),
      end: begun.map(({ word, index }) => ((index + word.length) * msPerChar) / 1000),
    };
    const times = event("timestamps", { done: false, status_code: 206, context_id: "c", word_timestamps });
    return (begun.length > 0 ? times : "") + event("chunk", chunk); // times may come before their sound
  };
}

function fail({ response }: HttpCall, error_code: string): void {
  const chunk = { data: Buffer.alloc(4800, 1).toString("base64"), done: false, status_code: 206 };
  response.write(event("chunk", chunk));
  response.end(event("error", { done: true, title: "no", message: "as asked for", error_code, status_code: 500 }));
}

function problemOf({
  model_id,
  transcript,
  voice: asked,
  output_format: output = {},
  generation_config: config = {},
}: Body): string | undefined {
  const id = typeof asked === "string" ? asked : asked?.id;
  if (model_id === undefined || !model_id.startsWith("sonic-")) return "model_not_found";
  if (typeof transcript !== "string" || transcript.trim() === "") return "transcript_empty";
  if (!VOICES.some((each) => each.id === id)) return "voice_not_found";
  if (output.container !== "raw" || output.encoding !== "pcm_s16le" || !RATES.includes(output.sample_rate ?? 0))
    return "output_format_invalid";
  const { speed = 1, volume = 1, emotion = "calm" } = config;
  if (speed < 0.6 || speed > 1.5 || volume < 0.5 || volume > 2 || !/^[a-z]+$/.test(emotion))
    return "generation_config_invalid";
  return undefined;
}

function authorized(headers: IncomingHttpHeaders): boolean {
  const { authorization = "", "cartesia-version": version = "" } = headers;
  return (
    authorization.startsWith("Bearer ") && authorization !== "Bearer wrong" && /^\d{4}-\d\d-\d\d$/.test(String(version))
  );
}

function refuse(response: ServerResponse, status: number, error_code: string, retryAfterS?: number): void {
  if (retryAfterS !== undefined) response.setHeader("retry-after", retryAfterS);
  sendJson(response, status, {
    title: "no",
    message: "as asked for",
    error_code,
    status_code: status,
    request_id: "r",
  });
}

function voice(id: string, name: string, language: string, gender: string, locales: string[]) {
  const known = locales.map((locale, at) => ({ locale, is_native: at === 0 }));
  const rest = {
    description: "",
    tagline: "",
    is_owner: false,
    access: "public",
    visibility: "all",
    created_at: "2025-01-01T00:00:00Z",
  };
  return { id, name, language, gender, locales: known, ...rest };
}
