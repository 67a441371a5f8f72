import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { EngineConfigError } from "../engine-config-error.ts";

/** What all versions of the AI SDK's speech models have (v2 to v4). */
export type AiSpeechModel = {
  readonly doGenerate: (options: {
    readonly text: string;
    readonly voice: string;
    readonly outputFormat: string;
    readonly speed?: number;
    readonly instructions?: string;
    readonly language?: string;
    readonly providerOptions?: Readonly<Record<string, unknown>>;
    readonly abortSignal: AbortSignal;
  }) => PromiseLike<{ readonly audio: unknown; readonly warnings?: readonly unknown[] }>;
};

export type ModelPlace = {
  /** The configured name of the engine. */
  readonly engine: string;
  /** A package, or a path that begins with a dot or a slash, from the working directory. */
  readonly module: string;
  /** Of the module: what makes a provider, a provider, or a model. */
  readonly export: string;
  /** With which a provider is made. */
  readonly settings?: Readonly<Record<string, unknown>>;
  readonly model?: string;
};

/** The model that is named. Rejects with an EngineConfigError that says what is not there; settings are never in it. */
export async function loadSpeechModel(place: ModelPlace): Promise<AiSpeechModel> {
  const { engine, module, export: name, settings, model } = place;
  const wrong = (why: string, cause?: unknown) => new EngineConfigError(`engine "${engine}": ${why}`, { cause });
  const target = /^[./]/.test(module) ? pathToFileURL(resolve(module)).href : module;
  const loaded = await (import(target) as Promise<Record<string, unknown>>).catch((cause: unknown) => {
    throw wrong(`module: ${module} cannot be loaded; npm install it, or give the path of a file of yours`, cause);
  });
  if (!Object.hasOwn(loaded, name)) throw wrong(`export: ${module} has no ${name}`);
  let found = loaded[name];
  if (typeof found === "function" && !isProvider(found)) {
    try {
      found = (found as (settings: object) => unknown)({ ...settings });
    } catch {
      throw wrong(`settings: ${name} of ${module} does not take them`);
    }
  }
  if (isModel(found)) return found;
  if (!isProvider(found)) throw wrong(`export: ${name} of ${module} is no provider of speech models`);
  if (model === undefined) throw wrong(`model: must be given, for ${name} of ${module} has several`);
  const made: unknown = found.speech?.(model) ?? found.speechModel?.(model);
  if (isModel(made)) return made;
  throw wrong(`model: ${name} of ${module} makes no speech model of ${model}`);
}

type Provider = {
  readonly speech?: (model: string) => unknown;
  readonly speechModel?: (model: string) => unknown;
};

function isProvider(value: unknown): value is Provider {
  const { speech, speechModel } = (value ?? {}) as Record<string, unknown>;
  return typeof speech === "function" || typeof speechModel === "function";
}

function isModel(value: unknown): value is AiSpeechModel {
  return typeof (value as { doGenerate?: unknown } | null | undefined)?.doGenerate === "function";
}
