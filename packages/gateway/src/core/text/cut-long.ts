/** Cuts a sentence that is longer than an engine takes. */

const CLAUSE_END = /[;:,—–)\]][\s"'’”»]|[、，；：」』）]/g;
/** Text beyond the limit that is looked at: a cut must not depend on whether more has arrived yet. */
export const CUT_LOOKAHEAD_CHARS = 64;
/** A later clause beats an earlier one, but none so early that the pieces would be splinters. */
const CLAUSE_FROM = 0.4;
const SPACE_FROM = 0.25;

/**
 * Where to cut `text`, which is longer than `maxChars`: after a clause, else at white space, else between words (for
 * scripts that set no spaces, by ICU's dictionaries), else between grapheme clusters. Never inside a surrogate pair.
 */
export function cutLong(text: string, maxChars: number): number {
  let clause = 0;
  for (const match of text.slice(0, maxChars + 1).matchAll(CLAUSE_END)) {
    const end = match.index + 1;
    if (end <= maxChars) clause = end;
  }
  if (clause >= maxChars * CLAUSE_FROM) return clause;
  let space = maxChars;
  while (space > 0 && !/\s/.test(text[space]!)) space--;
  if (space >= maxChars * SPACE_FROM) return space;
  const word = boundaryBefore(text, maxChars, "word");
  const cut = boundaryBefore(text, word >= maxChars * SPACE_FROM ? word : maxChars, "grapheme");
  if (cut > 0) return cut;
  return /[\ud800-\udbff]/.test(text[maxChars - 1]!) ? maxChars - 1 : maxChars; // one giant cluster
}

/** The last boundary at or before `at`. "und": the result must not depend on the server's locale. */
function boundaryBefore(text: string, at: number, granularity: "word" | "grapheme"): number {
  const window = text.slice(0, at + CUT_LOOKAHEAD_CHARS);
  if (at >= window.length) return window.length;
  return new Intl.Segmenter("und", { granularity }).segment(window).containing(at)?.index ?? 0;
}
