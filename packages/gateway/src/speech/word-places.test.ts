import { describe, expect, it } from "vitest";
import { wordPlaces, wordsAt } from "./word-places.ts";

const timed = (...texts: string[]) => texts.map((text, n) => ({ text, startMs: n * 10, endMs: n * 10 + 5 }));

describe("wordPlaces()", () => {
  it("finds repeated words in their order, and wordsAt() reads them again", () => {
    const text = "to be or not to be";
    const words = timed("to", "be", "or", "not", "to", "be");
    const places = wordPlaces(words, text, 0);
    expect(places.map(({ from }) => from)).toEqual([0, 3, 6, 9, 13, 16]);
    expect(wordsAt(places, text)).toEqual(words);
  });

  it("leaves out what is not in the text, and goes on behind the last place", () => {
    expect(wordPlaces(timed("five", "", "apples"), "5 apples", 0)).toMatchObject([{ from: 2, to: 8 }]);
    expect(wordPlaces(timed("a"), "a b a", 1)).toMatchObject([{ from: 4 }]);
  });
});
