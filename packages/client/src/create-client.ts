import type { AudioFormatName, ModelInfo, ModelList, SpeechRequest, VoiceInfo, VoiceList } from "@mynah/protocol";
import { type CacheOutcome, parseCacheStatus } from "./cache-outcome.ts";
import { MynahError } from "./mynah-error.ts";
import { parseServerTiming, type ServerTiming } from "./server-timing.ts";

export type ClientOptions = {
  /** Where the gateway is, with or without a trailing slash; a path in front of `/v1` is kept. */
  baseUrl: string | URL;
  apiKey?: string;
  fetch?: typeof globalThis.fetch;
};

export type CallOptions = { signal?: AbortSignal };

export type SpeakOptions = CallOptions & {
  text: string;
  voice: string;
  /** Default: the gateway's own, mp3. */
  format?: AudioFormatName;
  /** 0.25 to 4; 1 is the voice's own speed. */
  speed?: number;
  /** 0.5 to 2; 1 is the voice's own pitch. */
  pitch?: number;
  /** 0.1 to 4; 1 is the voice's own loudness. */
  volume?: number;
  /** One of the voice's `styles`. */
  style?: string;
  /** For engines that draw lots. */
  seed?: number;
  /** Whether Markdown, emoji, code blocks and bare links are taken out first; default: as the gateway is configured. */
  clean?: boolean;
  /** Default `tts-1`, which every OpenAI-compatible server knows. */
  model?: string;
  instructions?: string;
  /** BCP-47; default: the voice's own. */
  language?: string;
  /** The end user on whose behalf this is said; limits count per user. */
  user?: string;
  /** A name under which administrators can purge it. */
  tag?: string;
};

/** An answer whose audio is still arriving. */
export type Speech = {
  /**
   * The bytes in the order they arrive; boundaries mean nothing. Can be read once. Leaving the loop early ends the
   * download. Throws MynahError `audio_cut_off` when the connection breaks before the audio is complete.
   */
  readonly audio: AsyncIterable<Uint8Array>;
  readonly contentType: string;
  /** Known only when the gateway has all of the audio already. */
  readonly totalBytes: number | undefined;
  /** Of the whole audio; known only when the gateway has all of it already. */
  readonly durationMs: number | undefined;
  readonly cache: CacheOutcome;
  readonly engine: string | undefined;
  /** The voice that spoke: after a fallback it is not the one asked for. */
  readonly voice: string | undefined;
  readonly requestId: string | undefined;
  readonly serverTiming: readonly ServerTiming[];
};

export type Client = {
  /** Resolves when the audio begins. Rejects with MynahError, or with the signal's reason once it is aborted. */
  speak(options: SpeakOptions): Promise<Speech>;
  /** Everything this gateway can speak with, over all engines. */
  voices(options?: CallOptions): Promise<VoiceInfo[]>;
  models(options?: CallOptions): Promise<ModelInfo[]>;
};

/** A client of one gateway. Keeps no connection and no state of its own. Nothing is retried: `retryAfterMs` says when to. */
export function createClient({ baseUrl, apiKey, fetch = globalThis.fetch }: ClientOptions): Client {
  const base = String(baseUrl).replace(/\/+$/, "");

  async function request(path: string, init: RequestInit): Promise<Response> {
    const headers = new Headers(init.headers);
    if (apiKey) headers.set("authorization", `Bearer ${apiKey}`);
    const response = await fetch(`${base}${path}`, { ...init, headers }).catch((cause: unknown) => {
      init.signal?.throwIfAborted();
      throw MynahError.of({ code: "unreachable", message: "The gateway cannot be reached" }, { cause });
    });
    if (!response.ok) throw await MynahError.fromResponse(response);
    return response;
  }

  async function getJson<T>(path: string, isValid: (body: unknown) => body is T, { signal }: CallOptions): Promise<T> {
    const response = await request(path, signal ? { signal } : {});
    const body: unknown = await response.json().catch(() => signal?.throwIfAborted());
    if (isValid(body)) return body;
    throw new MynahError(`${path} did not answer as a Mynah does`, { status: response.status, code: "bad_answer" });
  }

  return {
    async speak({ signal, ...options }) {
      const response = await request("/v1/audio/speech", {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify(speechRequest(options)),
        ...(signal && { signal }),
      });
      return toSpeech(response, signal);
    },
    voices: async (options = {}) => (await getJson("/v1/audio/voices", isVoiceList, options)).voices,
    models: async (options = {}) => (await getJson("/v1/models", isModelList, options)).data,
  };
}

/** The body of `POST /v1/audio/speech` that `speak` sends: what was not chosen is left out, so any OpenAI-compatible server takes it. */
export function speechRequest({ text, format, model = "tts-1", ...rest }: Omit<SpeakOptions, "signal">): SpeechRequest {
  return { model, input: text, ...rest, ...(format !== undefined && { response_format: format }) };
}

function toSpeech(response: Response, signal: AbortSignal | undefined): Speech {
  const { headers } = response;
  return {
    audio: readAudio(response, signal),
    contentType: headers.get("content-type") ?? "",
    totalBytes: numberOf(headers, "content-length"),
    durationMs: numberOf(headers, "mynah-duration-ms"),
    cache: parseCacheStatus(headers.get("cache-status")),
    engine: headers.get("mynah-engine") ?? undefined,
    voice: headers.get("mynah-voice") ?? undefined,
    requestId: headers.get("x-request-id") ?? undefined,
    serverTiming: parseServerTiming(headers.get("server-timing")),
  };
}

function numberOf(headers: Headers, name: string): number | undefined {
  const value = headers.get(name);
  return value === null ? undefined : Number(value);
}

// A reader and not `for await (… of response.body)`: Safari cannot iterate a ReadableStream.
async function* readAudio(response: Response, signal: AbortSignal | undefined): AsyncGenerator<Uint8Array> {
  const reader = response.body?.getReader();
  if (!reader) return;
  let complete = false;
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      yield value;
    }
    complete = true;
  } catch (cause) {
    signal?.throwIfAborted();
    const requestId = response.headers.get("x-request-id") ?? undefined;
    throw MynahError.of({ code: "audio_cut_off", message: "The audio broke off", requestId }, { cause });
  } finally {
    if (!complete) await reader.cancel().catch(() => undefined); // the connection is gone already, or is now
  }
}

function isVoiceList(body: unknown): body is VoiceList {
  return Array.isArray((body as Partial<VoiceList> | null | undefined)?.voices);
}

function isModelList(body: unknown): body is ModelList {
  return Array.isArray((body as Partial<ModelList> | null | undefined)?.data);
}
