import { AUDIO_FORMATS, type ClientMessage, type UtteranceSettings } from "@mynah/protocol";
import { TAG_PATTERN } from "../core/entry-match.ts";
import { SpeechError } from "../core/errors.ts";
import { type FactorRange, MAX_INSTRUCTIONS_CHARS, MAX_STYLE_CHARS, SETTING_RANGES } from "../core/speech-settings.ts";
import { INPUT_TYPES, TURN_BOUNDS } from "../core/utterance.ts";
import { parseStrictJson } from "../http/strict-json.ts";

/** A message as it may be acted on, or what is wrong with it; with the id it names, if that can be read. */
export type ReadMessage =
  | { readonly message: ClientMessage }
  | { readonly id: string | undefined; readonly error: SpeechError };

/** What is wrong with a field's value; undefined: nothing. */
type Check = (value: unknown) => string | undefined;
type Fields = Readonly<Record<string, { readonly check: Check; readonly required?: boolean }>>;

const MAX_ID_CHARS = 128;
const LANGUAGE = /^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$/;
const TAG = new RegExp(TAG_PATTERN);

const string =
  (min: number, max: number): Check =>
  (value) =>
    typeof value === "string" && value.length >= min && value.length <= max
      ? undefined
      : `must be a string of ${min} to ${max} characters`;
const number =
  ({ min, max }: FactorRange): Check =>
  (value) =>
    typeof value === "number" && value >= min && value <= max ? undefined : `must be a number from ${min} to ${max}`;
const seed: Check = (value) =>
  Number.isInteger(value) && number(SETTING_RANGES.seed)(value) === undefined
    ? undefined
    : `must be an integer from ${SETTING_RANGES.seed.min} to ${SETTING_RANGES.seed.max}`;
const anyString: Check = (value) => (typeof value === "string" ? undefined : "must be a string");
const boolean: Check = (value) => (typeof value === "boolean" ? undefined : "must be true or false");
const format: Check = (value) =>
  (AUDIO_FORMATS as readonly unknown[]).includes(value) ? undefined : `must be one of ${AUDIO_FORMATS.join(", ")}`;
const language: Check = (value) =>
  typeof value === "string" && value.length <= 35 && LANGUAGE.test(value)
    ? undefined
    : "must be a BCP-47 language such as en or pt-BR";

const tag: Check = (value) =>
  typeof value === "string" && TAG.test(value) ? undefined : "must be up to 64 letters, digits and . _ : / @ -";

/** The bounds of the HTTP route's body, field for field. */
const SETTINGS = {
  voice: { check: string(1, 256) },
  model: { check: string(1, 256) },
  format: { check: format },
  speed: { check: number(SETTING_RANGES.speed) },
  pitch: { check: number(SETTING_RANGES.pitch) },
  volume: { check: number(SETTING_RANGES.volume) },
  instructions: { check: string(0, MAX_INSTRUCTIONS_CHARS) },
  style: { check: string(1, MAX_STYLE_CHARS) },
  seed: { check: seed },
  clean: { check: boolean },
  language: { check: language },
  user: { check: string(1, 512) },
  tag: { check: tag },
  words: { check: boolean },
} as const satisfies Record<keyof UtteranceSettings, { check: Check }>;

const ID = { id: { check: string(1, MAX_ID_CHARS), required: true } } as const;
const TEXT = { ...ID, text: { check: anyString, required: true }, ...SETTINGS } as const;
const oneOf =
  (values: readonly string[]): Check =>
  (value) =>
    (values as readonly unknown[]).includes(value) ? undefined : `must be one of ${values.join(", ")}`;
