import { z } from "zod";
import type { Clock } from "../core/clock.ts";
import type { SpeechEngine } from "../core/ports.ts";
import { createAiSdkEngine } from "./ai-sdk/ai-sdk-engine.ts";
import { aiSdkSchema } from "./ai-sdk/ai-sdk-schema.ts";
import { azureEngine } from "./azure/azure-engine.ts";
import { azureSchema } from "./azure/azure-schema.ts";
import { cartesiaEngine } from "./cartesia/cartesia-engine.ts";
import { cartesiaSchema } from "./cartesia/cartesia-schema.ts";
import { type CommandVoice, createCommandEngine } from "./command/command-engine.ts";
import { commandSchema } from "./command/command-schema.ts";
import { baseUrl, guards, maxChars, name, optional, sampleRateHz, version, workers } from "./common-fields.ts";
import { deepgramEngine } from "./deepgram/deepgram-engine.ts";
import { deepgramSchema } from "./deepgram/deepgram-schema.ts";
import { createEdgeEngine, EDGE_OUTPUT_FORMATS } from "./edge/edge-engine.ts";
import { elevenLabsEngine } from "./elevenlabs/elevenlabs-engine.ts";
import { elevenLabsSchema } from "./elevenlabs/elevenlabs-schema.ts";
import { EngineConfigError } from "./engine-config-error.ts";
import { detectEspeak } from "./espeak/detect-espeak.ts";
import { createFliteEngine } from "./flite/flite-engine.ts";
import { googleEngine } from "./google/google-engine.ts";
import { googleSchema } from "./google/google-schema.ts";
import { createNeuralEngine, type NeuralVoice } from "./neural/neural-engine.ts";
import { neuralSchema } from "./neural/neural-schema.ts";
import { endingModelWarning, OPENAI_BASE_URL, openAiEngine } from "./openai.ts";
import { openAiCompatibleEngine } from "./openai-compatible.ts";
import { openAiCompatibleSchema, openAiSchema } from "./openai-schema.ts";
import { piperEngine } from "./piper.ts";
import { createPollyEngine } from "./polly/polly-engine.ts";
import { pollySchema } from "./polly/polly-schema.ts";
import { wyomingEngine } from "./wyoming/wyoming-engine.ts";
import { wyomingSchema } from "./wyoming/wyoming-schema.ts";

/** What every engine gets from the whole. */
export type EngineDeps = {
  readonly clock: Clock;
  /** Threads or processes of an engine that names no number itself. */
  readonly workers: number;
  /** Deadline of an engine that names none itself. */
  readonly timeoutMs: number;
  readonly fetch?: typeof globalThis.fetch;
};

/** One entry under `engines` in the config file, not yet checked. */
export type EngineEntry = { readonly name: string; readonly type: string } & Readonly<Record<string, unknown>>;

const MAX_QUEUED_PER_WORKER = 100;

/** Fields of each engine type, with their meaning. */
export const ENGINE_SCHEMAS = {
  flite: z.strictObject({ name, type: z.literal("flite"), workers, ...guards }),
  espeak: z.strictObject({
    ...{ name, type: z.literal("espeak"), workers, ...guards, optional },
    modulePath: z
      .union([z.string().min(1), z.literal(false)])
      .optional()
      .describe("Directory of @echogarden/espeak-ng-emscripten; false: do not use it."),
    command: z
      .union([z.string().min(1), z.literal(false)])
      .optional()
      .describe("The program, `espeak-ng` if not given; false: do not use it."),
  }),
  "openai-compatible": openAiCompatibleSchema,
  openai: openAiSchema,
  elevenlabs: elevenLabsSchema,
  azure: azureSchema,
  google: googleSchema,
  polly: pollySchema,
  deepgram: deepgramSchema,
  cartesia: cartesiaSchema,
  wyoming: wyomingSchema,
  "ai-sdk": aiSdkSchema,
  piper: z.strictObject({
    ...{ name, type: z.literal("piper"), ...guards },
    baseUrl: baseUrl.describe("Of `python3 -m piper.http_server`."),
    sampleRateHz: sampleRateHz.optional().describe("Of its voices' models; 22050 if not given."),
    ...{ maxChars, version },
  }),
  edge: z.strictObject({
    ...{ name, type: z.literal("edge"), ...guards },
    baseUrl: z
      .url({ protocol: /^https?$/ })
      .optional()
      .describe("Up to and with /readaloud; Microsoft's if not given."),
    trustedClientToken: z
      .string()
      .regex(/^[0-9A-F]{32}$/, "must be 32 hexadecimal digits in capitals")
      .optional()
      .describe("The browser's, if it ever changes."),
    chromiumVersion: z
      .string()
      .regex(/^\d{2,4}(\.\d{1,6}){3}$/, "must be four numbers with dots, like 143.0.3650.75")
      .optional()
      .describe("Of the Edge that we say we are; raise it when the service refuses us (403)."),
    outputFormat: z
      .enum(Object.keys(EDGE_OUTPUT_FORMATS) as (keyof typeof EDGE_OUTPUT_FORMATS)[])
      .optional()
      .describe("MP3 with 48 or 96 kbit/s; 48 if not given."),
  }),
  neural: neuralSchema,
  command: commandSchema,
} as const;

