import type { AudioFormat } from "../core/audio-format.ts";
import { SpeechError } from "../core/errors.ts";
import type { CallOptions, EngineCapabilities, SpeechEngine, SynthesisChunk, SynthesisRequest } from "../core/ports.ts";
import { ONLY_NORMAL } from "../core/speech-settings.ts";
import type { Voice } from "../core/voice.ts";
import { expectFormat } from "./expect-format.ts";
import { answerBytes, answerJson, askServer, jsonAsk } from "./remote/ask-server.ts";
import { refusal } from "./remote/refusal.ts";

export type PiperOptions = {
  readonly name: string;
  /** Of `python3 -m piper.http_server`. */
  readonly baseUrl: string;
  /** Of the voices' models. Default 22,050, which all but the `low` and `x_low` ones have. */
  readonly sampleRateHz?: number;
  readonly maxChars?: number;
  /** Raise it when a voice's model changes. */
  readonly version?: string;
  readonly fetch?: typeof globalThis.fetch;
};

const ADAPTER_REVISION = 1;
const MAX_VOICE_LIST_BYTES = 8 * 1024 * 1024;

/** Piper's own HTTP server: a text to `POST /`, a WAV file back; `GET /voices` tells which models it has. */
export function piperEngine({ version = "0", sampleRateHz = 22_050, ...options }: PiperOptions): SpeechEngine {
  const { name } = options;
  const ask = askServer(options);
  const format: AudioFormat = { name: "wav", sampleRateHz };
  const capabilities: EngineCapabilities = {
    maxChars: options.maxChars ?? 2_000,
    speed: { min: 0.25, max: 4 },
    pitch: ONLY_NORMAL,
    words: false,
    nearlyFree: true,
  };

  async function* wav(
    { text, voice, speed }: SynthesisRequest,
    { signal }: CallOptions,
  ): AsyncGenerator<SynthesisChunk> {
    const response = await ask("/", jsonAsk({ text, voice, length_scale: 1 / speed }), signal);
    if (!response.ok) throw await refusal(response, name);
    for await (const audio of answerBytes(response, name, signal)) yield { audio };
  }

  return {
    name,
    version: `piper@${ADAPTER_REVISION}+${version}`,
    capabilities,
    async voices({ signal }) {
      const response = await ask("/voices", {}, signal);
      if (!response.ok) throw await refusal(response, name);
      const listed = await answerJson(response, MAX_VOICE_LIST_BYTES);
      signal.throwIfAborted();
      if (typeof listed === "object" && listed !== null) return Object.keys(listed).map((id) => voiceOf(id, name));
      throw new SpeechError("engine_failed", `${name} does not list its voices`, { engine: name });
    },
    outputFormat: () => format,
    synthesize: (request, call) => expectFormat(wav(request, call), format, name),
    async close() {},
  };
}

/** Models are called `en_US-lessac-medium`: language, name, quality. */
function voiceOf(id: string, engine: string): Voice {
  const [locale = "", speaker = id] = id.split("-");
  const language = /^[a-z]{2,3}(_[A-Za-z]{2,4})?$/.test(locale) ? locale.replace("_", "-") : "und";
  return { id, name: speaker, language, engine };
}
