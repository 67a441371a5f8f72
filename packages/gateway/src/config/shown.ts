import type { Config, EngineConfig } from "./config.ts";
import { OPTIONS, type OptionName, type OptionSpec } from "./options.ts";

type Value = string | number | boolean | null;

export type SettingShown = {
  /** In the environment. */
  readonly name: string;
  /** A secret that is set is only said to be. */
  readonly value: Value;
  readonly default: Value;
  /** Whether it differs from its default. */
  readonly changed: boolean;
  readonly meaning: string;
};

export type ConfigShown = {
  readonly settings: readonly SettingShown[];
  readonly engines: readonly Readonly<Record<string, unknown>>[];
  readonly voices: Readonly<Record<string, unknown>>;
  readonly plans: Readonly<Record<string, unknown>>;
  readonly tenants: Readonly<Record<string, unknown>>;
};

const SECRET = "***";
/** Options that are secrets as a whole. */
const SECRETS: ReadonlySet<OptionName> = new Set(["apiKeys", "adminKey", "jwtSecret", "signingSecret", "metricsKey"]);
/** Fields of an engine that are, or may hold, secrets: whatever lies below them is not shown. */
const SECRET_FIELD = /key|secret|token|passw|passphrase|credential|auth|header|cookie|private|env/i;
/** Which are not, though they sound so. */
const HARMLESS: ReadonlySet<string> = new Set(["maxTokens"]);

/** The configuration in force, without secrets: for administrators, who need not know them either. */
export function configShown(config: Config): ConfigShown {
  const options = Object.entries(OPTIONS) as [OptionName, OptionSpec][];
  return {
    settings: options.map(([name, spec]) => settingShown(name, spec, (config as Record<string, unknown>)[name])),
    engines: config.engines.map(engineShown),
    voices: config.voices,
    plans: config.plans,
    tenants: config.tenants,
  };
}

function settingShown(name: OptionName, { env, default: usual, meaning }: OptionSpec, value: unknown): SettingShown {
  const given = (value ?? null) as Value;
  return {
    name: env,
    value: given === null ? null : SECRETS.has(name) ? SECRET : (withoutSecrets(given) as Value),
    default: usual ?? null,
    changed: given !== (usual ?? null),
    meaning,
  };
}

function engineShown(entry: EngineConfig): Record<string, unknown> {
  return withoutSecrets(entry) as Record<string, unknown>;
}

function withoutSecrets(value: unknown): unknown {
  if (typeof value === "string") return withoutPassword(value);
  if (Array.isArray(value)) return value.map(withoutSecrets);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => {
      const secret = SECRET_FIELD.test(name) && !HARMLESS.has(name) && typeof inner !== "boolean";
      return [name, secret ? SECRET : withoutSecrets(inner)];
    }),
  );
}

/** A URL keeps its address: user, password and the values of its query may be secrets. */
function withoutPassword(text: string): string {
  if (!/^[a-z][a-z0-9+.-]*:\/\//i.test(text)) return text;
  return text.replace(/\/\/[^/?#]*@/, `//${SECRET}@`).replaceAll(/([?&][^=&#]*=)[^&#]*/g, `$1${SECRET}`);
}