export type EngineType = keyof typeof ENGINE_SCHEMAS;
type Checked = { [Type in EngineType]: z.infer<(typeof ENGINE_SCHEMAS)[Type]> };

type Create<Type extends EngineType> = (config: Checked[Type], deps: EngineDeps) => Promise<SpeechEngine | undefined>;

/** Undefined: not there, and the entry said that this is no error. */
const CREATE: { readonly [Type in EngineType]: Create<Type> } = {
  flite: (config, deps) => createFliteEngine({ name: config.name, ...bounds(config, deps) }),
  async espeak(config, deps) {
    const { modulePath, command } = config;
    const where = { ...(modulePath !== undefined && { modulePath }), ...(command !== undefined && { command }) };
    const engine = await detectEspeak({ name: config.name, ...where, ...bounds(config, deps) });
    if (engine || config.optional) return engine;
    const advice = "install the program espeak-ng or the package @echogarden/espeak-ng-emscripten, or remove the entry";
    throw new EngineConfigError(`engine "${config.name}": espeak is not installed; ${advice}`);
  },
  "openai-compatible": async (config, deps) => openAiCompatibleEngine(remote(config, deps)),
  openai: async (config, deps) => openAiEngine(remote(config, deps)),
  elevenlabs: async (config, deps) => elevenLabsEngine(remote(config, deps)),
  azure: async (config, deps) => azureEngine({ ...remote(config, deps), clock: deps.clock }),
  google: async (config, deps) => googleEngine({ ...remote(config, deps), clock: deps.clock }),
  polly(config, deps) {
    const { accessKeyId, secretAccessKey, sessionToken, credentials: _, ...options } = remote(config, deps);
    const keys = accessKeyId !== undefined && secretAccessKey !== undefined;
    return createPollyEngine({
      ...{ ...options, clock: deps.clock },
      ...(keys && { credentials: { accessKeyId, secretAccessKey, sessionToken } }),
    });
  },
  deepgram: async (config, deps) => deepgramEngine(remote(config, deps)),
  cartesia: async (config, deps) => cartesiaEngine(remote(config, deps)),
  wyoming: async (config, deps) => wyomingEngine(remote(config, deps)),
  "ai-sdk"(config, deps) {
    const { voices, ...options } = remote(config, deps);
    const listed = voices.map((voice) => withoutUndefined(typeof voice === "string" ? { id: voice } : voice));
    return createAiSdkEngine({ ...options, voices: listed });
  },
  piper: async (config, deps) => piperEngine(remote(config, deps)),
  async command(config, deps) {
    const { maxConcurrent = deps.workers, maxQueued = maxConcurrent * MAX_QUEUED_PER_WORKER, ...options } = config;
    const voices = options.voices?.map((voice) => withoutUndefined<CommandVoice>(voice));
    const engine = await createCommandEngine({
      ...withoutUndefined({ ...options, voices }),
      ...{ maxConcurrent, maxQueued },
    });
    if (engine || config.optional) return engine;
    const advice = "install it, give its full path, or name its folder in `env: { PATH: … }`";
    throw new EngineConfigError(`engine "${config.name}": there is no program "${config.command}"; ${advice}`);
  },
  async neural(config) {
    const { workers = 1, maxQueued = workers * MAX_QUEUED_PER_WORKER, ...options } = config;
    const voices = options.voices?.map((voice) => withoutUndefined<NeuralVoice>(voice));
    const engine = await createNeuralEngine({
      ...withoutUndefined({ ...options, voices }),
      ...{ workers, maxQueued },
    });
    if (engine || config.optional) return engine;
    const advice = "run `npm install sherpa-onnx-node` (it holds eSpeak NG, which is GPL), or name it in modulePath";
    throw new EngineConfigError(`engine "${config.name}": sherpa-onnx is not installed; ${advice}`);
  },
  edge: (config, deps) => Promise.resolve(createEdgeEngine({ ...remote(config, deps), clock: deps.clock })),
};

