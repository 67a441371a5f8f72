import { CommanderError } from "commander";
import { ConfigError } from "../config/config.ts";
import { SpeechError } from "../core/errors.ts";
import { EXIT_CODES } from "./exit-codes.ts";
import { program } from "./program.ts";

try {
  await program().parseAsync();
} catch (error) {
  process.exitCode = report(error);
}

function report(error: unknown): number {
  const { done, failed, usage } = EXIT_CODES;
  if (error instanceof CommanderError) return error.exitCode === 0 ? done.code : usage.code; // commander has printed it
  if (error instanceof ConfigError) {
    process.stderr.write(`mynah: ${error.message}\n`);
    return usage.code;
  }
  if (error instanceof SpeechError) {
    process.stderr.write(`mynah: ${error.message} (${error.code})\n`);
    return error.status < 500 ? usage.code : failed.code;
  }
  process.stderr.write(`mynah: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  return failed.code;
}
