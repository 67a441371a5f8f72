/**
 * Makes any string fit to be spoken and to be a cache key: two texts that sound the same should be the same string.
 *
 * In order: characters that are neither seen nor heard go (lone surrogates, controls, BOM, bidi controls, zero-width
 * ones), joiners stay only where a script or an emoji needs them, NFC, white space becomes one space, "\n" for a line
 * break or "\n\n" for a paragraph break, and nothing at either end. Every step is linear, also on hostile input.
 */

/** Neither seen nor heard. Dropped, not replaced by U+FFFD: an engine might read that aloud. */
const SILENT =
  /[[\p{Cc}\p{Cs}\p{Default_Ignorable_Code_Point}\p{Noncharacter_Code_Point}\uFFF9-\uFFFB]--[\t-\r\x85\u200C\u200D\uFE00-\uFE0F\u{E0100}-\u{E01EF}]]/gv;

/** ZWJ and ZWNJ outside emoji and outside the scripts that spell with them (Persian, the Indic ones, …). */
const STRAY_JOINER =
  /(?<![\p{scx=Arab}\p{scx=Syrc}\p{scx=Nkoo}\p{scx=Mong}\p{scx=Deva}\p{scx=Beng}\p{scx=Guru}\p{scx=Gujr}\p{scx=Orya}\p{scx=Taml}\p{scx=Telu}\p{scx=Knda}\p{scx=Mlym}\p{scx=Sinh}\p{scx=Mymr}\p{scx=Khmr}\p{scx=Tibt}\p{Extended_Pictographic}\p{Emoji_Modifier}\uFE0F])[\u200C\u200D]|[\u200C\u200D](?![\p{scx=Arab}\p{scx=Syrc}\p{scx=Nkoo}\p{scx=Mong}\p{scx=Deva}\p{scx=Beng}\p{scx=Guru}\p{scx=Gujr}\p{scx=Orya}\p{scx=Taml}\p{scx=Telu}\p{scx=Knda}\p{scx=Mlym}\p{scx=Sinh}\p{scx=Mymr}\p{scx=Khmr}\p{scx=Tibt}\p{Extended_Pictographic}])/gv;

/** Unicode's stream-safe bound. No language needs more marks on a letter, and NFC sorts them in quadratic time. */
const EXCESS_MARKS = /(\p{M}{30})\p{M}+/gu;

const WHITE_SPACE = /[\s\x85]+/g;
const PLAIN = /^[\x20-\x7e\s]*$/;
/** Words of ASCII with single spaces between them: most of what assistants say, and nothing to be done. */
const READY = /^[!-~]+(?: [!-~]+)*$/;
const LINE_BREAK = /\r\n|[\n\v\f\r\x85\u2028]/g;

/** A line at least this long that stops mid-sentence was wrapped by an editor, not ended by its author. */
const WRAPPED_LINE_CHARS = 45;

/** Text ready for `splitSegments`. Idempotent; empty if nothing is left. */
export function prepareText(raw: string): string {
  return READY.test(raw) ? raw : collapseSpace(cleanCharacters(raw), 0).trim();
}

/** Letters, digits, and the symbols that engines read aloud. Only emoji or only punctuation is not speakable. */
export const SPEAKABLE = /[\p{L}\p{N}\p{Sc}%‰&+×÷±°§√∞≈≠≤≥]/u;

/** Whether an engine would make a sound of this text. */
export function isSpeakable(text: string): boolean {
  return SPEAKABLE.test(text);
}

/** All of `prepareText` but the white space. */
export function cleanCharacters(raw: string): string {
  let text = raw.replace(SILENT, "");
  if (PLAIN.test(text)) return text;
  // NFC moves marks, which can make another joiner stray or another run of marks too long. Two rounds settle all but
  // contrived text; the bound keeps the rest linear.
  for (let round = 0; round < 8; round++) {
    const before = text;
    text = before.replace(STRAY_JOINER, "").replace(EXCESS_MARKS, "$1").normalize("NFC").replace(EXCESS_MARKS, "$1");
    if (text === before) break;
  }
  return text;
}

/** `lineChars`: how much of the first line stands before `text` already, for callers that come with pieces. */
export function collapseSpace(text: string, lineChars: number): string {
  let prepared = "";
  let from = 0;
  let lineStart = -lineChars;
  for (const match of text.matchAll(WHITE_SPACE)) {
    const space = match[0];
    prepared += text.slice(from, match.index);
    from = match.index + space.length;
    if (prepared.length === 0 && lineChars === 0) continue;
    const kept = space === " " ? space : separator(space, text, match.index, prepared.length - lineStart);
    prepared += kept;
    if (kept !== " ") lineStart = prepared.length;
  }
  return prepared + text.slice(from);
}

function separator(space: string, text: string, at: number, lineChars: number): " " | "\n" | "\n\n" {
  if (space.includes("\u2029")) return "\n\n";
  const breaks = space.match(LINE_BREAK)?.length ?? 0;
  if (breaks === 0) return " ";
  if (breaks > 1) return "\n\n";
  const next = text.slice(at + space.length, at + space.length + 2);
  const wrapped =
    lineChars >= WRAPPED_LINE_CHARS && /^\p{Ll}/u.test(next) && !/[\p{Sentence_Terminal}…:;]/u.test(text[at - 1] ?? "");
  return wrapped ? " " : "\n";
}