const { voice, speed, pitch, volume, instructions, style, seed: turnSeed, language: turnLanguage } = SETTINGS;
const TURN: Fields = {
  text: { check: string(1, Number.POSITIVE_INFINITY), required: true },
  ...{ voice, speed, pitch, volume, instructions, style, seed: turnSeed, language: turnLanguage },
};
const turns: Check = (value) => {
  const { maxTurns } = TURN_BOUNDS;
  if (!Array.isArray(value) || value.length === 0 || value.length > maxTurns) return `must be 1 to ${maxTurns} turns`;
  for (const [at, turn] of value.entries()) {
    if (typeof turn !== "object" || turn === null || Array.isArray(turn)) return `has a turn (${at}) that is no object`;
    const problem = fieldProblem(turn as Record<string, unknown>, TURN);
    if (problem !== undefined) return `has a turn (${at}) in which ${problem.message}`;
  }
  return undefined;
};
const SPEAK = {
  ...TEXT,
  text: { check: anyString },
  inputType: { check: oneOf(INPUT_TYPES) },
  turns: { check: turns },
  turnPauseMs: { check: number({ min: 0, max: TURN_BOUNDS.maxPauseMs }) },
} as const;
const TYPES: Readonly<Record<ClientMessage["type"], Fields>> = {
  speak: SPEAK,
  append: TEXT,
  flush: ID,
  end: ID,
  cancel: ID,
};

/** One text frame, checked as strictly as an HTTP body: no unknown types, no unknown fields, no key twice. */
export function readMessage(data: Buffer): ReadMessage {
  let value: unknown;
  try {
    value = parseStrictJson(data, "message");
  } catch (error) {
    return { id: undefined, error: SpeechError.from(error, "invalid_json", "the message is not valid JSON") };
  }
  if (typeof value !== "object" || value === null || Array.isArray(value))
    return { id: undefined, error: wrong("a message is a JSON object", undefined) };
  const error = problemOf(value as Record<string, unknown>);
  if (error === undefined) return { message: value as ClientMessage };
  const { id } = value as { id?: unknown };
  return { id: ID.id.check(id) === undefined ? (id as string) : undefined, error };
}

/** Which settings a message brings, beside its text. */
export function hasSettings(message: Extract<ClientMessage, { type: "append" }>): boolean {
  return Object.keys(message).some((name) => Object.hasOwn(SETTINGS, name));
}

function problemOf(value: Record<string, unknown>): SpeechError | undefined {
  const { type } = value;
  if (typeof type !== "string" || !Object.hasOwn(TYPES, type))
    return wrong(`"type" must be one of ${Object.keys(TYPES).join(", ")}`, "type");
  const problem = fieldProblem(value, TYPES[type as ClientMessage["type"]], `"${type}"`);
  if (problem !== undefined) return wrong(problem.message, problem.name);
  return type === "speak" ? inputProblem(value) : undefined;
}

/** A text or turns, and not both. */
function inputProblem({ text, turns, turnPauseMs }: Record<string, unknown>): SpeechError | undefined {
  if (text === undefined && turns === undefined) return wrong('"text" is required', "text");
  if (text !== undefined && turns !== undefined) return wrong('there is either "text" or "turns"', "turns");
  return turns === undefined && turnPauseMs !== undefined
    ? wrong('"turnPauseMs" is for "turns"', "turnPauseMs")
    : undefined;
}

function fieldProblem(
  value: Record<string, unknown>,
  fields: Fields,
  where = "a turn",
): { readonly message: string; readonly name: string } | undefined {
  for (const name in value) {
    if (name === "type" && where !== "a turn") continue;
    const shown = name.slice(0, 80);
    if (!Object.hasOwn(fields, name)) return { message: `"${shown}" is not a field of ${where}`, name: shown };
    const problem = fields[name]!.check(value[name]);
    if (problem !== undefined) return { message: `"${name}" ${problem}`, name };
  }
  for (const name in fields) {
    if (fields[name]!.required && !Object.hasOwn(value, name)) return { message: `"${name}" is required`, name };
  }
  return undefined;
}

function wrong(message: string, param: string | undefined): SpeechError {
  return new SpeechError("invalid_request", message, param === undefined ? {} : { param });
}
