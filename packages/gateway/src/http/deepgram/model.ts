import { SpeechError } from "../../core/errors.ts";
import type { CallOptions } from "../../core/ports.ts";
import type { Utterance } from "../../core/utterance.ts";
import type { VoiceCatalogue } from "../../speech/voice-catalogue.ts";

/** Deepgram's own default. */
export const DEFAULT_MODEL = "aura-asteria-en";

/** `aura-2-thalia-en`: who, and in which language. */
const AURA = /^aura(?:-2)?-([a-z]+)-([a-z]{2})$/;
/** Of Aura's voices, those that Deepgram calls masculine. */
const MEN = new Set(
  (
    "alvaro angus apollo aquila arcas aries atlas cesare dionisio draco ebisu elio fabian flavio fujin hector helios hermes " +
    "hyperion javier julius jupiter lars luciano mars neptune nestor odysseus orion orpheus perseo perseus pluto roman sander " +
    "saturn sirio valerio zeus"
  ).split(" "),
);

/**
 * Who speaks as a model of Deepgram's. A voice or alias of that name goes first; otherwise one of OpenAI's known voices stands in,
 * by gender, in the model's language: a client that changes its URL alone is spoken to. Throws `voice_not_found`.
 */
export async function speakerOf(
  model: string,
  voices: Pick<VoiceCatalogue, "resolve">,
  options: CallOptions,
): Promise<Pick<Utterance, "voice" | "language">> {
  try {
    await voices.resolve({ voice: model }, options);
    return { voice: model };
  } catch (error) {
    const [, name, language] = AURA.exec(model) ?? [];
    if (!(error instanceof SpeechError) || error.code !== "voice_not_found") throw error;
    if (name === undefined || language === undefined)
      throw new SpeechError("voice_not_found", error.message, { param: "model" });
    return { voice: MEN.has(name) ? "onyx" : "alloy", language };
  }
}
