import type { SpokenWord } from "@mynah/client";

/** Where in the text a spoken word stands. */
export type PlacedWord = SpokenWord & { readonly from: number; readonly to: number };

/** How far ahead a word is looked for: an engine may leave some out, and reads "3" as "three", which is nowhere. */
const REACH = 60;

/** Finds the words in the text, in order. Those that are not there, because they are read otherwise than written, are left out. */
export function placeWords(text: string, words: readonly SpokenWord[]): PlacedWord[] {
  const folded = text.toLowerCase();
  // A letter that is longer in lower case would shift all that comes after it; then case has to be right.
  const haystack = folded.length === text.length ? folded : text;
  let at = 0;
  return words.flatMap((word) => {
    const needle = haystack === folded ? word.text.toLowerCase() : word.text;
    const found = needle === "" ? -1 : haystack.indexOf(needle, at);
    if (found < 0 || found - at > REACH) return [];
    at = found + needle.length;
    return [{ ...word, from: found, to: at }];
  });
}
