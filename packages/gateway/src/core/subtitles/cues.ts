import type { SpokenWord } from "../ports.ts";

/** A segment whose words have their times: what subtitles are made of. */
export type TimedSegment = { readonly text: string; readonly words: readonly SpokenWord[] };

/** What is on the screen at one time. */
export type Cue = { readonly startMs: number; readonly endMs: number; readonly lines: readonly string[] };

/** What broadcasters ask for: lines that can be read at a glance, two of them, for one to seven seconds. */
const MAX_LINE_WIDTH = 42;
const MIN_CUE_MS = 1_000;
const MAX_CUE_MS = 7_000;
/** Nobody speaks for so long: what comes after is another cue. */
const MAX_PAUSE_MS = 1_500;
/** A break at punctuation may leave one side longer than the other by so much more, as a part of the whole. */
const STOP_BONUS = 0.5;
const COMMA_BONUS = 0.35;

/** Twice as wide as a Latin letter. */
const WIDE =
  /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe4f\uff00-\uff60\uffe0-\uffe6\u{1f300}-\u{1faff}\u{20000}-\u{3fffd}]/u;

/** A word with all that stands before the next one. */
type Piece = { readonly text: string; readonly startMs: number; readonly endMs: number };

/**
 * The cues of some segments in order: none empty, none overlapping, every word in exactly one, never two segments in
 * one. At most two lines of 42 columns, broken at punctuation where that leaves them about even.
 */
export function subtitleCues(segments: readonly TimedSegment[]): Cue[] {
  return inTime(segments.flatMap((segment) => split(piecesOf(segment))));
}

function piecesOf({ text, words }: TimedSegment): Piece[] {
  return words.flatMap(({ from, startMs, endMs }, at) => {
    const slice = text.slice(at === 0 ? 0 : from, words[at + 1]?.from ?? text.length);
    return shortPieces({ text: slice.replaceAll(/\s+/g, " "), startMs, endMs });
  });
}

/** A piece that is wider than a line is cut, and its time with it. */
function shortPieces(piece: Piece): Piece[] {
  if (widthOf(piece.text.trim()) <= MAX_LINE_WIDTH) return [piece];
  const cuts: string[] = [];
  let line = "";
  for (const { segment } of new Intl.Segmenter().segment(piece.text)) {
    const full = widthOf((line + segment).trim()) > MAX_LINE_WIDTH;
    if (full && line !== "") {
      cuts.push(line);
      line = "";
    }
    line += segment;
  }
  cuts.push(line);
  const stepMs = (piece.endMs - piece.startMs) / cuts.length;
  return cuts.map((text, at) => ({
    text,
    startMs: piece.startMs + at * stepMs,
    endMs: piece.startMs + (at + 1) * stepMs,
  }));
}

/** Halves what does not fit, where it is best broken, until all fits. */
function split(pieces: readonly Piece[]): Cue[] {
  const [first] = pieces;
  const last = pieces.at(-1);
  if (first === undefined || last === undefined) return [];
  const pause = pieces.findIndex(({ startMs }, at) => at > 0 && startMs - pieces[at - 1]!.endMs > MAX_PAUSE_MS);
  const lines = pause < 0 && last.endMs - first.startMs <= MAX_CUE_MS ? layout(pieces) : undefined;
  if (lines !== undefined) return [{ startMs: first.startMs, endMs: last.endMs, lines }];
  if (pieces.length === 1) return [{ startMs: first.startMs, endMs: last.endMs, lines: [first.text.trim()] }];
  const at = pause > 0 ? pause : bestBreak(pieces);
  return [...split(pieces.slice(0, at)), ...split(pieces.slice(at))];
}

/** One line, two, or undefined if that is not enough. */
function layout(pieces: readonly Piece[]): string[] | undefined {
  const line = textOf(pieces);
  if (line === "") return [];
  if (widthOf(line) <= MAX_LINE_WIDTH) return [line];
  if (pieces.length < 2) return undefined;
  const at = bestBreak(pieces, (left, right) => widthOf(left) <= MAX_LINE_WIDTH && widthOf(right) <= MAX_LINE_WIDTH);
  const lines = [textOf(pieces.slice(0, at)), textOf(pieces.slice(at))];
  return lines.every((half) => widthOf(half) <= MAX_LINE_WIDTH) ? lines : undefined;
}

/** The index of the piece before which it is best broken: near the middle, better behind punctuation. */
function bestBreak(pieces: readonly Piece[], fits: (left: string, right: string) => boolean = () => true): number {
  const whole = pieces.map(({ text }) => text).join("");
  let left = "";
  let best = { at: 1, cost: Number.POSITIVE_INFINITY };
  for (let at = 1; at < pieces.length; at++) {
    left += pieces[at - 1]!.text;
    const right = whole.slice(left.length);
    const end = left.trimEnd();
    const bonus = /[.!?…。！？]["”’')\]»]*$/.test(end) ? STOP_BONUS : /[,;:，、；：–—]$/.test(end) ? COMMA_BONUS : 0;
    const uneven = Math.abs(left.length - right.length) / whole.length;
    const cost = uneven - bonus + (fits(left.trim(), right.trim()) ? 0 : 10);
    if (cost < best.cost) best = { at, cost };
  }
  return best.at;
}

/** Whole milliseconds, each cue on the screen for long enough if the next one leaves it the time. */
function inTime(cues: readonly Cue[]): Cue[] {
  const shown = cues.filter(({ lines }) => lines.some((line) => line !== ""));
  const starts: number[] = [];
  for (const { startMs } of shown) starts.push(Math.max(Math.round(startMs), (starts.at(-1) ?? -1) + 1));
  return shown.map(({ endMs, lines }, at) => {
    const startMs = starts[at]!;
    const until = Math.max(Math.round(endMs), startMs + MIN_CUE_MS);
    return { startMs, endMs: Math.min(until, starts[at + 1] ?? until), lines };
  });
}

function textOf(pieces: readonly Piece[]): string {
  return pieces
    .map(({ text }) => text)
    .join("")
    .trim();
}

function widthOf(text: string): number {
  let width = 0;
  for (const sign of text) width += WIDE.test(sign) ? 2 : 1;
  return width;
}
