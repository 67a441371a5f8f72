import { SpeechError } from "../core/errors.ts";
import type { SpeechEngine } from "../core/ports.ts";
import { type SpeechSettings, TOLD_SETTINGS, type ToldSetting } from "../core/speech-settings.ts";
import type { Utterance } from "../core/utterance.ts";
import type { Candidate } from "./voice-catalogue.ts";

const NONE: readonly ToldSetting[] = [];

/**
 * Settings that only an engine itself can heed: how to speak, in which style, with which seed. Candidates that cannot be
 * told one are no answer to a request that has it, so it is refused when there are no others. Where there are, they stay
 * what every fallback is, better than silence, and the answer says what they did not heed.
 */
export function toldSettings(settings: SpeechSettings): readonly ToldSetting[] {
  for (const name of TOLD_SETTINGS)
    if (settings[name] !== undefined) return TOLD_SETTINGS.filter((other) => settings[other] !== undefined);
  return NONE;
}

export function canBeTold({ capabilities }: SpeechEngine, setting: ToldSetting): boolean {
  return capabilities[setting] ?? false;
}

/**
 * Throws `setting_unsupported`, naming the setting, when none of the candidates can be told all that was asked, and the
 * request does not leave it to them.
 */
export function requireSettings(
  settings: SpeechSettings & Pick<Utterance, "lenient">,
  candidates: readonly Candidate[],
): void {
  if (settings.lenient === true) return;
  const asked = toldSettings(settings);
  if (candidates.some(({ engine }) => asked.every((setting) => canBeTold(engine, setting)))) return;
  const param = asked.find((setting) => !candidates.some(({ engine }) => canBeTold(engine, setting))) ?? asked[0]!;
  const engines = [...new Set(candidates.map(({ engine }) => engine.name))].join(", ");
  throw new SpeechError("setting_unsupported", `"${param}" means nothing to ${engines}; leave it out`, { param });
}

/** What this engine can be told of it. */
export function heededBy(engine: SpeechEngine, settings: SpeechSettings): Pick<SpeechSettings, ToldSetting> {
  const heeded = toldSettings(settings).filter((setting) => canBeTold(engine, setting));
  return Object.fromEntries(heeded.map((setting) => [setting, settings[setting]]));
}
