import type { WordPlace, WordTime } from "../core/ports.ts";

/** Where these words stand in the text, searched for from an index on. A word that is not in it is left out. */
export function wordPlaces(words: readonly WordTime[], text: string, from: number): WordPlace[] {
  const places: WordPlace[] = [];
  let at = from;
  for (const { text: word, startMs, endMs } of words) {
    const found = text.indexOf(word, at);
    if (found < 0 || word === "") continue;
    at = found + word.length;
    places.push({ from: found, to: at, startMs, endMs });
  }
  return places;
}

/** The words at these places. */
export function wordsAt(places: readonly WordPlace[], text: string): WordTime[] {
  return places.map(({ from, to, startMs, endMs }) => ({ text: text.slice(from, to), startMs, endMs }));
}
