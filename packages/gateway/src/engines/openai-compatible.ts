import { AUDIO_FORMAT_NAMES, type AudioFormatName, DELIVERY_SAMPLE_RATE_HZ } from "../core/audio-format.ts";
import { SpeechError } from "../core/errors.ts";
import type { CallOptions, SpeechEngine, SynthesisChunk, SynthesisRequest } from "../core/ports.ts";
import type { Gender, Voice } from "../core/voice.ts";

export type OpenAiCompatibleOptions = {
  readonly name: string;
  /** With its `/v1`. */
  readonly baseUrl: string;
  readonly apiKey?: string;
  /** Sent when the caller names none. Default `tts-1`. */
  readonly model?: string;
  /** What `GET {baseUrl}/audio/voices` would say; used when the server has no such route. */
  readonly voices?: readonly string[];
  /** Formats the server can stream. Default: all six of OpenAI's. */
  readonly formats?: readonly AudioFormatName[];
  /** Always asked for this one, whatever the caller wants. */
  readonly nativeFormat?: AudioFormatName;
  /** Of `nativeFormat`, or of the fallback format. Default 24,000. */
  readonly sampleRateHz?: number;
  readonly maxChars?: number;
  /** The server's own computer, not a bill: worth finishing for the cache. Default false. */
  readonly nearlyFree?: boolean;
  /** Raise it when the model behind the URL changes. */
  readonly version?: string;
  readonly fetch?: typeof globalThis.fetch;
};

type Ask = { readonly method?: string; readonly headers?: Readonly<Record<string, string>>; readonly body?: string };

/** Any server answering OpenAI's POST /v1/audio/speech. Translates only: retry, breaker and deadlines are wrapped around it. */
export function openAiCompatibleEngine(options: OpenAiCompatibleOptions): SpeechEngine {
  const {
    name,
    fetch = globalThis.fetch,
    formats = AUDIO_FORMAT_NAMES,
    sampleRateHz = DELIVERY_SAMPLE_RATE_HZ,
  } = options;
  const baseUrl = options.baseUrl.replace(/\/+$/, "");
  const headers = { ...(options.apiKey && { authorization: `Bearer ${options.apiKey}` }) };

  const ask = async (path: string, init: Ask, signal: AbortSignal): Promise<Response> => {
    signal.throwIfAborted();
    try {
      return await fetch(`${baseUrl}${path}`, { ...init, headers: { ...headers, ...init.headers }, signal });
    } catch (cause) {
      signal.throwIfAborted(); // our caller left: not the engine's fault, must not count against its breaker
      throw new SpeechError("engine_failed", `${name} is unreachable`, { cause, engine: name });
    }
  };
  const outputFormat = ({ wanted }: SynthesisRequest) => {
    if (options.nativeFormat) return { name: options.nativeFormat, sampleRateHz };
    if (wanted.sampleRateHz === DELIVERY_SAMPLE_RATE_HZ && formats.includes(wanted.name)) return wanted;
    return { name: formats.includes("wav") ? ("wav" as const) : (formats[0] ?? "mp3"), sampleRateHz };
  };

  async function* synthesize(request: SynthesisRequest, { signal }: CallOptions): AsyncGenerator<SynthesisChunk> {
    const { text: input, voice, speed, instructions } = request;
    const { name: response_format } = outputFormat(request);
    const model = request.model ?? options.model ?? "tts-1";
    const body = JSON.stringify({ model, input, voice, response_format, speed, ...(instructions && { instructions }) });
    const init = { method: "POST", headers: { "content-type": "application/json" }, body };
    const response = await ask("/audio/speech", init, signal);
    if (!response.ok || response.body === null) throw await refusal(response, name);
    const type = response.headers.get("content-type") ?? "";
    if (/^(text|application\/json)/i.test(type)) {
      await response.body.cancel();
      throw new SpeechError("engine_failed", `${name} answered ${type.split(";")[0]} instead of audio`, {
        engine: name,
      });
    }
    let bytes = 0;
    try {
      for await (const audio of response.body) {
        bytes += audio.byteLength;
        if (audio.byteLength > 0) yield { audio };
      }
    } catch (cause) {
      signal.throwIfAborted();
      throw SpeechError.from(cause, "engine_failed", `${name} broke off`);
    }
    if (bytes === 0) throw new SpeechError("engine_no_audio", `${name} answered without audio`, { engine: name });
  }

  return {
    name,
    version: `openai-compatible@1+${options.version ?? "0"}`,
    capabilities: {
      maxChars: options.maxChars ?? 4096,
      speed: { min: 0.25, max: 4 },
      pitch: { min: 1, max: 1 },
      words: false,
      nearlyFree: options.nearlyFree ?? false,
    },
    async voices({ signal }) {
      const response = await ask("/audio/voices", {}, signal);
      if (!response.ok) await response.body?.cancel();
      const listed = response.ok ? await response.json().catch(() => undefined) : undefined;
      signal.throwIfAborted();
      const voices = voicesFrom(listed, name) ?? options.voices?.map((id) => voiceFrom(id, name)!);
      if (voices) return voices;
      throw new SpeechError("engine_failed", `${name} does not list its voices; configure them`, { engine: name });
    },
    outputFormat,
    synthesize,
    async close() {},
  };
}

/** 408 and 429 are about now, the other 4xx about this request: asking again would get the same answer. */
async function refusal(response: Response, engine: string): Promise<SpeechError> {
  const { status, headers } = response;
  await response.body?.cancel(); // an unread body keeps its pooled socket busy
  const ours = status >= 400 && status < 500 && status !== 408 && status !== 429;
  const retryAfter = headers.get("retry-after");
  const seconds = retryAfter !== null && /^\d+$/.test(retryAfter) ? Number(retryAfter) : status === 429 ? 1 : undefined;
  const details = { engine, ...(seconds !== undefined && { retryAfterMs: seconds * 1000 }) };
  const code = status === 401 || status === 403 ? "engine_unauthorized" : ours ? "engine_rejected" : "engine_failed";
  return new SpeechError(code, `${engine} answered ${status}`, details);
}

/** `["a"]`, `{"voices": ["a"]}`, `{"voices": [{"id"|"voice_id"|"name", …}]}` and `{"data": […]}` are all found in the wild. */
function voicesFrom(listed: unknown, engine: string): Voice[] | undefined {
  const box = listed as { voices?: unknown; data?: unknown } | null | undefined;
  const list = Array.isArray(listed) ? listed : (box?.voices ?? box?.data);
  if (!Array.isArray(list)) return undefined;
  const voices = list.map((entry) => voiceFrom(entry, engine)).filter((voice) => voice !== undefined);
  return voices.length > 0 ? voices : undefined;
}

function voiceFrom(entry: unknown, engine: string): Voice | undefined {
  const fields = (typeof entry === "string" ? { id: entry } : (entry ?? {})) as Record<string, unknown>;
  const text = (...keys: string[]): string | undefined =>
    keys.map((key) => fields[key]).find((value): value is string => typeof value === "string" && value !== "");
  const id = text("id", "voice_id", "voice", "name");
  if (id === undefined) return undefined;
  const gender = text("gender")?.toLowerCase();
  const known = gender === "female" || gender === "male" || gender === "neutral" ? (gender as Gender) : undefined;
  return {
    id,
    name: text("name") ?? id,
    language: text("language", "lang", "locale") ?? "und",
    engine,
    ...(known && { gender: known }),
  };
}
