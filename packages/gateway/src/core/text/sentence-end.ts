/**
 * Finds where a sentence ends. Reads Unicode's own Sentence_Terminal class, as `Intl.Segmenter` does, but not its
 * sentence granularity, for three reasons that tests pin down:
 * - a segment's text is its cache key on every server, and ICU's answer differs between Node releases;
 * - ICU looks past the next words for a lower-case letter ("It was 2019. 12 people came." is one sentence to it), so the
 *   same sentence would be cut differently in different company;
 * - here each decision needs a bounded look in both directions, so cutting is linear, and text that arrives in pieces is
 *   cut as soon as the decision can be known.
 */
import {
  BEFORE_NUMBER,
  DAYS,
  EXCLAIMING_NAMES,
  GERMAN_MONTHS,
  GO_ON_IN_LOWER_CASE,
  LOWER_STARTERS,
  MONTHS,
  NEVER_LAST,
  PERHAPS_LAST,
  STARTERS,
  TIME_WORDS,
  TITLES,
} from "./abbreviations.ts";

const CANDIDATE = /[\p{Sentence_Terminal}…;\n•‣▪◦●]/gu;
const TERMINATOR = /[\p{Sentence_Terminal}…]/u;
const CLOSER = /[\p{Pe}\p{Pf}\p{Pi}"'*_`~]/u;
/** May stand between the space and the first letter of a sentence. */
const OPENER = /[\p{Ps}\p{Pi}\p{Pf}\p{Pd}"'¿¡*_`~#>]/u;
const BULLET = /[•‣▪◦●]/;
const WORD = /[\p{L}\p{M}\p{N}'’]{1,24}/uy;
const ABBREVIATIONS = [NEVER_LAST, TITLES, BEFORE_NUMBER, PERHAPS_LAST, GO_ON_IN_LOWER_CASE];
const OPENERS_MAX = 16;
const RUN_MAX = 64;
const TOKEN_MAX = 40;

/** A boundary after `end`; `wait`: text that is still to come decides; `none` up to `from`. */
export type SentenceEnd =
  | { readonly kind: "end"; readonly end: number }
  | { readonly kind: "wait"; readonly from: number }
  | { readonly kind: "none"; readonly from: number };

export type Scan = {
  readonly text: string;
  /** Where the sentence starts. */
  readonly start: number;
  /** No more text will come. */
  readonly final: boolean;
};

/** The first sentence end after `from`, not looking for candidates beyond `until`. */
export function findSentenceEnd(scan: Scan, from: number, until: number): SentenceEnd {
  const window = scan.text.slice(0, until + 1); // a search must not run through all of a long text for each sentence
  CANDIDATE.lastIndex = from;
  for (;;) {
    const match = CANDIDATE.exec(window);
    if (match === null || match.index >= until) return { kind: "none", from: Math.min(until, scan.text.length) };
    const verdict = judge(scan, match.index);
    if (verdict === "wait") return { kind: "wait", from: match.index };
    if (typeof verdict === "number") return { kind: "end", end: verdict };
    const next = match.index + match[0].length;
    CANDIDATE.lastIndex = TERMINATOR.test(match[0]) ? skip(scan.text, next, TERMINATOR) : next; // a run is judged once
  }
}

/** The end if there is one at this character, else undefined. */
function judge(scan: Scan, at: number): number | "wait" | undefined {
  const { text, start } = scan;
  const character = text[at]!;
  if (character === "\n") return at;
  if (BULLET.test(character)) return at > start && text[at - 1] === " " ? at - 1 : undefined;
  if (character === ";" && !/\p{Script=Greek}/u.test(text[at - 1] ?? "")) return undefined; // NFC spells the Greek "?" so
  return judgeTerminators(scan, at);
}

function judgeTerminators(scan: Scan, at: number): number | "wait" | undefined {
  const { text, final } = scan;
  const marksEnd = skip(text, at + charLength(text, at), TERMINATOR);
  let end = skip(text, marksEnd, CLOSER);
  if (text[end] === " " && /[»›]/.test(text[end + 1] ?? "") && /^(\s|$)/.test(text.slice(end + 2, end + 3))) {
    if (end + 2 >= text.length && !final) return "wait";
    end += 2; // French sets a space inside its quotes
  }
  if (end >= text.length || (text[end] === " " && end + 1 >= text.length)) return final ? end : "wait";
  if (text[end] === "\n") return end;
  const marks = text.slice(at, marksEnd);
  const spaced = text[end] === " ";
  if (/[^\x20-\x7e…․﹒．]/u.test(marks)) return strongEnd(text, end, end > marksEnd, spaced);
  if (!spaced) return unspacedEnd(scan, at, marks, end);
  return judgeBeforeSpace(scan, { at, marks, end, closed: end > marksEnd });
}

/** 。！？ and the marks of other scripts end a sentence without a space; not inside 「…。」と言った. */
function strongEnd(text: string, end: number, closed: boolean, spaced: boolean): number | undefined {
  return closed && !spaced && /\p{Script=Hiragana}/u.test(text[end]!) ? undefined : end;
}

/** A space was forgotten ("Great!Let's go") or misplaced ("the stage .It is"). Never inside what looks like an address. */
function unspacedEnd(scan: Scan, at: number, marks: string, end: number): number | "wait" | undefined {
  const { text, start } = scan;
  if (marks === "．") return /\d/.test(text[at - 1] ?? "") && /\d/.test(text[end]!) ? undefined : end;
  if (end + 2 > text.length && !scan.final) return "wait";
  const next = text.slice(end, end + 2);
  if (at > start && text[at - 1] === " ") return /^(\p{Lu}[\p{Ll}'’]|I(\s|$))/u.test(next) ? end : undefined; // not ".NET"
  if (!/^([!?]+|\.|\.{3,})$/.test(marks) || !/^\p{Lu}/u.test(next)) return undefined;
  const token = tokenBefore(scan, at, /\s/);
  if (marks === ".") {
    if (!/^(\p{Lu}?\p{Ll}{3,}|[\d-]*\d{2})$/u.test(token)) return undefined; // a.B, v1.X, www.Site.Com
    const word = lazyWord(scan, end)();
    return word === undefined ? "wait" : STARTERS.has(word) ? end : undefined;
  }
  return /\p{L}{2}$/u.test(token) && !/[/@:.=&]/.test(token) && !EXCLAIMING_NAMES.has(token.toLowerCase())
    ? end
    : undefined;
}

type Mark = { readonly at: number; readonly marks: string; readonly end: number; readonly closed: boolean };

function judgeBeforeSpace(scan: Scan, mark: Mark): number | "wait" | undefined {
  const { text, final } = scan;
  let next = mark.end + 1;
  const openersEnd = next + OPENERS_MAX;
  while (next < openersEnd && next < text.length && OPENER.test(text[next]!)) next++;
  while (next < text.length && text[next] === " ") next++;
  if (next >= text.length) return final ? mark.end : "wait";
  const first = String.fromCodePoint(text.codePointAt(next)!);
  if (TERMINATOR.test(first)) return undefined; // ". . ."
  const lower = /\p{Ll}/u.test(first);
  const word = /\p{Pd} /u.test(text.slice(mark.end, next)) ? () => "" : lazyWord(scan, next); // "D.C. - The Wharf"
  if (/^[.․﹒．]$/u.test(mark.marks))
    return lower ? judgeLowerNext(scan, mark, word) : judgeFullStop(scan, mark, first, word);
  if (/[!?]/.test(mark.marks)) {
    const name = EXCLAIMING_NAMES.has(tokenBefore(scan, mark.at).toLowerCase());
    return name || (lower && mark.closed) ? undefined : mark.end; // "Really?" he asked
  }
  if (lower || /\d/.test(first)) return undefined; // an ellipsis: "Well... maybe"
  if (first !== "I" || !/^(\.\.\.|…)$/.test(mark.marks)) return mark.end; // ".." and "....." are sloppy full stops
  const said = word();
  return said === undefined ? "wait" : /^i(['’]|$)/.test(said) ? undefined : mark.end; // always capital, so no sign
}

type NextWord = () => string | undefined;

/** The next word in lower case; undefined while it may still grow. */
function lazyWord({ text, final }: Scan, at: number): NextWord {
  return () => {
    WORD.lastIndex = at;
    const word = WORD.exec(text)?.[0] ?? "";
    return at + word.length >= text.length && !final ? undefined : word.toLowerCase().replaceAll("’", "'");
  };
}

/** A single full stop, then a space, then anything but a lower-case letter. */
function judgeFullStop(scan: Scan, mark: Mark, first: string, word: NextWord): number | "wait" | undefined {
  const token = tokenBefore(scan, mark.at);
  const lower = token.toLowerCase();
  const tokenStart = mark.at - token.length;
  const digitNext = /[\p{N}#№]/u.test(first);
  const when = (decide: (next: string) => boolean): number | "wait" | undefined => {
    const next = word();
    return next === undefined ? "wait" : decide(next) ? mark.end : undefined;
  };
  if (/^\d{1,3}$/.test(token)) return judgeNumber(scan, token, tokenStart, when);
  if (isFirst(scan, tokenStart) && /^(\p{L}|[ivx]{1,4})$/iu.test(token)) return undefined; // list marker "a." or an initial
  if (/^(a\.m|p\.m)$/.test(lower)) return digitNext ? undefined : when((next) => next !== "" && !TIME_WORDS.has(next));
  const capital = /^\p{Lu}/u.test(token);
  if (lower === "dr" && isStreet(scan, tokenStart)) return when((next) => STARTERS.has(next));
  if (NEVER_LAST.has(lower)) return undefined;
  if (capital && TITLES.has(lower)) return undefined;
  if (BEFORE_NUMBER.has(lower) && digitNext) return undefined;
  if (capital && DAYS.has(lower)) return digitNext ? undefined : when((next) => !MONTHS.has(next));
  const unsure = PERHAPS_LAST.has(lower) || /^\p{L}$/u.test(token) || /^(\p{L}{1,2}\.)+\p{L}{1,2}$/u.test(token);
  return unsure ? when((next) => STARTERS.has(next)) : mark.end;
}

/**
 * People and machines write whole replies in lower case: "we found 4. would you like one?" An end only between a plain
 * word or number and a word that nearly always starts a sentence: a missed cut is inaudible, a wrong one is not.
 */
function judgeLowerNext(scan: Scan, mark: Mark, word: NextWord): number | "wait" | undefined {
  const token = tokenBefore(scan, mark.at);
  if (mark.closed || !/^(\p{Ll}{3,}|[\d.:,]*\d)$/u.test(token) || ABBREVIATIONS.some((set) => set.has(token)))
    return undefined;
  const next = word();
  return next === undefined ? "wait" : LOWER_STARTERS.has(next) ? mark.end : undefined;
}

/** "12 Elm Dr." but not "Ask Dr." */
function isStreet({ text, start }: Scan, tokenStart: number): boolean {
  return /\d \p{Lu}\p{L}+ $/u.test(text.slice(Math.max(start, tokenStart - TOKEN_MAX), tokenStart));
}

/** "1. Milk" is a list marker, "Choose: 1. Milk 2. Bread" three pieces, "am 3. Oktober" a date, "in 20. We" an end. */
function judgeNumber(
  scan: Scan,
  token: string,
  tokenStart: number,
  when: (decide: (next: string) => boolean) => number | "wait" | undefined,
): number | "wait" | undefined {
  if (isFirst(scan, tokenStart)) return undefined;
  const { text, start } = scan;
  if (/[:;] $/.test(text.slice(Math.max(start, tokenStart - 2), tokenStart))) return tokenStart - 1;
  const marker = /^\P{L}{0,3}?(\d{1,3})\. /u.exec(text.slice(start, start + 8))?.[1];
  if (marker !== undefined && text[tokenStart - 1] === " " && Number(marker) + 1 === Number(token))
    return tokenStart - 1;
  return when((next) => !GERMAN_MONTHS.has(next));
}

/** Whether nothing but markup stands before this in its sentence. */
function isFirst({ text, start }: Scan, at: number): boolean {
  return at - start <= OPENERS_MAX && !/[\p{L}\p{N}]/u.test(text.slice(start, at));
}

/** What stands directly before, back to a space or an opening mark, not beyond the sentence's start. */
function tokenBefore({ text, start }: Scan, at: number, edge = /[\s\p{Ps}\p{Pi}"'*_`~]/u): string {
  const floor = Math.max(start, at - TOKEN_MAX);
  let from = at;
  while (from > floor && !edge.test(text[from - 1]!)) from--;
  return text.slice(from, at);
}

/** Bounded: in a megabyte of dots no decision reads all of them. */
function skip(text: string, from: number, what: RegExp): number {
  let at = from;
  while (at < text.length && at - from < RUN_MAX && what.test(String.fromCodePoint(text.codePointAt(at)!)))
    at += charLength(text, at);
  return at;
}

function charLength(text: string, at: number): number {
  return text.codePointAt(at)! > 0xffff ? 2 : 1;
}
