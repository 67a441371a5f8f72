import type { AudioFormat } from "../../core/audio-format.ts";
import type { Clock } from "../../core/clock.ts";
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
import { textSsml } from "../phoneme-elements.ts";
import { answerBytes, askServer, jsonAsk } from "../remote/ask-server.ts";
import { Base64Field } from "../remote/base64-field.ts";
import { fileCredentials, type GoogleCredentials, metadataCredentials } from "./google-credentials.ts";
import { googleRefusal } from "./google-refusal.ts";
import { GoogleTokens } from "./google-tokens.ts";
import { googleVoices } from "./google-voices.ts";
import { markedSsml, wordsOf } from "./marked-text.ts";

/** `audioEncoding`s that the gateway can read. */
export const GOOGLE_FORMATS = {
  LINEAR16: { name: "wav", sampleRateHz: 24_000 },
  MP3: { name: "mp3", sampleRateHz: 24_000, bitrateBps: 32_000 },
  OGG_OPUS: { name: "opus", sampleRateHz: 24_000 },
} as const satisfies Record<string, AudioFormat>;

export type GoogleOptions = {
  readonly name: string;
  readonly clock: Clock;
  /** One of this and `credentials`. */
  readonly apiKey?: string;
  /** The path of a key in JSON; `metadata`: of the machine that we run on. */
  readonly credentials?: string;
  /** Default: the provider's own. */
  readonly baseUrl?: string;
  readonly metadataUrl?: string;
  /** Of the Gemini voices, for example `gemini-2.5-flash-tts`. */
  readonly model?: string;
  /** Word times, from marks between the words. Default false. */
  readonly words?: boolean;
  /** Default `LINEAR16`. */
  readonly outputFormat?: keyof typeof GOOGLE_FORMATS;
  readonly maxChars?: number;
  readonly version?: string;
  readonly fetch?: typeof globalThis.fetch;
};

const ADAPTER_REVISION = 1;
const BASE_URL = "https://texttospeech.googleapis.com";
const METADATA_URL = "http://metadata.google.internal";
/** The limit is 5,000 bytes, marks included, and a character may take three. */
const MAX_CHARS = 1_600;
const MAX_CHARS_WITH_WORDS = 600;
const MAX_REST_BYTES = 1024 * 1024;
const SPEED = { min: 0.25, max: 2 };
/** Voices that take no SSML, or no marks in it. */
const UNMARKED = /-(Chirp|Journey|Studio|Casual|Polyglot)|^[^-]+$/;
/** Of its `phoneme` element. */
const PHONEMES = { alphabets: ["ipa", "x-sampa"], exceptVoices: UNMARKED };

/**
 * Google Cloud Text-to-Speech by plain fetch. The service answers when all is spoken; what it answers is decoded as it
 * arrives. Throws an EngineConfigError for credentials that cannot be read.
 */
