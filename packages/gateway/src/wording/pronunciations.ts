import { RE2JS } from "re2js";
import { parseLanguage } from "../core/language-tag.ts";
import { prepareText } from "../core/text/prepare.ts";
import type { Pronounce, Replacement } from "../core/text/text-rules.ts";

/** One rule of the configuration. Either `find`, which is taken literally, or `pattern`, a regular expression of RE2. */
export type PronunciationRule = {
  readonly find?: string;
  readonly pattern?: string;
  /** Instead; empty: nothing. With a pattern `$1` to `$9` are its groups. */
  readonly say: string;
  /** BCP-47; absent: in every language. */
  readonly language?: string;
  /** Only whole words. Default true for `find`; a pattern says it itself. */
  readonly words?: boolean;
  /** Whether capitals matter. Default true. */
  readonly matchCase?: boolean;
};

/** A rule that cannot be understood. One line that says why. */
export class PronunciationError extends Error {
  override readonly name = "PronunciationError";
}

type Match = Replacement & { readonly rule: number };
type Finder = (text: string) => Match[];
type Numbered = PronunciationRule & { readonly rule: number };

/** Sets of rules by language that are kept ready. */
const MAX_LANGUAGES = 200;
const WORD = "[\\p{L}\\p{M}\\p{N}_]";

/**
 * Rules ready for use. Of matches that overlap the first in the text wins, then the first rule. Literal rules are one
 * regular expression without repetition; patterns run on RE2, which takes time in proportion to the text whatever the
 * pattern: callers choose the texts. Throws PronunciationError.
 */
export function compilePronunciations(rules: readonly PronunciationRule[]): Pronounce {
  const numbered = rules.map((rule, at): Numbered => ({ ...rule, rule: at }));
  for (const rule of numbered) check(rule);
  finders(numbered); // patterns are tried at the start
  const ready = new Map<string, readonly Finder[]>();
  return (text, language) => {
    const tag = language ?? "";
    let found = ready.get(tag);
    if (found === undefined) {
      found = finders(numbered.filter((rule) => appliesTo(rule, language)));
      if (ready.size >= MAX_LANGUAGES) ready.clear();
      ready.set(tag, found);
    }
    return apart(
      found.flatMap((finder) => finder(text)),
      text,
    );
  };
}

function check({ find, pattern, rule, language }: Numbered): void {
  const of = `pronunciations.${rule}`;
  if ((find === undefined) === (pattern === undefined))
    throw new PronunciationError(`${of}: write either find or pattern`);
  if (find !== undefined && prepareText(find) === "") throw new PronunciationError(`${of}: find is empty`);
  if (language !== undefined && parseLanguage(language) === undefined)
    throw new PronunciationError(`${of}: "${language}" is not a language such as en or de-AT`);
}

/** `de` is for all German, `de-AT` for Austrian only. Where nobody knows the language, only rules for all of them apply. */
function appliesTo({ language }: PronunciationRule, spoken: string | undefined): boolean {
  if (language === undefined) return true;
  const [wanted, is] = [parseLanguage(language)!, spoken === undefined ? undefined : parseLanguage(spoken)];
  return wanted.language === is?.language && (wanted.region === undefined || wanted.region === is.region);
}

function finders(rules: readonly Numbered[]): Finder[] {
  const literal = rules.filter(({ find }) => find !== undefined);
  const sets = [true, false].flatMap((words) =>
    [true, false].map((matchCase) =>
      literal.filter((rule) => (rule.words ?? true) === words && (rule.matchCase ?? true) === matchCase),
    ),
  );
  return [
    ...sets.filter((set) => set.length > 0).map(literalFinder),
    ...rules.filter(({ pattern }) => pattern !== undefined).map(patternFinder),
  ];
}

/** Rules that are alike in everything but what they find and say. The longest that fits wins: "New York" before "New". */
function literalFinder(rules: readonly Numbered[]): Finder {
  const { words = true, matchCase = true } = rules[0]!;
  const folded = (text: string): string => (matchCase ? text : text.toLowerCase());
  const byText = new Map<string, Numbered>();
  for (const rule of rules) {
    const key = folded(prepareText(rule.find!));
    if (!byText.has(key)) byText.set(key, rule);
  }
  const longestFirst = [...byText.keys()].sort((a, b) => b.length - a.length).map(escaped);
  const one = longestFirst.join("|");
  const source = words ? `(?<!${WORD})(?:${one})(?!${WORD})` : one;
  const expression = new RegExp(source, matchCase ? "gu" : "giu");
  return (text) =>
    [...text.matchAll(expression)].flatMap(({ 0: found, index }) => {
      const rule = byText.get(folded(found.replace(/\s/g, " ")));
      return rule === undefined ? [] : [{ from: index, to: index + found.length, says: rule.say, rule: rule.rule }];
    });
}

function escaped(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&").replaceAll(" ", "\\s");
}

function patternFinder({ pattern, say, words = false, matchCase = true, rule }: Numbered): Finder {
  let compiled: RE2JS;
  try {
    compiled = RE2JS.compile(pattern!, matchCase ? 0 : RE2JS.CASE_INSENSITIVE);
  } catch (error) {
    throw new PronunciationError(`pronunciations.${rule}: ${(error as Error).message}`);
  }
  return (text) => {
    const found: Match[] = [];
    const matcher = compiled.matcher(text);
    while (matcher.find()) {
      const [from, to] = [matcher.start(), matcher.end()];
      if (to === from || (words && !isWhole(text, from, to))) continue;
      const says = say.replace(/\$(\d)/g, (_, group: string) =>
        Number(group) <= matcher.groupCount() ? (matcher.group(Number(group)) ?? "") : "",
      );
      found.push({ from, to, says, rule });
    }
    return found;
  };
}

const WORD_BEFORE = new RegExp(`${WORD}$`, "u");
const WORD_AFTER = new RegExp(`^${WORD}`, "u");

function isWhole(text: string, from: number, to: number): boolean {
  return !WORD_BEFORE.test(text.slice(Math.max(0, from - 2), from)) && !WORD_AFTER.test(text.slice(to, to + 2));
}

/** Those that hold, in the order of the text; what says nothing takes the space behind it along. */
function apart(matches: readonly Match[], text: string): Replacement[] {
  const held: Replacement[] = [];
  let until = 0;
  for (const { from, to, says } of matches.toSorted((a, b) => a.from - b.from || a.rule - b.rule)) {
    if (from < until) continue;
    const spaced = says === "" && /^$|\s/.test(text[from - 1] ?? "") && text[to] === " ";
    until = spaced ? to + 1 : to;
    held.push({ from, to: until, says });
  }
  return held;
}
