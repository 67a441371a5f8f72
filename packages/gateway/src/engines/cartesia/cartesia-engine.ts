import type { AudioFormat } from "../../core/audio-format.ts";
import type { SpeechError } from "../../core/errors.ts";
import type {
  CallOptions,
  EngineCapabilities,
  SpeechEngine,
  SynthesisChunk,
  SynthesisRequest,
} from "../../core/ports.ts";
import { ONLY_NORMAL } from "../../core/speech-settings.ts";
import { expectFormat } from "../expect-format.ts";
import { answerBytes, answerJson, askServer, jsonAsk } from "../remote/ask-server.ts";
import { refusalBecause } from "../remote/refusal.ts";
import { readSpeechEvents } from "./cartesia-events.ts";
import { cartesiaVoices } from "./cartesia-voices.ts";

/** Of raw PCM. */
export const CARTESIA_RATES = [8000, 16_000, 22_050, 24_000, 44_100, 48_000] as const;

export type CartesiaOptions = {
  readonly name: string;
  readonly apiKey: string;
  /** Default: the provider's own. */
  readonly baseUrl?: string;
  /** Default `sonic-3.5`. */
  readonly model?: string;
  /** Word times, in events with audio in base64. False: bytes as they are, a quarter less traffic. Default true. */
  readonly words?: boolean;
  /** Default 24,000. */
  readonly sampleRateHz?: (typeof CARTESIA_RATES)[number];
  readonly maxChars?: number;
  readonly version?: string;
  readonly fetch?: typeof globalThis.fetch;
};

const ADAPTER_REVISION = 1;
const BASE_URL = "https://api.cartesia.ai";
/** Of the protocol that we speak. */
const API_VERSION = "2026-08-14";
const MODEL = "sonic-3.5";
const MAX_CHARS = 2_000;
const MAX_ERROR_BYTES = 64 * 1024;
/** Earlier ones pass over how they are told to speak. */
const MODELS_THAT_LISTEN = /^sonic-(3|latest)/;
const SPEED = { min: 0.6, max: 1.5 };
const VOLUME = { min: 0.5, max: 2 };

/** Cartesia's Sonic by plain fetch: PCM as it is made, with word times between. */
export function cartesiaEngine(options: CartesiaOptions): SpeechEngine {
  const { name, apiKey, baseUrl = BASE_URL, model = MODEL, words = true, sampleRateHz = 24_000 } = options;
  const headers = { authorization: `Bearer ${apiKey}`, "cartesia-version": API_VERSION };
  const ask = askServer({ ...options, baseUrl, headers });
  const format: AudioFormat = { name: "pcm", sampleRateHz };
  const listens = MODELS_THAT_LISTEN.test(model);
  const capabilities: EngineCapabilities = {
    maxChars: options.maxChars ?? MAX_CHARS,
    speed: listens ? SPEED : ONLY_NORMAL,
    volume: listens ? VOLUME : ONLY_NORMAL,
    pitch: ONLY_NORMAL,
    style: listens,
    language: "told",
    words,
    nearlyFree: false,
  };

  async function* synthesize(request: SynthesisRequest, { signal }: CallOptions): AsyncGenerator<SynthesisChunk> {
    const output_format = { container: "raw", encoding: "pcm_s16le", sample_rate: sampleRateHz };
    const body = { ...bodyOf(request, model), output_format, ...(words && { add_timestamps: true }) };
    const response = await ask(words ? "/tts/sse" : "/tts/bytes", jsonAsk(body), signal);
    if (!response.ok) {
      const error = await cartesiaRefusal(response, name);
      signal.throwIfAborted();
      throw error;
    }
    const bytes = answerBytes(response, name, signal);
    yield* expectFormat(words ? readSpeechEvents(bytes, name, signal) : asChunks(bytes), format, name);
  }

  return {
    name,
    version: `cartesia@${ADAPTER_REVISION}+${model}+${sampleRateHz}+${options.version ?? "0"}`,
    capabilities,
    voices: ({ signal }) =>
      cartesiaVoices((path) => ask(path, {}, signal), { engine: name, signal, refusal: cartesiaRefusal }),
    outputFormat: () => format,
    synthesize,
    async close() {},
  };
}

function bodyOf({ text, voice, language, speed, volume, style }: SynthesisRequest, model: string) {
  const config = { ...(speed !== 1 && { speed }), ...(volume !== 1 && { volume }), ...(style && { emotion: style }) };
  return {
    model_id: model,
    transcript: text,
    voice: { id: voice },
    ...(language !== undefined && { language: language.split("-")[0]!.toLowerCase() }),
    ...(Object.keys(config).length > 0 && { generation_config: config }),
  };
}

async function* asChunks(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<SynthesisChunk> {
  for await (const audio of bytes) yield { audio };
}

/** An answer that is no success, with Cartesia's own word for it. */
async function cartesiaRefusal(response: Response, engine: string): Promise<SpeechError> {
  const body = (await answerJson(response, MAX_ERROR_BYTES)) as { error_code?: unknown } | null | undefined;
  return refusalBecause(response, engine, typeof body?.error_code === "string" ? { reason: body.error_code } : {});
}
