import { type Static, Type } from "typebox";
import {
  AUDIO_FORMAT_NAMES,
  type AudioFormat,
  type AudioFormatName,
  formatProblem,
  SAMPLE_ENCODINGS,
  SAMPLE_RATES_HZ,
} from "../../core/audio-format.ts";
import { SpeechError } from "../../core/errors.ts";
import {
  type FactorRange,
  MAX_INSTRUCTIONS_CHARS,
  MAX_STYLE_CHARS,
  SETTING_RANGES,
} from "../../core/speech-settings.ts";
import { INPUT_TYPES, type Utterance } from "../../core/utterance.ts";
import { TagField } from "../tags.ts";

const DECIMAL = "^\\d{1,3}(\\.\\d{1,6})?$";

/** What is said, in a URL: all of it text. */
export const soundFields = {
  text: Type.String({ minLength: 1, description: "The text to be spoken." }),
  input_type: Type.Optional(
    Type.Enum([...INPUT_TYPES], { default: "text", description: "How the text is written: `ssml` is SSML 1.1." }),
  ),
  voice: Type.Optional(
    Type.String({ minLength: 1, maxLength: 256, description: "As in POST /v1/audio/speech. Default: alloy." }),
  ),
  model: Type.Optional(Type.String({ minLength: 1, maxLength: 256, description: "Default: auto." })),
  format: Type.Optional(Type.Enum([...AUDIO_FORMAT_NAMES], { default: "mp3" })),
  speed: Type.Optional(Type.String({ pattern: DECIMAL, description: "0.25 to 4." })),
  pitch: Type.Optional(Type.String({ pattern: DECIMAL, description: "0.5 to 2." })),
  volume: Type.Optional(Type.String({ pattern: DECIMAL, description: "0.1 to 4; 1 is the voice's own." })),
  language: Type.Optional(Type.String({ pattern: "^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$", maxLength: 35 })),
  instructions: Type.Optional(Type.String({ maxLength: MAX_INSTRUCTIONS_CHARS })),
  encoding: Type.Optional(
    Type.Enum([...SAMPLE_ENCODINGS], {
      description: "Of wav and pcm; mulaw and alaw are the telephone's. Default: s16.",
    }),
  ),
  rate: Type.Optional(
    Type.String({
      pattern: "^\\d{4,5}$",
      description: `Samples a second: ${SAMPLE_RATES_HZ.join(", ")}; opus has its own five of them. Default: 24000.`,
    }),
  ),
  style: Type.Optional(
    Type.String({ minLength: 1, maxLength: MAX_STYLE_CHARS, description: "One of the voice's `styles`." }),
  ),
  seed: Type.Optional(Type.String({ pattern: "^\\d{1,10}$", description: "For engines that draw lots." })),
  clean: Type.Optional(Type.Enum(["true", "false"], { description: "Whether a chat's markup is taken out first." })),
};

/** What a link says, and so what its signature holds still: the sound, and the name it can be purged by. */
export const linkedFields = { ...soundFields, tag: Type.Optional(TagField) };

/** Query of `GET /v1/speech`. */
export const ByUrlQuery = Type.Object(
  {
    ...linkedFields,
    seekable: Type.Optional(
      Type.Enum(["true", "false"], {
        default: "false",
        description:
          "true: the answer waits until all of the audio is there, and then has a length from the first time.",
      }),
    ),
    token: Type.Optional(Type.String({ maxLength: 4096, description: "Of a link that POST /v1/speech/links made." })),
  },
  { additionalProperties: false },
);
export type ByUrlQuery = Static<typeof ByUrlQuery>;

const SOUND = Object.keys(soundFields) as (keyof typeof soundFields)[];

/**
 * Everything that a link's signature holds still, in one unambiguous text. The tag stands in it only where there is one:
 * links that were made before it did are still good.
 */
export function boundText(query: Readonly<Partial<Record<keyof typeof linkedFields, string>>>): string {
  const sound = SOUND.map((field) => query[field] ?? null);
  return JSON.stringify(query.tag === undefined ? sound : [...sound, query.tag]);
}

/** Throws `invalid_request` for a number out of range, or a format that cannot be made. */
export function utteranceOf(
  query: ByUrlQuery,
  formats: Readonly<Record<AudioFormatName, AudioFormat>>,
): Omit<Utterance, "cache" | "subject"> {
  const { input_type: inputType } = query;
  const { text, voice = "alloy", model = "auto", language, instructions, style, seed, clean } = query;
  return {
    ...{ text, voice, model },
    format: formatOf(query, formats),
    speed: number("speed", query.speed) ?? 1,
    pitch: number("pitch", query.pitch) ?? 1,
    volume: number("volume", query.volume) ?? 1,
    ...(language !== undefined && { language }),
    ...(instructions && { instructions }),
    ...(style !== undefined && { style }),
    ...(clean !== undefined && { clean: clean === "true" }),
    ...(seed !== undefined && { seed: number("seed", seed)! }),
    ...(inputType !== undefined && { inputType }),
  };
}

function formatOf(
  { format: name = "mp3", encoding, rate }: ByUrlQuery,
  formats: Readonly<Record<AudioFormatName, AudioFormat>>,
): AudioFormat {
  const usual = formats[name];
  if (encoding === undefined && rate === undefined) return usual;
  const asked = {
    ...usual,
    ...(rate !== undefined && { sampleRateHz: Number(rate) }),
    ...(encoding !== undefined && { encoding }),
  };
  const problem = formatProblem(asked);
  if (problem === undefined) return asked;
  throw new SpeechError("invalid_request", problem.message, {
    param: problem.field === "encoding" ? "encoding" : "rate",
  });
}

function number(param: keyof typeof SETTING_RANGES, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const { min, max }: FactorRange = SETTING_RANGES[param];
  const value = Number(text);
  if (value >= min && value <= max) return value;
  throw new SpeechError("invalid_request", `"${param}" must be from ${min} to ${max}`, { param });
}
