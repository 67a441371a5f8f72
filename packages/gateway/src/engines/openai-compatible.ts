import { AUDIO_FORMAT_NAMES, type AudioFormatName, DELIVERY_SAMPLE_RATE_HZ, encodingOf } from "../core/audio-format.ts";
import { SpeechError } from "../core/errors.ts";
import type { CallOptions, SpeechEngine, SynthesisChunk, SynthesisRequest } from "../core/ports.ts";
import { ONLY_NORMAL } from "../core/speech-settings.ts";
import type { Gender, Voice } from "../core/voice.ts";
import { expectFormat } from "./expect-format.ts";
import { answerBytes, answerJson, askServer, jsonAsk } from "./remote/ask-server.ts";
import { refusal } from "./remote/refusal.ts";

export type OpenAiCompatibleOptions = {
  readonly name: string;
  /** With its `/v1`. */
  readonly baseUrl: string;
  readonly apiKey?: string;
  /** Sent when the caller names none, or `passModel` is not set. Default `tts-1`. */
  readonly model?: string;
  /** A caller's OpenAI model name goes to the server instead of `model`. Default false. */
  readonly passModel?: boolean;
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

const ADAPTER_REVISION = 2;
const DEFAULT_MODEL = "tts-1";
const MAX_CHARS = 4096;
const MAX_VOICE_LIST_BYTES = 8 * 1024 * 1024;

/** Any server answering OpenAI's POST /v1/audio/speech. Translates only: retry, breaker and deadlines are wrapped around it. */
export function openAiCompatibleEngine(options: OpenAiCompatibleOptions): SpeechEngine {
  const { name, formats = AUDIO_FORMAT_NAMES, sampleRateHz = DELIVERY_SAMPLE_RATE_HZ, model = DEFAULT_MODEL } = options;
  const headers = { ...(options.apiKey && { authorization: `Bearer ${options.apiKey}` }) };
  const ask = askServer({ ...options, headers });

  const outputFormat = ({ wanted }: SynthesisRequest) => {
    if (options.nativeFormat) return { name: options.nativeFormat, sampleRateHz };
    const usual = wanted.sampleRateHz === DELIVERY_SAMPLE_RATE_HZ && encodingOf(wanted) === "s16";
    if (usual && formats.includes(wanted.name)) return wanted;
    return { name: formats.includes("wav") ? ("wav" as const) : (formats[0] ?? "mp3"), sampleRateHz };
  };

  async function* synthesize(request: SynthesisRequest, { signal }: CallOptions): AsyncGenerator<SynthesisChunk> {
    const format = outputFormat(request);
    const response = await ask("/audio/speech", jsonAsk(bodyOf(request, format.name, model)), signal);
    if (!response.ok) throw await refusal(response, name);
    const type = response.headers.get("content-type") ?? "";
    if (/^(text|application\/json)/i.test(type)) {
      await response.body?.cancel();
      const message = `${name} answered ${type.split(";")[0]} instead of audio`;
      throw new SpeechError("engine_failed", message, { engine: name });
    }
    yield* expectFormat(asChunks(answerBytes(response, name, signal)), format, name);
  }

  return {
    name,
    version: `openai-compatible@${ADAPTER_REVISION}+${model}+${options.version ?? "0"}`,
    capabilities: {
      maxChars: options.maxChars ?? MAX_CHARS,
      speed: { min: 0.25, max: 4 },
      pitch: ONLY_NORMAL,
      instructions: true,
      language: "text",
      words: false,
      nearlyFree: options.nearlyFree ?? false,
      passesModel: options.passModel ?? false,
    },
    async voices({ signal }) {
      const response = await ask("/audio/voices", {}, signal);
      if (!response.ok) await response.body?.cancel();
      const listed = response.ok ? await answerJson(response, MAX_VOICE_LIST_BYTES) : undefined;
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

function bodyOf(request: SynthesisRequest, response_format: AudioFormatName, model: string): unknown {
  const { text: input, voice, speed, instructions } = request;
  return {
    model: request.model ?? model,
    input,
    voice,
    response_format,
    speed,
    ...(instructions && { instructions }),
  };
}

async function* asChunks(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<SynthesisChunk> {
  for await (const audio of bytes) yield { audio };
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
