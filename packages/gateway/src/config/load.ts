import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { parse as parseYaml, YAMLParseError } from "yaml";
import { z } from "zod";
import { accessSchemas, type KeyConfig, type LimitsConfig, parseApiKeys } from "./access-schemas.ts";
import { type Config, ConfigError, type ConfigInput, type EngineConfig, type Settings } from "./config.ts";
import { OPTIONS, type OptionName, type OptionSpec } from "./options.ts";
import { parseOption } from "./parse-option.ts";
import { type PronunciationConfig, type TextConfig, textSchemas } from "./text-schemas.ts";
import { type VoicesConfig, voiceSchemas } from "./voice-schemas.ts";

export type Environment = Readonly<Record<string, string | undefined>>;

export type LoadOptions = {
  readonly env: Environment;
  /** Go before the environment. */
  readonly flags?: Partial<Record<OptionName, string>>;
  /** Checks one engine's entry, or throws a ConfigError; the engines know their own fields. */
  readonly checkEngine: (entry: EngineConfig) => EngineConfig;
};

export type LoadedConfig = {
  readonly config: Config /** One line each, for the log. */;
  readonly warnings: readonly string[];
};

const DEFAULT_FILE = "mynah.config.yaml";
/** Names that begin so are meant for us; what is not in the table is probably misspelt. */
const OUR_PREFIXES = /^(MYNAH|REDIS|CACHE|RATE_LIMIT|TTS|JWT|METRICS|WYOMING)_/;
/** Kubernetes and Docker put these into every container for a service named `redis`. */
const INJECTED = /_(PORT(_.*)?|SERVICE_(HOST|PORT.*)|NAME|ENV_.*)$/;
/** Names of the original system whose work is done by another option here. */
const FORMER: Readonly<Record<string, string>> = {
  TTS_CACHE_TTL: "CACHE_TTL",
  TTS_MAX_TEXT_LENGTH: "MAX_TEXT_CHARS",
  TTS_RATE_LIMIT: "RATE_LIMIT_PER_MINUTE",
  TTS_PRIMARY_ENGINE: "the order of `engines` in mynah.config.yaml",
  TTS_FALLBACK_ENABLED: "a second entry under `engines` in mynah.config.yaml",
  TTS_CACHE_ENABLED: "CACHE_MEMORY_MAX_BYTES=0 and REDIS_ENABLED=false",
};

/** Defaults, then what is given. For people who embed the gateway. */
export function resolveConfig(input: ConfigInput = {}): Config {
  const defaults = Object.fromEntries(Object.entries(OPTIONS).map(([name, spec]) => [name, spec.default]));
  const given = Object.fromEntries(Object.entries(input).filter(([, value]) => value !== undefined));
  const access = { keys: [], plans: {}, tenants: {} };
  const config = {
    ...(defaults as Settings),
    engines: [],
    voices: {},
    text: {},
    pronunciations: [],
    ...access,
    ...given,
  } as Omit<Config, "host">;
  return { ...config, host: input.host ?? (demandsKeys(config) ? "0.0.0.0" : "127.0.0.1") };
}

/** Whether strangers are turned away, as far as the configuration alone can tell: Redis may hold keys as well. */
function demandsKeys({ keys, jwtSecret, jwtJwks, allowAnonymous }: Omit<Config, "host">): boolean {
  if (allowAnonymous !== undefined) return !allowAnonymous;
  return keys.length > 0 || jwtSecret !== undefined || jwtJwks !== undefined;
}

/** Reads environment, flags and config file. Throws a ConfigError of one line for anything that cannot be understood. */
export function loadConfig({ env, flags = {}, checkEngine }: LoadOptions): LoadedConfig {
  const settings: Record<string, string | number | boolean> = {};
  for (const [name, spec] of Object.entries(OPTIONS) as [OptionName, OptionSpec][]) {
    const raw = flags[name] ?? env[spec.env];
    if (raw !== undefined && raw.trim() !== "") settings[name] = parseOption(spec, raw);
  }
  const keys = parseApiKeys(settings.apiKeys as string | undefined, hashedKey);
  delete settings.apiKeys; // from here on only their hashes are known
  const file = readConfigFile(settings.configFile as string | undefined, env, checkEngine);
  return {
    config: resolveConfig({ ...settings, ...file.content, keys: [...(file.content.keys ?? []), ...keys] }),
    warnings: [...unknownNames(env), ...file.warnings],
  };
}

