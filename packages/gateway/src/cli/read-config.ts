import type { Command } from "commander";
import { ConfigError } from "../config/config.ts";
import { type LoadedConfig, loadConfig } from "../config/load.ts";
import type { OptionName } from "../config/options.ts";
import { EngineConfigError } from "../engines/engine-config-error.ts";
import { checkEngineConfig } from "../engines/registry.ts";

/** Configuration for a command: its flags, then the environment, then the file. */
export function readConfig(command: Command, flags: Partial<Record<OptionName, string>> = {}): LoadedConfig {
  const { config } = command.optsWithGlobals<{ config?: string }>();
  return loadConfig({
    env: process.env,
    flags: { ...flags, ...(config && { configFile: config }) },
    checkEngine(entry) {
      try {
        return checkEngineConfig(entry);
      } catch (error) {
        throw error instanceof EngineConfigError ? new ConfigError(error.message) : error;
      }
    },
  });
}
