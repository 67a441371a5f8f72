import type { SpeechEngine } from "../../core/ports.ts";
import { espeakCliEngine } from "./espeak-cli.ts";
import { espeakWasmEngine } from "./espeak-wasm.ts";

export type DetectEspeakOptions = {
  /** Default "espeak". */
  readonly name?: string;
  /** Directory of `@echogarden/espeak-ng-emscripten`, if it is not among our own packages; false: do not look for it. */
  readonly modulePath?: string | false;
  /** The program. Default "espeak-ng" on the PATH; false: do not look for it. */
  readonly command?: string | false;
  /** Worker threads, or processes at a time. */
  readonly workers: number;
  readonly maxQueued: number;
  readonly timeoutMs: number;
};

/**
 * eSpeak NG as it is found: the WASM package (word times, no processes), else the system's program. Undefined when there
 * is neither. The engine's `version` says which. Rejects when the package is installed but broken.
 */
export async function detectEspeak(options: DetectEspeakOptions): Promise<SpeechEngine | undefined> {
  const { name = "espeak", modulePath, command = "espeak-ng", workers, maxQueued, timeoutMs } = options;
  const common = { name, workers, maxQueued, timeoutMs };
  if (modulePath !== false) {
    const engine = await espeakWasmEngine({ ...common, ...(modulePath !== undefined && { modulePath }) });
    if (engine) return engine;
  }
  return command === false ? undefined : espeakCliEngine({ ...common, command });
}
