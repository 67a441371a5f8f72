import { date, time } from "./dates.ts";
import { cardinal, digitNames, MAX_IN_WORDS, ordinal } from "./number-words.ts";
import { characters, digits, telephone } from "./spelled.ts";

export type SayAs = {
  readonly interpretAs: string;
  readonly format: string | undefined;
  /** Of the text, BCP-47; undefined is taken as English. */
  readonly language: string | undefined;
};

/** The text as it is to be said, or why it is left as it is. */
export type Said = { readonly text: string } | { readonly problem: string };

/**
 * What `say-as` does to a text. Spelling and digits are the same in every language; numbers, dates and times become words
 * in English alone, for elsewhere words agree with what they stand beside, and the engine knows its language better.
 */
export function sayAs(text: string, { interpretAs, format, language }: SayAs): Said {
  const english = language === undefined || /^en(?:-|$)/i.test(language);
  const kind = interpretAs === "number" && format !== undefined ? format : interpretAs;
  switch (kind) {
    case "characters":
    case "spell-out":
    case "verbatim":
      return { text: characters(text, english) };
    case "digits":
      return orLeft(digits(text, english), "has no digit");
    case "telephone":
      return orLeft(telephone(text, english), "has no digit");
    case "cardinal":
    case "number":
      return english ? orLeft(number(text, cardinal), "is not a number") : foreign(kind);
    case "ordinal":
      return english ? orLeft(number(text, ordinal), "is not a number") : foreign(kind);
    case "date":
      return english ? orLeft(date(text, format), "is not a date of that format") : foreign(kind);
    case "time":
      return english ? orLeft(time(text), "is not a time") : foreign(kind);
    case "expletive":
    case "bleep":
      return { text: "bleep" };
    default:
      return { problem: "this way of saying is not known; the text is left to the engine" };
  }
}

function orLeft(said: string | undefined, problem: string): Said {
  return said === undefined ? { problem: `the text ${problem}; it is left to the engine` } : { text: said };
}

function foreign(kind: string): Said {
  return { problem: `${kind} is put into words in English only; the text is left to the engine` };
}

const NUMBER = /^([-+−])?(\d{1,3}(?:,\d{3})+|\d+)(?:\.(\d+))?(?:st|nd|rd|th)?$/i;

function number(text: string, words: (value: number) => string): string | undefined {
  const found = NUMBER.exec(text.trim());
  if (found === null) return undefined;
  const [, sign, raw = "", decimals] = found;
  const whole = raw.replaceAll(",", "");
  if (decimals !== undefined && words === ordinal) return undefined;
  const value = Number(whole);
  const said = value <= MAX_IN_WORDS ? words(value) : digitNames(whole);
  const minus = sign === "-" || sign === "−" ? "minus " : "";
  return `${minus}${said}${decimals === undefined ? "" : ` point ${digitNames(decimals)}`}`;
}
