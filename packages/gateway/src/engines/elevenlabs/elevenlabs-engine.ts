import type { AudioFormat } from "../../core/audio-format.ts";
import { SpeechError } from "../../core/errors.ts";
import type {
  CallOptions,
  EngineCapabilities,
  SpeechEngine,
  SynthesisChunk,
  SynthesisRequest,
} from "../../core/ports.ts";
import { ONLY_NORMAL } from "../../core/speech-settings.ts";
import { expectFormat } from "../expect-format.ts";
import { answerBytes, askServer, jsonAsk } from "../remote/ask-server.ts";
import { JsonLines } from "../remote/json-lines.ts";
import { AlignedWords, type Alignment } from "./aligned-words.ts";
import { elevenLabsRefusal, reasonOf } from "./elevenlabs-refusal.ts";
import { elevenLabsVoices } from "./elevenlabs-voices.ts";

/** `output_format` of the API, as far as the gateway can read it. PCM at 44.1 kHz and MP3 at 192 kbit/s are for larger plans. */
export const ELEVENLABS_FORMATS = {
  pcm_16000: { name: "pcm", sampleRateHz: 16_000 },
  pcm_22050: { name: "pcm", sampleRateHz: 22_050 },
  pcm_24000: { name: "pcm", sampleRateHz: 24_000 },
  pcm_44100: { name: "pcm", sampleRateHz: 44_100 },
  mp3_22050_32: { name: "mp3", sampleRateHz: 22_050, bitrateBps: 32_000 },
  mp3_44100_64: { name: "mp3", sampleRateHz: 44_100, bitrateBps: 64_000 },
  mp3_44100_96: { name: "mp3", sampleRateHz: 44_100, bitrateBps: 96_000 },
  mp3_44100_128: { name: "mp3", sampleRateHz: 44_100, bitrateBps: 128_000 },
  mp3_44100_192: { name: "mp3", sampleRateHz: 44_100, bitrateBps: 192_000 },
} as const satisfies Record<string, AudioFormat>;

export type ElevenLabsFormat = keyof typeof ELEVENLABS_FORMATS;

/** How the voice is played, for all that it says. Default: as the voice's own settings have it. */
export type ElevenLabsVoiceSettings = {
  /** 0 to 1. */
  readonly stability?: number;
  /** 0 to 1. */
  readonly similarityBoost?: number;
  /** 0 to 1. */
  readonly style?: number;
  readonly speakerBoost?: boolean;
};

export type ElevenLabsOptions = ElevenLabsVoiceSettings & {
  readonly name: string;
  readonly apiKey: string;
  /** Default: the provider's own. */
  readonly baseUrl?: string;
  /** Default `eleven_multilingual_v2`. */
  readonly model?: string;
  /** Default `pcm_24000`. */
  readonly outputFormat?: ElevenLabsFormat;
  /** Makes the same text sound alike as far as the model can. */
  readonly seed?: number;
  readonly maxChars?: number;
  /** Raise it when a voice has been made anew under its old id. */
  readonly version?: string;
  readonly fetch?: typeof globalThis.fetch;
};

const ADAPTER_REVISION = 1;
const BASE_URL = "https://api.elevenlabs.io";
const MODEL = "eleven_multilingual_v2";
const MAX_CHARS = 5_000;
/** Ten seconds of PCM at 44.1 kHz in base64, with their alignment. */
const MAX_LINE_BYTES = 2 * 1024 * 1024;
const SPEED = { min: 0.7, max: 1.2 };
/** They refuse a `language_code`. */
const MODELS_WITHOUT_LANGUAGE = /^eleven_(monolingual|multilingual_v[12]$)/;

