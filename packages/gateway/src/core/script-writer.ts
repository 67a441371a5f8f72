import { SpeechError } from "./errors.ts";
import {
  NO_REST,
  type Notice,
  type PlacedMark,
  type Pronunciation,
  type Rest,
  SCRIPT_BOUNDS,
  type Script,
  type Span,
  type SpanSettings,
} from "./script.ts";
import type { Place } from "./ssml/place.ts";
import { cleanCharacters, isSpeakable, prepareText } from "./text/prepare.ts";

/** What went over a bound, for whoever knows where in the document that was. */
export class ScriptTooLarge extends Error {}

/** Punctuation that ends what stands before it. */
const CLOSING = /^[.,;:!?…。、，！？；：\p{Pe}\p{Pf}]+(?=\s|$)/u;

type OpenSpan = {
  readonly lead: Rest;
  readonly settings: SpanSettings;
  raw: string;
  /** Characters of it, white space not counted, once it is cleaned. */
  length: number;
  readonly marks: PlacedMark[];
  readonly pronunciations: Pronunciation[];
};

/**
 * Writes a script from left to right. Text of the same settings grows together until something divides it; what nobody
 * could speak alone, such as the full stop behind a `</prosody>`, goes to the text before it.
 */
export class ScriptWriter {
  readonly #maxChars: number;
  readonly #spans: OpenSpan[] = [];
  readonly #notices: Notice[] = [];
  #rest: { ms: number; marks: { name: string; atMs: number }[] } = { ms: 0, marks: [] };
  #totalRestMs = 0;
  #chars = 0;
  #marks = 0;
  /** The last span takes no more text of other sentences. */
  #divided = true;
  /** The least silence before the next span. */
  #pauseMs = 0;
  /** Not even its punctuation goes to the last span. */
  #apart = false;
  /** What cannot be spoken alone and has nothing before it: goes to the text behind it. */
  #waiting = "";

  /** `maxChars`: of all text, in UTF-16 code units, markup not counted. */
  constructor({ maxChars }: { readonly maxChars: number }) {
    this.#maxChars = maxChars;
  }

