import { SpeechError } from "../errors.ts";
import { placeOf } from "./place.ts";

/** What is wrong with a document, and where. */
export function ssmlError(document: string, at: number, what: string): SpeechError {
  const { line, column } = placeOf(document, at);
  return new SpeechError("ssml_invalid", `line ${line}, column ${column}: ${what}`, { param: "input" });
}

const SHOWN_CHARS = 40;

/** A name or a value out of a document, short enough and without anything that could break a line or a header. */
export function shown(text: string): string {
  const short = text.length > SHOWN_CHARS ? `${text.slice(0, SHOWN_CHARS)}…` : text;
  return JSON.stringify(short.replaceAll(/[\p{Cc}\p{Cs}\u2028\u2029]/gu, "?"));
}
