import { encodingOf } from "../core/audio-format.ts";
import type { EngineCapabilities, SpeechEngine, SynthesisRequest } from "../core/ports.ts";
import type { SoundShape } from "../core/sound-shape.ts";
import { type FactorRange, ONLY_NORMAL } from "../core/speech-settings.ts";

/** A request divided between its engine and us. */
export type DividedRequest = {
  /** What the engine is asked: nothing that is out of its range. */
  readonly plain: SynthesisRequest;
  /** What we do to what it says. */
  readonly shape: SoundShape;
};

/** Requests live as long as their plans, so that plain ones do too and their keys are made once. */
const known = new WeakMap<SynthesisRequest, { readonly of: EngineCapabilities; readonly divided?: DividedRequest }>();

/** Undefined: the engine can do all of it. */
export function dividedRequest({ capabilities }: SpeechEngine, request: SynthesisRequest): DividedRequest | undefined {
  const found = known.get(request);
  if (found?.of === capabilities) return found.divided;
  const divided = divide(request, capabilities);
  known.set(request, { of: capabilities, ...(divided && { divided }) });
  return divided;
}

/**
 * What is out of its range the engine does as far as it can, since an engine that speaks faster sounds better than its
 * audio played faster; we do the rest.
 */
function divide(request: SynthesisRequest, capabilities: EngineCapabilities): DividedRequest | undefined {
  const { volume = ONLY_NORMAL } = capabilities;
  const own = {
    speed: held(request.speed, capabilities.speed),
    pitch: held(request.pitch, capabilities.pitch),
    volume: held(request.volume, volume),
  };
  const shape = {
    tempo: request.speed / own.speed,
    pitch: request.pitch / own.pitch,
    gain: request.volume / own.volume,
  };
  if (shape.tempo === 1 && shape.pitch === 1 && shape.gain === 1) return undefined;
  return { plain: { ...request, ...own, wanted: decodable(request.wanted) }, shape };
}

function held(value: number, { min, max }: FactorRange): number {
  return Math.min(max, Math.max(min, value));
}

/** What an engine may make for us to work on: not what nobody here can decode, nor a telephone's. */
function decodable(wanted: SynthesisRequest["wanted"]): SynthesisRequest["wanted"] {
  if (wanted.name !== "aac" && encodingOf(wanted) === "s16") return wanted;
  return { name: "wav", sampleRateHz: wanted.sampleRateHz };
}
