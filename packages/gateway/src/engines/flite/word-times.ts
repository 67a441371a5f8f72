import type { WordTime } from "../../core/ports.ts";
import type { SpokenWord } from "./spoken-words.ts";

/**
 * When each word is heard. flite tells when each phone ends, but not which word it belongs to; the same words said one
 * per line tell how many and which phones each has. Both rows are aligned like two spellings of one word, since
 * neighbours change each other a little ("the" before a vowel). Where the rows do not fit, there are no times at all: none
 * are better than wrong ones.
 */

export type Phone = { readonly name: string; readonly startMs: number; readonly endMs: number };

const SILENCE = "pau";
const isVowel = (phone: string): boolean => /^[aeiou]/.test(phone);

/** Reads the lines `-psdur` prints: one per utterance, `phone:endSeconds` each. Their clocks restart at 0; ours runs on. */
export function parsePhones(printed: string, durationMs: number): Phone[] {
  const utterances = printed
    .split("\n")
    .map((line) =>
      [...line.matchAll(/(\S+):(\d+\.\d+)/g)].map(([, name, end]) => ({ name: name!, ends: Number(end) * 1000 })),
    )
    .filter((phones) => phones.length > 0);
  const printedMs = utterances.reduce((sum, phones) => sum + phones.at(-1)!.ends, 0);
  // Each utterance is a little shorter than its phones say: the diphone voices leave out half of the last silence.
  const cutMs = utterances.length > 0 ? (printedMs - durationMs) / utterances.length : 0;
  const result: Phone[] = [];
  let offsetMs = 0;
  for (const phones of utterances) {
    let startMs = offsetMs;
    for (const { name, ends } of phones) {
      const endMs = Math.min(offsetMs + ends, durationMs);
      result.push({ name, startMs, endMs });
      startMs = endMs;
    }
    offsetMs += phones.at(-1)!.ends - cutMs;
  }
  return result;
}

/** Whether any phone is more than silence. */
export function isHeard(phones: readonly { readonly name: string }[]): boolean {
  return phones.some(({ name }) => name !== SILENCE);
}

/** `lines`: what `-ps` prints for one word per paragraph. Undefined when the two do not fit together. */
export function wordTimes(
  words: readonly SpokenWord[],
  phones: readonly Phone[],
  lines: string,
): WordTime[] | undefined {
  const perWord = lines
    .trimEnd()
    .split("\n")
    .map((line) => line.split(" ").filter((phone) => phone !== "" && phone !== SILENCE));
  if (perWord.length !== words.length) return undefined;
  const heard = phones.filter(({ name }) => name !== SILENCE);
  const expected = perWord.flatMap((names, word) => names.map((name) => ({ name, word })));
  const pairs = align(
    heard.map(({ name }) => name),
    expected.map(({ name }) => name),
  );
  const ranges = words.map(() => ({ first: Number.POSITIVE_INFINITY, last: -1, fitting: 0 }));
  for (const [at, expectedAt] of pairs) {
    const { word, name } = expected[expectedAt]!;
    const range = ranges[word]!;
    range.first = Math.min(range.first, at);
    range.last = Math.max(range.last, at);
    if (fits(heard[at]!.name, name) < 1) range.fitting++;
  }
  const fit = ranges.map(({ first, last, fitting }, word) => {
    const count = perWord[word]!.length;
    return count > 0 && fitting * 2 > count && last - first < count * 2;
  });
  const times: WordTime[] = [];
  for (const [word, { text }] of words.entries()) {
    if (perWord[word]!.length === 0) continue;
    const { first, last } = fit[word] ? ranges[word]! : between(word, fit, ranges, heard.length);
    if (last < first) return undefined;
    times.push({ text, startMs: Math.round(heard[first]!.startMs), endMs: Math.round(heard[last]!.endMs) });
  }
  return times.length > 0 ? times : undefined;
}

type Range = { first: number; last: number };

/**
 * A word said otherwise than alone ("Dr." for doctor or drive) has the phones that its two neighbours leave. Empty when
 * a neighbour is unsure too: how to share them would be a guess.
 */
function between(word: number, fit: readonly boolean[], ranges: readonly Range[], phones: number): Range {
  const before = word === 0 ? { last: -1 } : fit[word - 1] && ranges[word - 1];
  const after = word === fit.length - 1 ? { first: phones } : fit[word + 1] && ranges[word + 1];
  return before && after ? { first: before.last + 1, last: after.first - 1 } : { first: 0, last: -1 };
}

/** What it costs to take one phone for another: vowels fade into each other, consonants do not. */
function fits(a: string, b: string): number {
  if (a === b) return 0;
  return isVowel(a) && isVowel(b) ? 0.5 : 1.6;
}

/** Needleman and Wunsch: pairs of indexes, both rising, of the cheapest way to turn one row into the other. */
function align(a: readonly string[], b: readonly string[]): [number, number][] {
  const width = b.length + 1;
  const cost = new Float32Array((a.length + 1) * width);
  for (let i = 0; i <= a.length; i++) {
    for (let j = 0; j <= b.length; j++) {
      if (i === 0 || j === 0) cost[i * width + j] = i + j;
      else {
        const replace = cost[(i - 1) * width + j - 1]! + fits(a[i - 1]!, b[j - 1]!);
        cost[i * width + j] = Math.min(replace, cost[(i - 1) * width + j]! + 1, cost[i * width + j - 1]! + 1);
      }
    }
  }
  const pairs: [number, number][] = [];
  for (let i = a.length, j = b.length; i > 0 && j > 0; ) {
    const here = cost[i * width + j]!;
    if (here === cost[(i - 1) * width + j - 1]! + fits(a[i - 1]!, b[j - 1]!)) pairs.push([--i, --j]);
    else if (here === cost[(i - 1) * width + j]! + 1) i--;
    else j--;
  }
  return pairs.reverse();
}
