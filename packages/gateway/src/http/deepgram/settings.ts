import { SpeechError } from "../../core/errors.ts";
import type { Utterance } from "../../core/utterance.ts";

const MIN_SPEED = 0.7;
const MAX_SPEED = 1.5;

/** What Deepgram's clients can say beside text, voice and format: how fast. Throws `invalid_request`. */
export function paceOf(speed: string | undefined): Pick<Utterance, "speed" | "pitch" | "volume"> {
  const usual = { pitch: 1, volume: 1 };
  if (speed === undefined) return { ...usual, speed: 1 };
  const value = Number(speed);
  if (value >= MIN_SPEED && value <= MAX_SPEED) return { ...usual, speed: value };
  throw new SpeechError("invalid_request", `"speed" must be from ${MIN_SPEED} to ${MAX_SPEED}`, { param: "speed" });
}
