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
import { deepgramVoices } from "./deepgram-voices.ts";

export type DeepgramOptions = {
  readonly name: string;
  readonly apiKey: string;
  /** Default: the provider's own. */
  readonly baseUrl?: string;
  /** Of the PCM. Default 24,000. */
  readonly sampleRateHz?: DeepgramRate;
  /** Speed is Deepgram's own. Default false: not all of its voices have one. */
  readonly nativeSpeed?: boolean;
  /** Texts are not used to train Deepgram's models; it costs more. Default false. */
  readonly optOut?: boolean;
  readonly maxChars?: number;
  readonly version?: string;
  readonly fetch?: typeof globalThis.fetch;
};

/** Of `linear16`. */
export const DEEPGRAM_RATES = [8000, 16_000, 24_000, 32_000, 48_000] as const;
export type DeepgramRate = (typeof DEEPGRAM_RATES)[number];

const ADAPTER_REVISION = 1;
const BASE_URL = "https://api.deepgram.com";
const MAX_CHARS = 2_000;
const SPEED = { min: 0.7, max: 1.5 };
const MAX_ERROR_BYTES = 64 * 1024;

/** Deepgram's Aura by plain fetch: PCM, streamed as it is made. A voice and its model are one thing there. */
export function deepgramEngine(options: DeepgramOptions): SpeechEngine {
  const { name, apiKey, baseUrl = BASE_URL, sampleRateHz = 24_000, nativeSpeed = false, optOut = false } = options;
  const ask = askServer({ ...options, baseUrl, headers: { authorization: `Token ${apiKey}` } });
  const format: AudioFormat = { name: "pcm", sampleRateHz };
  const capabilities: EngineCapabilities = {
    maxChars: options.maxChars ?? MAX_CHARS,
    speed: nativeSpeed ? SPEED : ONLY_NORMAL,
    pitch: ONLY_NORMAL,
    words: false,
    nearlyFree: false,
  };

  async function* pcm(request: SynthesisRequest, { signal }: CallOptions): AsyncGenerator<SynthesisChunk> {
    const query = new URLSearchParams({
      ...{ model: request.voice, encoding: "linear16", container: "none", sample_rate: String(sampleRateHz) },
      ...(request.speed !== 1 && { speed: String(request.speed) }),
      ...(optOut && { mip_opt_out: "true" }),
    });
    const response = await ask(`/v1/speak?${query}`, jsonAsk({ text: request.text }), signal);
    if (!response.ok) {
      const error = await deepgramRefusal(response, name);
      signal.throwIfAborted();
      throw error;
    }
    for await (const audio of answerBytes(response, name, signal)) yield { audio };
  }

  return {
    name,
    version: `deepgram@${ADAPTER_REVISION}+${sampleRateHz}+${options.version ?? "0"}`,
    capabilities,
    async voices({ signal }) {
      const response = await ask("/v1/models", {}, signal);
      if (!response.ok) throw await deepgramRefusal(response, name);
      const voices = await deepgramVoices(response, name);
      signal.throwIfAborted();
      return voices;
    },
    outputFormat: () => format,
    synthesize: (request, call) => expectFormat(pcm(request, call), format, name),
    async close() {},
  };
}

/** An answer that is no success, with Deepgram's own word for it. */
async function deepgramRefusal(response: Response, engine: string): Promise<SpeechError> {
  const body = (await answerJson(response, MAX_ERROR_BYTES)) as Record<string, unknown> | null | undefined;
  const reason = [body?.err_code, body?.category].find((value): value is string => typeof value === "string");
  return refusalBecause(response, engine, reason === undefined ? {} : { reason });
}
