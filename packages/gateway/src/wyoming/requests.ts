import { SpeechError } from "../core/errors.ts";
import { DEFAULT_CACHE_POLICY, type InputType, type Utterance } from "../core/utterance.ts";
import type { WyomingEvent } from "./events.ts";

const MAX_NAME_CHARS = 256;

/** The text of `synthesize` and `synthesize-chunk`. Throws `invalid_request`. */
export function textOf({ type, data }: WyomingEvent): string {
  const { text } = data;
  if (typeof text === "string") return text;
  throw invalid(`"text" of ${type} is a string`, "text");
}

/** What the client says that its text is; undefined: it does not say, as all did before `text_format` was added. */
export function textFormatOf({ data: { text_format: format } }: WyomingEvent): InputType | undefined {
  if (format === undefined || format === null) return undefined;
  if (format === "text" || format === "ssml") return format;
  throw invalid('"text_format" is text or ssml', "text_format");
}

/** Who shall speak: by name, else by language, else the default. Throws `invalid_request` for what would not be heard. */
export function voiceOf({ data }: WyomingEvent, defaultVoice: string): string {
  const { voice } = data;
  if (voice === undefined || voice === null) return defaultVoice;
  if (typeof voice !== "object") throw invalid(`"voice" is an object`, "voice");
  const { name, language, speaker } = voice as Record<string, unknown>;
  if (text(speaker, "voice.speaker") !== undefined)
    throw invalid("voices here have no speakers; each has a name of its own", "voice.speaker");
  return text(name, "voice.name") ?? text(language, "voice.language") ?? defaultVoice;
}

/** An utterance in the words of the core. */
export function utteranceOf(
  asked: Pick<Utterance, "text" | "voice" | "format" | "subject" | "clean" | "inputType">,
): Utterance {
  return { ...asked, speed: 1, pitch: 1, volume: 1, cache: DEFAULT_CACHE_POLICY };
}

function text(value: unknown, param: string): string | undefined {
  if (value === undefined || value === null || value === "") return undefined;
  if (typeof value === "string" && value.length <= MAX_NAME_CHARS) return value;
  throw invalid(`"${param}" is a string of ${MAX_NAME_CHARS} characters at most`, param);
}

function invalid(message: string, param: string): SpeechError {
  return new SpeechError("invalid_request", message, { param });
}
