import {
  BEFORE_NUMBER,
  DAYS,
  EXCLAIMING_NAMES,
  GO_ON_IN_LOWER_CASE,
  MONTHS,
  NEVER_LAST,
  PERHAPS_LAST,
  TITLES,
} from "./abbreviations.ts";

/** The last word, its end marks and what closes after them. Looked for in the last few characters only. */
const ENDING = /([\p{L}\p{M}\p{N}'’.-]*?)([\p{Sentence_Terminal}…]+)[\p{Pe}\p{Pf}"'*_`]*\s*$/u;
const LOOKED_AT_CHARS = 48;
const PLAIN_WORD = /^\p{L}*\p{Ll}{2,}$/u;
const NOT_LAST = [NEVER_LAST, TITLES, BEFORE_NUMBER, PERHAPS_LAST, GO_ON_IN_LOWER_CASE, DAYS, MONTHS];

/**
 * Whether somebody who stops here has probably said a whole sentence. A guess, for when nothing follows for the moment:
 * a full stop counts only after a plain word, for after numbers, abbreviations and dots the next word decides.
 */
export function soundsOver(text: string): boolean {
  const [, word = "", marks] = ENDING.exec(text.slice(-LOOKED_AT_CHARS)) ?? [];
  if (marks === undefined) return false;
  const lower = word.toLowerCase();
  if (/[^.․﹒．…]/u.test(marks)) return !EXCLAIMING_NAMES.has(lower);
  return marks === "." && PLAIN_WORD.test(word) && !NOT_LAST.some((set) => set.has(lower));
}
