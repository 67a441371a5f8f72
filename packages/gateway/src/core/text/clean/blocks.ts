/** How a line begins, and what it therefore is. */
export type LineHead =
  | { readonly kind: "text"; readonly length: number }
  /** Nothing of the line is heard; its end belongs to it. */
  | { readonly kind: "nothing"; readonly length: number }
  | { readonly kind: "fence"; readonly length: number; readonly mark: string }
  | { readonly kind: "row"; readonly length: number; readonly cells: readonly string[] };

/** A line of which so much is there, and it may still be anything, is text. */
const MAX_HEAD_CHARS = 200;
const MAX_ROW_CHARS = 2_000;

const FENCE = /^[ \t]*(`{3,}|~{3,})[^\n`]*$/;
const RULE = /^ {0,3}(?:(?:\*[ \t]*){3,}|(?:-[ \t]*){3,}|(?:_[ \t]*){3,}|={3,}[ \t]*)$/;
const MARKERS = /^[ \t>]*(?:#{1,6}[ \t]+|[-*+•][ \t]+(?:\[[ xX]\][ \t]+)?)?/;
/** All that is there could be the beginning of something else than text. */
const UNDECIDED = /^[ \t>]*(?:[-*_=`~+•# \t]*|[-*+•][ \t]+\[[ xX]?\]?[ \t]*)$/;

/** What the line from `at` on is; undefined: what follows would decide. */
export function lineHead(text: string, at: number, final: boolean): LineHead | undefined {
  const window = text.slice(at, at + MAX_ROW_CHARS);
  const end = window.indexOf("\n");
  const line = end < 0 ? window : window.slice(0, end);
  const isWhole = end >= 0 || (final && at + window.length === text.length);
  const whole = end < 0 ? line.length : line.length + 1;
  if (/^[ \t>]{0,200}\|/.test(line)) return row(line, isWhole, whole);
  if (line.length < MAX_HEAD_CHARS) {
    if (!isWhole && (UNDECIDED.test(line) || FENCE.test(line))) return undefined;
    const [, mark] = (isWhole && FENCE.exec(line)) || [];
    if (mark !== undefined) return { kind: "fence", length: line.length, mark };
    if (isWhole && RULE.test(line)) return { kind: "nothing", length: whole };
  }
  return { kind: "text", length: MARKERS.exec(line.slice(0, MAX_HEAD_CHARS))![0].length };
}

/** Whether a line closes the fence that this mark opened. */
export function closesFence(line: string, mark: string): boolean {
  const closing = line.trim();
  return closing.length >= mark.length && closing === mark[0]!.repeat(closing.length);
}

function row(line: string, isWhole: boolean, whole: number): LineHead | undefined {
  if (!isWhole) return line.length < MAX_ROW_CHARS ? undefined : { kind: "text", length: 0 };
  if (line.length >= MAX_ROW_CHARS) return { kind: "text", length: 0 };
  if (/^[ \t>|:-]*$/.test(line)) return { kind: "nothing", length: whole };
  const cells = line
    .replace(/^[ \t>]*\|/, "")
    .replace(/\|[ \t]*$/, "")
    .split(/(?<!\\)\|/)
    .map((cell) => cell.replaceAll("\\|", "|").trim());
  return { kind: "row", length: line.length, cells: cells.filter((cell) => cell !== "") };
}
