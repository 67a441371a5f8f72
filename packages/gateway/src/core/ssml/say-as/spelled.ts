import { digitNames } from "./number-words.ts";

/** What English calls the signs that are spelled out most. */
const SIGN_NAMES: ReadonlyMap<string, string> = new Map([
  [".", "dot"],
  [",", "comma"],
  ["-", "dash"],
  ["_", "underscore"],
  ["/", "slash"],
  ["\\", "backslash"],
  ["@", "at"],
  ["#", "hash"],
  ["&", "and"],
  ["+", "plus"],
  ["*", "star"],
  [":", "colon"],
  [";", "semicolon"],
  ["!", "exclamation mark"],
  ["?", "question mark"],
  ["%", "percent"],
  ["=", "equals"],
  ["$", "dollar"],
  ["(", "open parenthesis"],
  [")", "close parenthesis"],
  ["'", "apostrophe"],
  ['"', "quote"],
]);

const GRAPHEMES = new Intl.Segmenter("en", { granularity: "grapheme" });

/** Letter by letter, digit by digit: what every engine reads one by one is a row of them with spaces between. */
export function characters(text: string, english: boolean): string {
  const spelled = Array.from(GRAPHEMES.segment(text.normalize("NFC")), ({ segment }) => segment);
  return spelled
    .filter((character) => !/\s/u.test(character))
    .map((character) => characterName(character, english))
    .join(" ");
}

function characterName(character: string, english: boolean): string {
  if (!english) return character.toLocaleUpperCase();
  if (/^[0-9]$/.test(character)) return digitNames(character);
  return SIGN_NAMES.get(character) ?? character.toUpperCase();
}

/** The digits, one by one; undefined where there is none. */
export function digits(text: string, english: boolean): string | undefined {
  const found = text.replaceAll(/[^0-9]/g, "");
  if (found === "") return undefined;
  return english ? digitNames(found) : found.split("").join(" ");
}

/** A telephone number: digits one by one, a comma's pause between its groups. Undefined where there is no digit. */
export function telephone(text: string, english: boolean): string | undefined {
  const [number = "", extension] = text.split(/(?:ext\.?|extension|x)(?=\s*\d)/i);
  const groups = number.match(/\+|[0-9A-Za-z*#]+/g) ?? [];
  if (!groups.some((group) => /\d/.test(group))) return undefined;
  const said = groups.map((group) => (group === "+" ? (english ? "plus" : "+") : characters(group, english)));
  const whole = said.join(", ").replace(/^(plus|\+), /, "$1 ");
  return extension === undefined || !english ? whole : `${whole}, extension ${digits(extension, true)}`;
}