export function googleEngine(options: GoogleOptions): SpeechEngine {
  const { name, model, baseUrl = BASE_URL, outputFormat = "LINEAR16", words = false } = options;
  const ask = askServer({ ...options, baseUrl });
  const format: AudioFormat = GOOGLE_FORMATS[outputFormat];
  const authorize = authorizer(options);
  const capabilities: EngineCapabilities = {
    maxChars: options.maxChars ?? (words ? MAX_CHARS_WITH_WORDS : MAX_CHARS),
    speed: model === undefined ? SPEED : ONLY_NORMAL,
    pitch: ONLY_NORMAL, // its newer voices refuse one
    instructions: model !== undefined,
    language: model === undefined ? "voice" : "told",
    ...(model === undefined && { phonemes: PHONEMES }),
    words,
    nearlyFree: false,
  };

  async function* synthesize(request: SynthesisRequest, { signal }: CallOptions): AsyncGenerator<SynthesisChunk> {
    const marked = words && !UNMARKED.test(request.voice) ? markedSsml(request) : undefined;
    const auth = await authorize(signal);
    const path = marked ? "/v1beta1/text:synthesize" : "/v1/text:synthesize";
    const { headers, ...init } = jsonAsk(bodyOf(request, outputFormat, model, marked?.ssml));
    const response = await ask(path, { ...init, headers: { ...headers, ...auth.headers } }, signal);
    if (!response.ok) {
      if (response.status === 401) auth.refused();
      const error = await googleRefusal(response, name);
      signal.throwIfAborted();
      throw error;
    }
    const field = new Base64Field({ field: "audioContent", maxRestBytes: MAX_REST_BYTES });
    let bytes = 0;
    const decoded = async function* (): AsyncGenerator<SynthesisChunk> {
      for await (const audio of audioOf(answerBytes(response, name, signal), field, name, signal)) {
        bytes += audio.byteLength;
        yield { audio };
      }
    };
    yield* expectFormat(decoded(), format, name);
    if (bytes === 0) throw new SpeechError("engine_no_audio", `${name} answered without audio`, { engine: name });
    if (marked) yield { words: wordsOf(marked, finished(field, name)) };
  }

  return {
    name,
    version: `google@${ADAPTER_REVISION}+${outputFormat}+${model ?? ""}+${words}+${options.version ?? "0"}`,
    capabilities,
    async voices({ signal }) {
      const auth = await authorize(signal);
      return googleVoices((path) => ask(path, { headers: auth.headers }, signal), { engine: name, signal, model });
    },
    outputFormat: () => format,
    synthesize,
    async close() {},
  };
}

type Authorization = { readonly headers: Readonly<Record<string, string>>; readonly refused: () => void };

function authorizer(options: GoogleOptions): (signal: AbortSignal) => Promise<Authorization> {
  const { name: engine, clock, apiKey, credentials, metadataUrl = METADATA_URL, fetch = globalThis.fetch } = options;
  if (apiKey !== undefined) return async () => ({ headers: { "x-goog-api-key": apiKey }, refused() {} });
  const source: GoogleCredentials =
    credentials === undefined || credentials === "metadata"
      ? metadataCredentials(metadataUrl)
      : fileCredentials(credentials, engine);
  const tokens = new GoogleTokens({ engine, clock, credentials: source, fetch });
  return async (signal) => {
    const token = await tokens.get(signal);
    return { headers: { ...source.headers, authorization: `Bearer ${token}` }, refused: () => tokens.forget(token) };
  };
}

function bodyOf(
  request: SynthesisRequest,
  audioEncoding: string,
  model: string | undefined,
  marked: string | undefined,
): unknown {
  const { text, voice, language, speed, instructions, phonemes } = request;
  const ssml = marked ?? (phonemes && `<speak>${textSsml(request)}</speak>`);
  const [, locale] = /^([a-z]{2,3}-[A-Za-z0-9]{2,8})-/.exec(voice) ?? [];
  return {
    input: ssml === undefined ? { text, ...(instructions !== undefined && { prompt: instructions }) } : { ssml },
    voice: {
      // Gemini's voices are told; the others have the one in their name, and are refused with any other, also with less of it.
      languageCode: (model === undefined ? locale : language) ?? language ?? "en-US",
      name: voice,
      ...(model !== undefined && { modelName: model }),
    },
    audioConfig: { audioEncoding, sampleRateHertz: 24_000, ...(speed !== 1 && { speakingRate: speed }) },
    ...(marked !== undefined && { enableTimePointing: ["SSML_MARK"] }),
  };
}

async function* audioOf(
  bytes: AsyncIterable<Uint8Array>,
  field: Base64Field,
  engine: string,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  try {
    for await (const piece of bytes) {
      const audio = field.push(piece);
      if (audio.byteLength > 0) yield audio;
    }
    field.finish();
  } catch (thrown) {
    signal.throwIfAborted();
    if (thrown instanceof SpeechError) throw thrown;
    throw new SpeechError("engine_failed", `${engine} sent an answer that is not understood`, {
      cause: thrown,
      engine,
    });
  }
}

function finished(field: Base64Field, engine: string): unknown {
  try {
    return field.finish();
  } catch (cause) {
    throw new SpeechError("engine_failed", `${engine} sent an answer that is not understood`, { cause, engine });
  }
}
