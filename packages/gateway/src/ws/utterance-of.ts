import type { SpokenInput, UtteranceSettings } from "@mynah/protocol";
import type { AudioFormat, AudioFormatName } from "../core/audio-format.ts";
import { DEFAULT_CACHE_POLICY, type Utterance } from "../core/utterance.ts";
import type { Identity } from "../identity/identity.ts";

const DEFAULT_VOICE = "alloy";
const DEFAULT_FORMAT: AudioFormatName = "mp3";

/**
 * What a message asks for, in the words of the core; counted for the end user it names, within the caller's tenant. Without
 * its tag, which joins the socket's.
 */
export function utteranceOf(
  { text = "", inputType, turns, turnPauseMs, ...settings }: UtteranceSettings & Partial<SpokenInput>,
  { user, tenant, plan }: Identity,
  formats: Readonly<Record<AudioFormatName, AudioFormat>>,
): Utterance {
  const { voice = DEFAULT_VOICE, format = DEFAULT_FORMAT, speed = 1, pitch = 1, volume = 1 } = settings;
  const { model, instructions, style, seed, clean, language } = settings;
  return {
    text,
    voice,
    speed,
    pitch,
    volume,
    format: formats[format],
    cache: DEFAULT_CACHE_POLICY,
    subject: settings.user ?? user,
    ...(tenant !== undefined && { tenant }),
    ...(plan !== undefined && { plan }),
    ...(model !== undefined && { model }),
    ...(instructions && { instructions }),
    ...(style !== undefined && { style }),
    ...(seed !== undefined && { seed }),
    ...(clean !== undefined && { clean }),
    ...(language !== undefined && { language }),
    ...(inputType !== undefined && { inputType }),
    ...(turns !== undefined && { turns }),
    ...(turnPauseMs !== undefined && { turnPauseMs }),
  };
}