/** ElevenLabs by plain fetch: streamed audio with the time of each character, which become word times. */
export function elevenLabsEngine(options: ElevenLabsOptions): SpeechEngine {
  const { name, apiKey, baseUrl = BASE_URL, model = MODEL, outputFormat = "pcm_24000" } = options;
  const ask = askServer({ ...options, baseUrl, headers: { "xi-api-key": apiKey } });
  const format: AudioFormat = ELEVENLABS_FORMATS[outputFormat];
  const capabilities: EngineCapabilities = {
    maxChars: options.maxChars ?? MAX_CHARS,
    speed: SPEED,
    pitch: ONLY_NORMAL,
    seed: true,
    language: hasLanguage(model) ? "told" : "text",
    words: true,
    nearlyFree: false,
  };

  async function* synthesize(request: SynthesisRequest, { signal }: CallOptions): AsyncGenerator<SynthesisChunk> {
    const voice = encodeURIComponent(request.voice);
    const path = `/v1/text-to-speech/${voice}/stream/with-timestamps?output_format=${outputFormat}`;
    const response = await ask(path, jsonAsk(bodyOf(request, model, options)), signal);
    if (!response.ok) {
      const error = await elevenLabsRefusal(response, name);
      signal.throwIfAborted();
      throw error;
    }
    yield* expectFormat(lines(answerBytes(response, name, signal), name, signal), format, name);
  }

  return {
    name,
    version: versionOf(model, options),
    capabilities,
    voices: ({ signal }) => elevenLabsVoices(ask, name, signal),
    outputFormat: () => format,
    synthesize,
    async close() {},
  };
}

/** Everything configured that is heard: other settings, other audio. */
function versionOf(model: string, options: ElevenLabsOptions): string {
  const { stability, similarityBoost, style, speakerBoost, seed, version = "0" } = options;
  const settings = [stability, similarityBoost, style, speakerBoost, seed].map((value) => value ?? "").join(",");
  return `elevenlabs@${ADAPTER_REVISION}+${model}+${settings}+${version}`;
}

function hasLanguage(model: string): boolean {
  return !MODELS_WITHOUT_LANGUAGE.test(model);
}

function bodyOf(request: SynthesisRequest, model: string, options: ElevenLabsOptions): unknown {
  const { text, speed, language, seed = options.seed } = request;
  const settings = {
    stability: options.stability,
    similarity_boost: options.similarityBoost,
    style: options.style,
    use_speaker_boost: options.speakerBoost,
    speed: speed === 1 ? undefined : speed,
  };
  return {
    text,
    model_id: model,
    ...(Object.values(settings).some((value) => value !== undefined) && { voice_settings: settings }),
    ...(language !== undefined && hasLanguage(model) && { language_code: language.split("-")[0]!.toLowerCase() }),
    ...(seed !== undefined && { seed }),
  };
}

type Line = { readonly audio_base64?: unknown; readonly alignment?: Alignment | null; readonly detail?: unknown };

/** One line after the other: a piece of audio in base64, when its characters are heard, or why there is no more. */
async function* lines(
  bytes: AsyncIterable<Uint8Array>,
  engine: string,
  signal: AbortSignal,
): AsyncGenerator<SynthesisChunk> {
  const parser = new JsonLines({ maxLineBytes: MAX_LINE_BYTES });
  const words = new AlignedWords();
  let heard = false;
  const read = function* (values: unknown[]): Generator<SynthesisChunk> {
    for (const value of values) {
      const chunk = chunkOf(value as Line | null, words, engine);
      heard ||= chunk.audio !== undefined;
      if (chunk.audio !== undefined || chunk.words !== undefined) yield chunk;
    }
  };
  try {
    for await (const piece of bytes) yield* read(parser.push(piece));
    yield* read(parser.finish());
  } catch (thrown) {
    signal.throwIfAborted();
    if (thrown instanceof SpeechError) throw thrown;
    const message = `${engine} sent lines that are not understood`;
    throw new SpeechError("engine_failed", message, { cause: thrown, engine });
  }
  if (!heard) throw new SpeechError("engine_no_audio", `${engine} answered without audio`, { engine });
  const last = words.finish();
  if (last.length > 0) yield { words: last };
}

function chunkOf(line: Line | null, words: AlignedWords, engine: string): SynthesisChunk {
  const { audio_base64: base64, alignment, detail } = line ?? {};
  if (typeof base64 !== "string") {
    const { reason, retryAfterMs } = reasonOf(detail);
    const because = reason !== undefined && /^\w{1,64}$/.test(reason) ? ` (${reason})` : "";
    const details = { engine, ...(retryAfterMs !== undefined && { retryAfterMs }) };
    throw new SpeechError("engine_failed", `${engine} broke off${because}`, details);
  }
  const audio = Buffer.from(base64, "base64");
  const spoken = alignment ? words.push(alignment) : [];
  return { ...(audio.byteLength > 0 && { audio }), ...(spoken.length > 0 && { words: spoken }) };
}
