import { SpeechError } from "../core/errors.ts";
import type { Script, SpanSettings } from "../core/script.ts";
import { ScriptTooLarge, ScriptWriter } from "../core/script-writer.ts";
import { writeSsml } from "../core/ssml/read-ssml.ts";
import { DEFAULT_CLEANING } from "../core/text/clean/cleaning.ts";
import { cleanText } from "../core/text/clean/text-cleaner.ts";
import { isSpeakable, prepareText } from "../core/text/prepare.ts";
import type { Turn, Utterance } from "../core/utterance.ts";
import type { PlannerOptions } from "./plan.ts";

/** What is silent between two turns where nobody says otherwise: about what people leave in a calm conversation. */
export const DEFAULT_TURN_PAUSE_MS = 300;
/** A document may have so many characters for each that may be spoken, and some more. */
const MARKUP_FACTOR = 8;
const MARKUP_EXTRA_CHARS = 16_384;

export type ScriptOptions = Pick<PlannerOptions, "maxTextChars" | "text">;

/** Of an utterance, what is said and how. */
type Said = Omit<Utterance, "cache" | "subject">;

/**
 * The script of an utterance that is more than a text: SSML, or a dialogue. Undefined for a plain text.
 * Throws `ssml_invalid`, `text_too_long` and `text_empty`, naming the parameter.
 */
export function scriptOf(utterance: Said, options: ScriptOptions): Script | undefined {
  const { maxTextChars } = options;
  const { turns, inputType, text } = utterance;
  if (turns === undefined && inputType !== "ssml") return undefined;
  const writer = new ScriptWriter({ maxChars: maxTextChars });
  if (turns !== undefined) writeTurns(turns, utterance, writer, options);
  else {
    checkMarkup(text, maxTextChars);
    writeSsml(text, settingsOf(utterance, undefined, undefined), writer);
  }
  const script = writer.finish();
  if (script.spans.length > 0) return script;
  throw new SpeechError("text_empty", "the text holds nothing that can be spoken", {
    param: turns === undefined ? "input" : "turns",
  });
}

function writeTurns(
  turns: readonly Turn[],
  utterance: Said,
  writer: ScriptWriter,
  { maxTextChars, text: rules }: ScriptOptions,
): void {
  const { clean = rules?.cleansByDefault ?? false } = utterance;
  const { turnPauseMs = DEFAULT_TURN_PAUSE_MS, inputType } = utterance;
  for (const [at, turn] of turns.entries()) {
    const param = `turns.${at}.text`;
    const settings = settingsOf(utterance, turn, `turns.${at}.voice`);
    writer.turn(at === 0 ? 0 : turnPauseMs);
    try {
      if (inputType === "ssml") {
        checkMarkup(turn.text, maxTextChars);
        writeSsml(turn.text, settings, writer);
        continue;
      }
      const text = clean ? cleanText(turn.text, rules?.cleaning ?? DEFAULT_CLEANING) : turn.text;
      if (isSpeakable(prepareText(text))) writer.text(text, settings);
      else throw new SpeechError("text_empty", "this turn holds nothing that can be spoken");
    } catch (error) {
      const message = error instanceof ScriptTooLarge ? error.message : undefined;
      if (message !== undefined) throw new SpeechError("invalid_request", message, { param: "turns" });
      throw error instanceof SpeechError ? inTurn(error, param) : error;
    }
  }
}

/** What is wrong with one turn is told of that turn. */
function inTurn(error: SpeechError, param: string): SpeechError {
  return new SpeechError(error.code, `${param}: ${error.message}`, { cause: error, param });
}

/** The longest document that is read, where so much of it may be spoken. */
export function maxMarkupChars(maxTextChars: number): number {
  return maxTextChars * MARKUP_FACTOR + MARKUP_EXTRA_CHARS;
}

function checkMarkup(document: string, maxTextChars: number): void {
  const most = maxMarkupChars(maxTextChars);
  if (document.length <= most) return;
  const message = `the SSML has ${document.length} characters; at most ${most} are read`;
  throw new SpeechError("text_too_long", message, { param: "input" });
}

function settingsOf(utterance: Said, turn: Turn | undefined, param: string | undefined): SpanSettings {
  const { speed, pitch, volume, instructions, style, seed, language, voice } = { ...utterance, ...turn };
  return {
    ...{ speed, pitch, volume },
    ...(instructions !== undefined && { instructions }),
    ...(style !== undefined && { style }),
    ...(seed !== undefined && { seed }),
    ...(language !== undefined && { language }),
    voice: { names: [voice], ...(turn?.voice !== undefined && param !== undefined && { param }) },
  };
}
