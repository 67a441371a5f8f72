import { pino } from "pino";
import { composeSpeech } from "../../compose.ts";
import { type Config, ConfigError } from "../../config/config.ts";
import { trialsOf } from "../engines.ts";
import { type Check, fail, ok, warn } from "./check.ts";

const ADVICE = "Look at its entry in mynah.config.yaml: address, key, voices; docs/engines has a page for each.";

/** Every engine says a word; remote ones charge for it. One that cannot even be opened keeps none of the others from being tried. */
export async function checkEngines(config: Config): Promise<Check[]> {
  try {
    return await tried(config);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const checks: Check[] = [];
    for (const entry of config.engines) checks.push(...(await triedAlone(config, entry)));
    if (checks.some(({ status }) => status === "fail")) return checks;
    throw error; // each by itself is well: they do not go together
  }
}

async function triedAlone(config: Config, entry: Config["engines"][number]): Promise<Check[]> {
  return tried({ ...config, engines: [entry] }).catch((error: unknown) => {
    if (error instanceof ConfigError) return [fail(`engine ${entry.name}`, error.message, ADVICE)];
    throw error;
  });
}

async function tried(config: Config): Promise<Check[]> {
  const speech = await composeSpeech(
    { ...config, redisUrl: undefined, redisStateUrl: undefined },
    pino({ level: "silent" }),
  );
  try {
    const trials = await trialsOf(speech);
    const checks = trials.map(({ name, spoke, ms, voice, error }) => {
      const label = `engine ${name}`;
      return spoke ? ok(label, `said a word as ${voice} in ${ms} ms`) : fail(label, error ?? "said nothing", ADVICE);
    });
    const warnings = speech.warnings().map((text) => warn("engines", text, "Change its entry in mynah.config.yaml."));
    return [...checks, ...warnings];
  } finally {
    await speech.close();
  }
}
