import { SpeechError } from "../core/errors.ts";
import type { EngineCapabilities, SynthesisRequest } from "../core/ports.ts";

/** Throws `engine_rejected` for a speed that the engine does not have: another engine may, and a listener would notice. */
export function requireSpeed(
  { speed }: SynthesisRequest,
  { speed: { min, max } }: EngineCapabilities,
  engine: string,
): void {
  if (speed >= min && speed <= max) return;
  const has = min === max ? `only at speed ${min}` : `at speeds from ${min} to ${max}`;
  throw new SpeechError("engine_rejected", `${engine} speaks ${has}, not ${speed}`, { engine });
}
