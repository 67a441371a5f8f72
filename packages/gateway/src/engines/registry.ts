import { z } from "zod";
import { AUDIO_FORMAT_NAMES } from "../core/audio-format.ts";
import type { Clock } from "../core/clock.ts";
import type { SpeechEngine } from "../core/ports.ts";
import { detectEspeak } from "./espeak/detect-espeak.ts";
import { createFliteEngine } from "./flite/flite-engine.ts";
import { openAiCompatibleEngine } from "./openai-compatible.ts";

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

/** An entry that cannot be understood, or an engine that is not there. One line that says what to write instead. */
export class EngineConfigError extends Error {
  override readonly name = "EngineConfigError";
}

const MAX_QUEUED_PER_WORKER = 100;

const name = z.string().min(1).describe("What callers and headers call it.");
const timeoutMs = z
  .number()
  .int()
  .positive()
  .max(600_000)
  .optional()
  .describe("Milliseconds to its first audio, and between chunks.");
const workers = z.number().int().min(1).max(64).optional().describe("Threads, or processes at a time.");
const maxQueued = z.number().int().min(0).max(100_000).optional().describe("Syntheses that may wait for one of them.");
const maxConcurrent = z
  .number()
  .int()
  .min(1)
  .max(10_000)
  .optional()
  .describe("Syntheses that may run at once; others wait, and tenants take turns.");
const breaker = z
  .strictObject({
    failures: z.number().int().min(1).max(1_000).optional(),
    openMs: z.number().int().min(10).max(600_000).optional(),
    maxOpenMs: z.number().int().min(10).max(3_600_000).optional(),
  })
  .optional()
  .describe("`failures` in a row after which it is left alone for `openMs`, at most `maxOpenMs`.");
const hedge = z.boolean().optional().describe("Ask the next engine as well when this one is slower than usual.");
const costPerMillionChars = z.number().min(0).optional().describe("For the statistics, in your currency.");
/** What stands between callers and the engine; the adapter itself does not see it. */
const guards = { timeoutMs, maxConcurrent, maxQueued, breaker, hedge, costPerMillionChars };
const optional = z.boolean().optional().describe("Go on without it when it is not installed.");

/** Fields of each engine type, with their meaning. */
export const ENGINE_SCHEMAS = {
  flite: z.strictObject({ name, type: z.literal("flite"), workers, ...guards }),
  espeak: z.strictObject({
    ...{ name, type: z.literal("espeak"), workers, optional, ...guards },
    modulePath: z
      .union([z.string().min(1), z.literal(false)])
      .optional()
      .describe("Directory of @echogarden/espeak-ng-emscripten; false: do not use it."),
    command: z
      .union([z.string().min(1), z.literal(false)])
      .optional()
      .describe("The program, `espeak-ng` if not given; false: do not use it."),
  }),
  "openai-compatible": z.strictObject({
    ...{ name, type: z.literal("openai-compatible"), ...guards },
    baseUrl: z.url({ protocol: /^https?$/ }).describe("With its /v1."),
    apiKey: z.string().min(1).optional().describe("Sent as a bearer token."),
    model: z.string().min(1).optional().describe("Sent when the caller names none."),
    voices: z.array(z.string().min(1)).min(1).optional().describe("Its voices, if it does not list them itself."),
    formats: z
      .array(z.enum(AUDIO_FORMAT_NAMES))
      .min(1)
      .optional()
      .describe("Formats it can make; all six if not given."),
    nativeFormat: z.enum(AUDIO_FORMAT_NAMES).optional().describe("Always ask for this one."),
    sampleRateHz: z.number().int().min(8000).max(48_000).optional().describe("Of the native format."),
    maxChars: z.number().int().positive().optional().describe("Longest text of one request."),
    nearlyFree: z.boolean().optional().describe("Costs nothing per request: finish for the cache when nobody listens."),
    version: z
      .string()
      .min(1)
      .optional()
      .describe("Change it when the model behind the URL changes: audio is made anew."),
  }),
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
  async "openai-compatible"(config, { fetch }) {
    return openAiCompatibleEngine({ ...adapterOptions(config), ...(fetch && { fetch }) });
  },
};

/** The fields that an adapter takes: without the type, and without what stands before it. */
function adapterOptions<T extends object>(config: T) {
  const own = Object.entries(config).filter(([field]) => field !== "type" && !Object.hasOwn(guards, field));
  return withoutUndefined(Object.fromEntries(own) as Omit<T, "type" | keyof typeof guards>);
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