/** As `identity/api-key.ts` does it; config/ imports nobody. */
function hashedKey(key: string): string {
  return `sha256:${createHash("sha256").update(key).digest("hex")}`;
}

function unknownNames(env: Environment): string[] {
  const known: ReadonlySet<string> = new Set(Object.values(OPTIONS).map((spec) => spec.env));
  return Object.keys(env)
    .filter(
      (name) => OUR_PREFIXES.test(name) && !known.has(name) && !INJECTED.test(name) && !name.startsWith("MYNAH_TEST_"),
    )
    .map((name) => {
      const former = FORMER[name];
      if (former !== undefined) return `${name} is not used here; its work is done by ${former}`;
      const alike = [...known].find((other) => distance(name, other) <= 2);
      return `${name} is not an option of Mynah and is ignored${alike ? `; did you mean ${alike}?` : ""}`;
    });
}

/** Levenshtein distance, for "did you mean". */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      next.push(Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + Number(a[i - 1] !== b[j - 1])));
    }
    row = next;
  }
  return row[b.length]!;
}

const fileSchema = z.object({
  engines: z
    .array(
      z.looseObject({
        name: z.string().regex(/^[a-z0-9][a-z0-9_.-]{0,40}$/i, "must be letters, digits, '.', '_' or '-'"),
        type: z.string(),
      }),
    )
    .optional(),
  ...voiceSchemas,
  ...textSchemas,
  ...accessSchemas,
});

type FileContent = {
  engines?: EngineConfig[];
  voices?: VoicesConfig;
  text?: TextConfig;
  pronunciations?: PronunciationConfig[];
  keys?: KeyConfig[];
  plans?: Record<string, LimitsConfig>;
  tenants?: Record<string, LimitsConfig>;
};

function readConfigFile(
  asked: string | undefined,
  env: Environment,
  checkEngine: LoadOptions["checkEngine"],
): { content: FileContent; warnings: string[] } {
  const path = asked ?? DEFAULT_FILE;
  if (!existsSync(path)) {
    if (asked === undefined) return { content: {}, warnings: [] };
    throw new ConfigError(`MYNAH_CONFIG names ${path}, and there is no such file`);
  }
  const raw = parseFile(path);
  if (raw === null || raw === undefined) return { content: {}, warnings: [] };
  const parsed = fileSchema.safeParse(expanded(raw, env, path));
  if (!parsed.success) throw new ConfigError(`${path}: ${describeIssue(parsed.error)}`);
  const engines = parsed.data.engines?.map((entry) => {
    try {
      return checkEngine(entry);
    } catch (error) {
      throw error instanceof ConfigError ? new ConfigError(`${path}: engine "${entry.name}": ${error.message}`) : error;
    }
  });
  const twice = engines?.find(({ name }, at) => engines.findIndex((other) => other.name === name) !== at);
  if (twice !== undefined) throw new ConfigError(`${path}: two engines are named "${twice.name}"; names must differ`);
  const known = new Set(Object.keys(fileSchema.shape));
  const warnings = Object.keys(raw as object)
    .filter((key) => !known.has(key))
    .map((key) => `${path}: "${key}" is not known here and is ignored; known: ${[...known].join(", ")}`);
  return { content: { ...parsed.data, ...(engines && { engines }) } as FileContent, warnings };
}

function parseFile(path: string): unknown {
  try {
    return parseYaml(readFileSync(path, "utf8"));
  } catch (error) {
    if (error instanceof YAMLParseError) throw new ConfigError(`${path}: ${error.message.split("\n")[0]}`);
    throw new ConfigError(`${path} cannot be read: ${(error as Error).message}`);
  }
}

/** `${NAME}` in any string takes a value from the environment. */
function expanded(value: unknown, env: Environment, path: string): unknown {
  if (typeof value === "string") {
    return value.replace(/\$\{(\w+)\}/g, (_, name: string) => {
      const found = env[name];
      if (found === undefined) throw new ConfigError(`${path} uses \${${name}}, which is not set in the environment`);
      return found;
    });
  }
  if (Array.isArray(value)) return value.map((item) => expanded(item, env, path));
  if (typeof value === "object" && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, expanded(item, env, path)]));
  }
  return value;
}

/** A zod error as one line: where, and what it should be. */
export function describeIssue(error: z.ZodError): string {
  const [issue] = error.issues;
  const where = issue?.path.join(".") ?? "";
  return `${where ? `${where}: ` : ""}${issue?.message ?? "not understood"}`;
}
