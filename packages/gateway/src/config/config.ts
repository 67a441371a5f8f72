import type { KeyConfig, LimitsConfig } from "./access-schemas.ts";
import type { OPTIONS } from "./options.ts";
import type { PronunciationConfig, TextConfig } from "./text-schemas.ts";
import type { VoicesConfig } from "./voice-schemas.ts";

/** Type of each option's value, read off its line in the table. */
type ValueOf<Spec> = Spec extends { is: { kind: "boolean" } }
  ? boolean
  : Spec extends { default: number } | { is: { kind: "integer" } }
    ? number
    : Spec extends { unit: string }
      ? number
      : string;

type Optional = {
  [K in keyof typeof OPTIONS]: (typeof OPTIONS)[K]["default"] extends undefined ? K : never;
}[keyof typeof OPTIONS];

/** What the environment says, with defaults filled in. */
export type Settings = {
  readonly [K in Exclude<keyof typeof OPTIONS, Optional>]: ValueOf<(typeof OPTIONS)[K]>;
} & { readonly [K in Optional]: ValueOf<(typeof OPTIONS)[K]> | undefined };

/** One engine of the config file; each type has fields of its own, checked by the type's schema. */
export type EngineConfig = { readonly name: string; readonly type: string } & Readonly<Record<string, unknown>>;

/** Everything a gateway is made from. */
export type Config = Omit<Settings, "host"> & {
  readonly host: string;
  /** Of the config file and of the environment, hashed. */
  readonly keys: readonly KeyConfig[];
  readonly plans: Readonly<Record<string, LimitsConfig>>;
  readonly tenants: Readonly<Record<string, LimitsConfig>>;
  /** In order of preference. Empty: the embedded ones. */
  readonly engines: readonly EngineConfig[];
  /** What callers say → engine name → what that engine says, or what the voice should be like. */
  readonly voices: Readonly<VoicesConfig>;
  /** What becomes of a chat's markup. */
  readonly text: TextConfig;
  readonly pronunciations: readonly PronunciationConfig[];
};

/** For people who embed the gateway: only what differs from the defaults. */
export type ConfigInput = { readonly [K in keyof Config]?: Config[K] | undefined };

/** A setting that cannot be understood. One line that says what to write instead. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
}
