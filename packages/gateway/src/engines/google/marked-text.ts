import type { SynthesisRequest, WordTime } from "../../core/ports.ts";
import { pieceSsml, textPieces } from "../phoneme-elements.ts";
import { wordsFromStarts } from "../words-from-starts.ts";
import { escapedText } from "../xml-text.ts";

/** Letters, digits and marks, with what joins them within a word: don't, 3.5, e-mail. */
const WORD = /[\p{L}\p{N}\p{M}_]+(?:['’.,-][\p{L}\p{N}\p{M}_]+)*/gu;
const END = "end";

export type MarkedText = { readonly ssml: string; readonly words: readonly string[] };

/**
 * The text with a mark before each word and one after the last: when they are passed is when words are heard. What is
 * pronounced as one is one word.
 */
export function markedSsml(request: Pick<SynthesisRequest, "text" | "phonemes">): MarkedText {
  const words: string[] = [];
  let marked = "";
  let rest = "";
  const add = (before: string, word: string, ssml: string): void => {
    marked += `${before}<mark name="${words.length}"/>${ssml}`;
    words.push(word);
  };
  for (const piece of textPieces(request)) {
    if (piece.said !== undefined) {
      add(rest, piece.text, pieceSsml(piece));
      rest = "";
      continue;
    }
    let from = 0;
    for (const { 0: word, index } of piece.text.matchAll(WORD)) {
      add(rest + escapedText(piece.text.slice(from, index)), word, escapedText(word));
      rest = "";
      from = index + word.length;
    }
    rest += escapedText(piece.text.slice(from));
  }
  return { ssml: `<speak>${marked}<mark name="${END}"/>${rest}</speak>`, words };
}

/** The words whose marks were passed. */
export function wordsOf({ words }: MarkedText, answer: unknown): WordTime[] {
  const { timepoints } = (answer ?? {}) as { timepoints?: unknown };
  const passed = new Map<string, number>();
  for (const point of Array.isArray(timepoints) ? timepoints : []) {
    const { markName, timeSeconds } = (point ?? {}) as { markName?: unknown; timeSeconds?: unknown };
    // proto3's JSON leaves out what is zero
    if (typeof markName === "string") passed.set(markName, typeof timeSeconds === "number" ? timeSeconds * 1000 : 0);
  }
  const starts = words.flatMap((text, at) => {
    const startMs = passed.get(String(at));
    return startMs === undefined ? [] : [{ text, startMs }];
  });
  return wordsFromStarts(starts, passed.get(END) ?? (starts.at(-1)?.startMs ?? 0) + 1);
}
