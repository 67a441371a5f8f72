import { pino } from "pino";
import { composeSpeech } from "../../compose.ts";
import type { Config } from "../../config/config.ts";
import { trialsOf } from "../engines.ts";
import { type Check, fail, ok, warn } from "./check.ts";

/** Every engine says a word; remote ones charge for it. */
export async function checkEngines(config: Config): Promise<Check[]> {
  const speech = await composeSpeech(
    { ...config, redisUrl: undefined, redisStateUrl: undefined },
    pino({ level: "silent" }),
  );
  try {
    const trials = await trialsOf(speech);
    const checks = trials.map(({ name, spoke, ms, voice, error }) => {
      const label = `engine ${name}`;
      if (spoke) return ok(label, `said a word as ${voice} in ${ms} ms`);
      return fail(
        label,
        error ?? "said nothing",
        "Look at its entry in mynah.config.yaml: address, key, voices; docs/engines has a page for each.",
      );
    });
    const warnings = speech.warnings().map((text) => warn("engines", text, "Change its entry in mynah.config.yaml."));
    return [...checks, ...warnings];
  } finally {
    await speech.close();
  }
}
