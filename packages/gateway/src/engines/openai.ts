import { DELIVERY_SAMPLE_RATE_HZ } from "../core/audio-format.ts";
import { SpeechError } from "../core/errors.ts";
import type { SpeechEngine } from "../core/ports.ts";
import type { Gender, Voice } from "../core/voice.ts";
import { type OpenAiCompatibleOptions, openAiCompatibleEngine } from "./openai-compatible.ts";

export type OpenAiOptions = Pick<OpenAiCompatibleOptions, "name" | "passModel" | "maxChars" | "version" | "fetch"> & {
  readonly apiKey: string;
  /** No default: which models OpenAI has changes, and some end soon. */
  readonly model: string;
  /** With its `/v1`. Default: OpenAI's own. */
  readonly baseUrl?: string;
};

export const OPENAI_BASE_URL = "https://api.openai.com/v1";

/** By how they sound; OpenAI itself does not say. */
const VOICES: Readonly<Record<string, Gender>> = {
  alloy: "female",
  ash: "male",
  ballad: "male",
  cedar: "male",
  coral: "female",
  echo: "male",
  fable: "male",
  marin: "female",
  nova: "female",
  onyx: "male",
  sage: "female",
  shimmer: "female",
  verse: "male",
};
/** What the first two models do not have. */
const NEW_VOICES: ReadonlySet<string> = new Set(["ballad", "cedar", "marin", "verse"]);

/** `tts-1`, `tts-1-hd` and their dated versions: they take no instructions. */
const FIRST_MODELS = /^tts-1(-|$)/;

/**
 * OpenAI itself: thirteen voices that no route lists, and traits of its models. It is always asked for PCM, which costs the
 * same as any other format and can be made into all of them.
 */
export function openAiEngine(options: OpenAiOptions): SpeechEngine {
  const { name, model, baseUrl = OPENAI_BASE_URL } = options;
  const nativeFormat = { nativeFormat: "pcm", sampleRateHz: DELIVERY_SAMPLE_RATE_HZ } as const;
  const engine = openAiCompatibleEngine({ ...options, baseUrl, ...nativeFormat });
  const isFirst = (asked: string | undefined): boolean => FIRST_MODELS.test(asked ?? model);
  return {
    ...engine,
    version: engine.version.replace("openai-compatible@", "openai@"),
    capabilities: { ...engine.capabilities, instructions: options.passModel || !isFirst(undefined) },
    voices: async () => voicesOf(name, isFirst(undefined)),
    async *synthesize(request, call) {
      if (request.instructions !== undefined && isFirst(request.model))
        throw uninstructed(name, request.model ?? model);
      yield* engine.synthesize(request, call);
    },
  };
}

function voicesOf(engine: string, first: boolean): Voice[] {
  return Object.entries(VOICES)
    .filter(([id]) => !(first && NEW_VOICES.has(id)))
    .map(([id, gender]) => ({ id, name: `${id[0]!.toUpperCase()}${id.slice(1)}`, language: "en", gender, engine }));
}

function uninstructed(engine: string, model: string): SpeechError {
  const message = `"instructions" mean nothing to ${engine}'s ${model}; leave them out, or name a newer model`;
  return new SpeechError("setting_unsupported", message, { engine, param: "instructions" });
}

/** OpenAI's announcement. */
const ENDING: Readonly<Record<string, string>> = {
  "tts-1": "2027-01-06",
  "tts-1-hd": "2027-01-06",
  "gpt-4o-mini-tts": "2027-01-06",
};

/** One line for the start if this model of OpenAI's ends on a known day. */
export function endingModelWarning(name: string, baseUrl: string, model: string): string | undefined {
  if (!Object.hasOwn(ENDING, model) || new URL(baseUrl).hostname !== "api.openai.com") return undefined;
  const advice = "name another `model` before, or another engine after it";
  return `engine "${name}": OpenAI ends the model ${model} on ${ENDING[model]}; ${advice}`;
}