/** What an adapter over HTTP gets of its entry: without the type, and without what stands before it. */
function remote<T extends { readonly type: string }>(config: T, { fetch }: EngineDeps) {
  const own = Object.entries(config).filter(([field]) => field !== "type" && !Object.hasOwn(guards, field));
  const options = Object.fromEntries(own) as Omit<T, "type" | keyof typeof guards>;
  return { ...withoutUndefined(options), ...(fetch && { fetch }) };
}

type Bounds = { readonly timeoutMs: number; readonly workers: number; readonly maxQueued: number };

function bounds(config: { [Key in keyof Bounds]?: number | undefined }, deps: EngineDeps): Bounds {
  const workers = config.workers ?? deps.workers;
  const maxQueued = config.maxQueued ?? workers * MAX_QUEUED_PER_WORKER;
  return { workers, maxQueued, timeoutMs: config.timeoutMs ?? deps.timeoutMs };
}

/** zod leaves the keys of absent options with `undefined`, our options do not have them. */
function withoutUndefined<T extends object>(value: T): { [Key in keyof T]: Exclude<T[Key], undefined> } {
  return Object.fromEntries(Object.entries(value).filter(([, field]) => field !== undefined)) as {
    [Key in keyof T]: Exclude<T[Key], undefined>;
  };
}

/** Checks one entry's fields. Throws an EngineConfigError that says what to write instead. */
export function checkEngineConfig(entry: EngineEntry): EngineEntry {
  return checked(entry) as EngineEntry;
}

function checked(entry: EngineEntry): Checked[EngineType] {
  if (!Object.hasOwn(ENGINE_SCHEMAS, entry.type)) {
    const known = Object.keys(ENGINE_SCHEMAS).join(", ");
    throw new EngineConfigError(`type: there is no engine type "${entry.type}"; known are ${known}`);
  }
  const result = ENGINE_SCHEMAS[entry.type as EngineType].safeParse(entry);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  const where = issue && issue.path.length > 0 ? `${issue.path.join(".")}: ` : "";
  throw new EngineConfigError(`${where}${issue?.message ?? "is not understood"}`);
}

/** What an operator should know of these entries that is no fault: one line each. */
export function engineWarnings(entries: readonly EngineEntry[]): string[] {
  return entries.flatMap((entry) => {
    const config = checked(entry);
    if (config.type !== "openai" && config.type !== "openai-compatible") return [];
    const { model = "tts-1", baseUrl: url = OPENAI_BASE_URL } = config;
    return endingModelWarning(config.name, url, model) ?? [];
  });
}

/**
 * Makes the engines in the order of their entries. Rejects with an EngineConfigError for an entry that is not
 * understood or an engine that is not there; those already made are closed again.
 */
export async function createEngines(entries: readonly EngineEntry[], deps: EngineDeps): Promise<SpeechEngine[]> {
  const configs = entries.map(checked);
  const results = await Promise.allSettled(configs.map((config) => create(config, deps)));
  const engines = results.flatMap((result) => (result.status === "fulfilled" && result.value ? [result.value] : []));
  const failed = results.find((result) => result.status === "rejected");
  if (!failed) return engines;
  await Promise.all(engines.map((engine) => engine.close()));
  throw failed.reason;
}

function create<Type extends EngineType>(config: Checked[Type], deps: EngineDeps): Promise<SpeechEngine | undefined> {
  return (CREATE[config.type as Type] as Create<Type>)(config, deps);
}
