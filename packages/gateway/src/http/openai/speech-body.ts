import { type Static, Type } from "typebox";
import { AUDIO_FORMAT_NAMES, type AudioFormat, type AudioFormatName } from "../../core/audio-format.ts";
import { SpeechError } from "../../core/errors.ts";
import { MAX_INSTRUCTIONS_CHARS, MAX_STYLE_CHARS, SETTING_RANGES } from "../../core/speech-settings.ts";
import { INPUT_TYPES, TURN_BOUNDS, type Turn, type Utterance } from "../../core/utterance.ts";
import { DEFAULT_TURN_PAUSE_MS } from "../../speech/script-of.ts";
import { TagField } from "../tags.ts";

function factor(name: "speed" | "pitch" | "volume", description: string) {
  const { min: minimum, max: maximum } = SETTING_RANGES[name];
  return Type.Number({ minimum, maximum, default: 1, description });
}

const name = Type.String({ minLength: 1, maxLength: 256 });

/** How something is said; each turn of a dialogue may have its own. */
const settings = {
  speed: Type.Optional(factor("speed", "1 is the voice's own.")),
  instructions: Type.Optional(
    Type.String({ maxLength: MAX_INSTRUCTIONS_CHARS, description: "How to speak, for engines that can be told." }),
  ),
  pitch: Type.Optional(factor("pitch", "1 is the voice's own, 2 an octave higher. Not OpenAI's.")),
  volume: Type.Optional(factor("volume", "1 is the voice's own, 2 is 6 dB louder. Not OpenAI's.")),
  style: Type.Optional(
    Type.String({
      minLength: 1,
      maxLength: MAX_STYLE_CHARS,
      description: "One of the voice's `styles` in GET /v1/audio/voices. Not OpenAI's.",
    }),
  ),
  seed: Type.Optional(
    Type.Integer({
      minimum: SETTING_RANGES.seed.min,
      maximum: SETTING_RANGES.seed.max,
      description: "For engines that draw lots: the same seed, the same audio. Not OpenAI's.",
    }),
  ),
  language: Type.Optional(
    Type.String({
      pattern: "^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$",
      maxLength: 35,
      description: "BCP-47. Not OpenAI's.",
    }),
  ),
};

const TurnBody = Type.Object(
  {
    text: Type.String({ minLength: 1, description: "What is said in this turn." }),
    voice: Type.Optional(Type.String({ minLength: 1, maxLength: 256, description: "Default: that of the request." })),
    ...settings,
  },
  { additionalProperties: false },
);

/** OpenAI's fields, then ours. No others: a setting that would not be heard is refused, not ignored. */
export const SpeechBody = Type.Object(
  {
    model: Type.String({
      minLength: 1,
      maxLength: 256,
      description: "`auto`, an engine of GET /v1/models or several in order (`a,b`). OpenAI's model names mean `auto`.",
    }),
    input: Type.Optional(
      Type.String({ minLength: 1, description: "The text to be spoken. Required, unless there are `turns`." }),
    ),
    voice: Type.Optional(
      Type.Union([name, Type.Object({ id: name }, { additionalProperties: false })], {
        description:
          "A voice of GET /v1/audio/voices, an alias, `engine/voice`, one of OpenAI's names, or a BCP-47 tag. Required, unless each of the `turns` has one.",
      }),
    ),
    response_format: Type.Optional(
      Type.Enum([...AUDIO_FORMAT_NAMES], {
        default: "mp3",
        description: "pcm is 24 kHz signed 16-bit little-endian mono without a header; opus comes in Ogg, aac in ADTS.",
      }),
    ),
    stream_format: Type.Optional(Type.Enum(["audio", "sse"], { default: "audio" })),
    user: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 512,
        description: "The end user this is said for; limits count per user.",
      }),
    ),
    ...settings,
    input_type: Type.Optional(
      Type.Enum([...INPUT_TYPES], {
        default: "text",
        description: "How `input`, or the text of every turn, is written: `ssml` is SSML 1.1. Not OpenAI's.",
      }),
    ),
    turns: Type.Optional(
      Type.Array(TurnBody, {
        minItems: 1,
        maxItems: TURN_BOUNDS.maxTurns,
        description: "A dialogue in one answer, instead of `input`. Not OpenAI's.",
      }),
    ),
    turn_pause_ms: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: TURN_BOUNDS.maxPauseMs,
        default: DEFAULT_TURN_PAUSE_MS,
        description: "Silence between two turns. Not OpenAI's.",
      }),
    ),
    tag: Type.Optional(TagField),
    clean: Type.Optional(
      Type.Boolean({
        description: "Whether Markdown, emoji, code blocks and bare links are taken out first. Not OpenAI's.",
      }),
    ),
  },
  { additionalProperties: false },
);
export type SpeechBody = Static<typeof SpeechBody>;

type Formats = Readonly<Record<AudioFormatName, AudioFormat>>;

/** What a checked body asks for. Throws `invalid_request` for fields that do not go together. */
export function utteranceOf(
  body: SpeechBody,
  formats: Formats,
  cache: Utterance["cache"],
  who: Pick<Utterance, "subject" | "tenant" | "plan" | "tags">,
): Utterance {
  checkTogether(body);
  const { input, voice = "", model, input_type: inputType, turns, turn_pause_ms: turnPauseMs } = body;
  return {
    text: input ?? "",
    voice: typeof voice === "string" ? voice : voice.id,
    model,
    speed: body.speed ?? 1,
    pitch: body.pitch ?? 1,
    volume: body.volume ?? 1,
    format: formats[body.response_format ?? "mp3"],
    cache,
    ...who,
    ...toldOf(body),
    ...(body.clean !== undefined && { clean: body.clean }),
    ...(inputType !== undefined && { inputType }),
    ...(turns !== undefined && { turns: turns.map(turnOf) }),
    ...(turnPauseMs !== undefined && { turnPauseMs }),
  };
}

function checkTogether({ input, voice, turns, turn_pause_ms: pause }: SpeechBody): void {
  const wrong = (message: string, param: string) => new SpeechError("invalid_request", message, { param });
  if (turns === undefined) {
    if (input === undefined) throw wrong('"input" is required', "input");
    if (voice === undefined) throw wrong('"voice" is required', "voice");
    if (pause !== undefined) throw wrong('"turn_pause_ms" is for "turns"', "turn_pause_ms");
    return;
  }
  if (input !== undefined) throw wrong('there is either "input" or "turns"', "turns");
  const mute = turns.findIndex((turn) => turn.voice === undefined);
  if (voice === undefined && mute >= 0)
    throw wrong(`"turns.${mute}.voice" is required, or "voice"`, `turns.${mute}.voice`);
}

function turnOf({ text, voice, speed, pitch, volume, ...told }: NonNullable<SpeechBody["turns"]>[number]): Turn {
  return {
    text,
    ...(voice !== undefined && { voice }),
    ...(speed !== undefined && { speed }),
    ...(pitch !== undefined && { pitch }),
    ...(volume !== undefined && { volume }),
    ...toldOf(told),
  };
}

function toldOf({
  language,
  instructions,
  style,
  seed,
}: Pick<SpeechBody, "language" | "instructions" | "style" | "seed">): Pick<
  Utterance,
  "language" | "instructions" | "style" | "seed"
> {
  return {
    ...(language !== undefined && { language }),
    ...(instructions && { instructions }),
    ...(style !== undefined && { style }),
    ...(seed !== undefined && { seed }),
  };
}