  /** Text as it stands in the document. Throws `text_too_long`, `ScriptTooLarge`. */
  text(raw: string, settings: SpanSettings): void {
    if (raw === "") return;
    this.#chars += raw.length;
    if (this.#chars > this.#maxChars)
      throw new SpeechError(
        "text_too_long",
        `at most ${this.#maxChars} characters are spoken, and this text has more`,
        {
          param: "input",
        },
      );
    const last = this.#spans.at(-1);
    const resting = this.#rest.ms > 0;
    if (last !== undefined && !this.#divided && !resting && sameSettings(last.settings, settings)) {
      this.#append(last, raw);
      return;
    }
    const rest = last === undefined ? raw : this.#close(last, raw, resting);
    if (isSpeakable(rest)) this.#begin(rest, settings);
    else if (rest.trim() === "") {
      // White space between two elements of one sentence must not glue their words together.
      if (last !== undefined && !resting) last.raw += rest;
    } else if (last !== undefined && !resting && !this.#divided) this.#append(last, rest);
    else this.#waiting += rest;
  }

  /** Text whose pronunciation is given. */
  pronounced(raw: string, settings: SpanSettings, how: Omit<Pronunciation, "from" | "to">): void {
    const waited = this.#waiting;
    this.text(raw, settings);
    const last = this.#spans.at(-1);
    const length = lengthOf(raw);
    // What waits for other text to be spoken with has no place yet.
    if (last !== undefined && length > 0 && (this.#waiting === "" || this.#waiting === waited))
      last.pronunciations.push({ ...how, from: last.length - length, to: last.length });
    else this.notice("phonemes of text that cannot be spoken alone are not done", how.place);
  }

  /** A sentence begins or ends; `pauseMs`: what is silent at least before text goes on, if there was any before. */
  divide(pauseMs = 0): void {
    this.#divided = true;
    if (this.#spans.length > 0) this.#pauseMs = Math.max(this.#pauseMs, pauseMs);
  }

  /** Somebody else's turn begins: nothing of it belongs to what was said before. */
  turn(pauseMs: number): void {
    this.divide(pauseMs);
    this.#waiting = "";
    this.#apart = true;
  }

  /** Silence of so many milliseconds. Throws `ScriptTooLarge`. */
  rest(ms: number): void {
    const { maxRestMs, maxTotalRestMs } = SCRIPT_BOUNDS;
    if (ms > maxRestMs) throw new ScriptTooLarge(`a break is ${maxRestMs / 1000} seconds at most`);
    this.#totalRestMs += ms;
    if (this.#totalRestMs > maxTotalRestMs)
      throw new ScriptTooLarge(`all breaks together are more than ${maxTotalRestMs / 1000} seconds`);
    this.#rest.ms += ms;
  }

  /** Throws `ScriptTooLarge`. */
  mark(name: string): void {
    if (++this.#marks > SCRIPT_BOUNDS.maxMarks) throw new ScriptTooLarge(`more than ${SCRIPT_BOUNDS.maxMarks} marks`);
    const last = this.#spans.at(-1);
    if (last === undefined || this.#rest.ms > 0) this.#rest.marks.push({ name, atMs: this.#rest.ms });
    else last.marks.push({ name, at: last.length });
  }

  /** More would not be read by anybody. */
  get takesNotices(): boolean {
    return this.#notices.length < SCRIPT_BOUNDS.maxNotices;
  }

  notice(message: string, place?: Place): void {
    if (this.takesNotices) this.#notices.push({ ...place, message });
  }

  finish(): Script {
    return {
      spans: this.#spans.map(
        ({ raw, lead, settings, marks, pronunciations }): Span => ({
          ...{ lead, settings, marks, pronunciations },
          text: prepareText(raw),
        }),
      ),
      tail: this.#takeRest(),
      notices: this.#notices,
    };
  }

  /** Punctuation that directly follows a span belongs to it, also from behind a break. What is left of the text. */
  #close(last: OpenSpan, raw: string, resting: boolean): string {
    const closing = !this.#apart && (resting || !/\s$/.test(last.raw)) ? (CLOSING.exec(raw)?.[0] ?? "") : "";
    if (closing === "") return raw;
    last.raw = last.raw.trimEnd();
    this.#append(last, closing);
    return raw.slice(closing.length);
  }

  #append(span: OpenSpan, raw: string): void {
    span.raw += raw;
    span.length += lengthOf(raw);
  }

  #begin(raw: string, settings: SpanSettings): void {
    if (this.#spans.length >= SCRIPT_BOUNDS.maxSpans)
      throw new ScriptTooLarge(`more than ${SCRIPT_BOUNDS.maxSpans} stretches of text that are said differently`);
    const text = this.#waiting + raw;
    this.#waiting = "";
    this.#divided = false;
    this.#apart = false;
    this.#rest.ms = Math.max(this.#rest.ms, this.#pauseMs);
    this.#pauseMs = 0;
    this.#spans.push({
      ...{ lead: this.#takeRest(), settings, raw: text, length: lengthOf(text) },
      ...{ marks: [], pronunciations: [] },
    });
  }

  #takeRest(): Rest {
    const rest = this.#rest;
    this.#rest = { ms: 0, marks: [] };
    return rest.ms === 0 && rest.marks.length === 0 ? NO_REST : rest;
  }
}

function lengthOf(raw: string): number {
  return lengthWithoutSpace(cleanCharacters(raw));
}

/** UTF-16 code units that are no white space: what a text has of them survives its preparation. */
export function lengthWithoutSpace(text: string): number {
  return text.replaceAll(/\s+/g, "").length;
}

function sameSettings(a: SpanSettings, b: SpanSettings): boolean {
  return (
    a === b ||
    (a.voice === b.voice &&
      a.language === b.language &&
      a.speed === b.speed &&
      a.pitch === b.pitch &&
      a.volume === b.volume &&
      a.style === b.style &&
      a.seed === b.seed &&
      a.instructions === b.instructions)
  );
}
