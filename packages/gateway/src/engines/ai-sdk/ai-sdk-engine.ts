import type { AudioFormat, AudioFormatName } from "../../core/audio-format.ts";
import { SpeechError } from "../../core/errors.ts";
import type {
  CallOptions,
  EngineCapabilities,
  SpeechEngine,
  SynthesisChunk,
  SynthesisRequest,
} from "../../core/ports.ts";
import { type FactorRange, ONLY_NORMAL } from "../../core/speech-settings.ts";
import type { Voice } from "../../core/voice.ts";
import { expectFormat } from "../expect-format.ts";
import { refusalBecause } from "../remote/refusal.ts";
import { loadSpeechModel, type ModelPlace } from "./load-speech-model.ts";

export type AiSdkOptions = Omit<ModelPlace, "engine"> & {
  readonly name: string;
  /** The AI SDK lists none. */
  readonly voices: readonly AiSdkVoice[];
  /** Asked of the model as `outputFormat`. Default `mp3`. */
  readonly format?: AudioFormatName;
  /** Of what the model gives. */
  readonly sampleRateHz: number;
  /** What the model can be told; nobody else knows. Default: nothing. */
  readonly speed?: FactorRange;
  readonly instructions?: boolean;
  readonly language?: boolean;
  /** Handed on as they are. */
  readonly providerOptions?: Readonly<Record<string, unknown>>;
  readonly maxChars?: number;
  readonly version?: string;
};

export type AiSdkVoice = Pick<Voice, "id"> & Partial<Pick<Voice, "name" | "language" | "gender">>;

const ADAPTER_REVISION = 1;
const MAX_CHARS = 2_000;

/**
 * A speech model of the AI SDK, of any provider that has one, loaded when it is named. Such models answer whole: nothing is
 * heard before all is spoken. Rejects with an EngineConfigError for what is not there.
 */
export async function createAiSdkEngine(options: AiSdkOptions): Promise<SpeechEngine> {
  const { name, voices, format: formatName = "mp3", sampleRateHz, providerOptions } = options;
  const model = await loadSpeechModel({ ...options, engine: name });
  const format: AudioFormat = { name: formatName, sampleRateHz };
  const listed = voices.map((voice): Voice => ({ name: voice.id, language: "en", ...voice, engine: name }));
  const capabilities: EngineCapabilities = {
    maxChars: options.maxChars ?? MAX_CHARS,
    speed: options.speed ?? ONLY_NORMAL,
    pitch: ONLY_NORMAL,
    instructions: options.instructions ?? false,
    language: options.language ? "told" : "text",
    words: false,
    nearlyFree: false,
  };

  async function* whole(request: SynthesisRequest, { signal }: CallOptions): AsyncGenerator<SynthesisChunk> {
    signal.throwIfAborted();
    const { text, voice, speed, instructions, language } = request;
    if (!listed.some(({ id }) => id === voice))
      throw new SpeechError("voice_not_found", `${name} has no such voice`, { engine: name, param: "voice" });
    const told = {
      ...(speed !== 1 && { speed }),
      ...(instructions !== undefined && { instructions }),
      ...(options.language && language !== undefined && { language }),
    };
    const asked = { text, voice, outputFormat: formatName, ...told, ...(providerOptions && { providerOptions }) };
    const { audio, warnings = [] } = await untilAborted(signal, async () =>
      model.doGenerate({ ...asked, abortSignal: signal }),
    ).catch((thrown: unknown) => {
      signal.throwIfAborted();
      throw failure(thrown, name);
    });
    refuseIgnored(warnings, told, name);
    const bytes = typeof audio === "string" ? Buffer.from(audio, "base64") : audio;
    if (!(bytes instanceof Uint8Array) || bytes.byteLength === 0)
      throw new SpeechError("engine_no_audio", `${name} answered without audio`, { engine: name });
    yield { audio: bytes };
  }

  return {
    name,
    version: versionOf(options, formatName),
    capabilities,
    voices: async () => listed,
    outputFormat: () => format,
    synthesize: (request, call) => expectFormat(whole(request, call), format, name),
    async close() {},
  };
}

function versionOf({ module, model, providerOptions, version = "0" }: AiSdkOptions, format: string): string {
  return `ai-sdk@${ADAPTER_REVISION}+${module}+${model ?? ""}+${format}+${JSON.stringify(providerOptions ?? {})}+${version}`;
}

/** Some providers pass over the signal; nobody waits for them. */
function untilAborted<T>(signal: AbortSignal, start: () => Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const leave = (): void => reject(signal.reason);
    signal.addEventListener("abort", leave, { once: true });
    start()
      .then(resolve, reject)
      .finally(() => signal.removeEventListener("abort", leave));
  });
}

/**
 * What the AI SDK throws holds the request, and with it the text that was to be spoken: of it only the status and the kind
 * are kept.
 */
function failure(thrown: unknown, engine: string): SpeechError {
  if (thrown instanceof SpeechError) return thrown;
  const { statusCode, responseHeaders, name } = (thrown ?? {}) as Record<string, unknown>;
  if (typeof statusCode === "number" && statusCode >= 400) {
    const after = (responseHeaders as Record<string, string> | undefined)?.["retry-after"];
    const headers = new Headers(after === undefined ? {} : { "retry-after": after });
    return refusalBecause({ status: statusCode, headers }, engine, {});
  }
  const cause = new Error(typeof name === "string" ? name : "unknown");
  return new SpeechError("engine_failed", `${engine} cannot be reached or broke off`, { cause, engine });
}

/** A setting that the model says it has passed over would be heard as another one than was asked for. */
function refuseIgnored(warnings: readonly unknown[], told: Readonly<Record<string, unknown>>, engine: string): void {
  for (const warning of warnings) {
    const { feature, setting = feature } = (warning ?? {}) as Record<string, unknown>;
    if (setting === "outputFormat")
      throw new SpeechError("engine_failed", `${engine} does not make this format; set another \`format\``, { engine });
    if (typeof setting !== "string" || !Object.hasOwn(told, setting)) continue;
    const message = `"${setting}" means nothing to ${engine}; its entry in the config says that it does`;
    throw new SpeechError("setting_unsupported", message, { engine, param: setting });
  }
}
