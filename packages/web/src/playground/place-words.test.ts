import { describe, expect, it } from "vitest";
import { placeWords } from "./place-words.ts";

const words = (...texts: string[]) => texts.map((text, n) => ({ text, startMs: n * 100, endMs: n * 100 + 90 }));
const marked = (text: string, ...spoken: string[]) =>
  placeWords(text, words(...spoken)).map(({ from, to }) => text.slice(from, to));

describe("placeWords()", () => {
  it("finds each word once, in order, also the same word again", () => {
    const placed = placeWords("The bird and the word.", words("the", "bird", "and", "the", "word."));
    expect(placed.map(({ from }) => from)).toEqual([0, 4, 9, 13, 17]);
    expect(placed[3]).toMatchObject({ startMs: 300, endMs: 390, to: 16 });
  });

  it("leaves out what is read otherwise than written, and goes on behind it", () => {
    expect(marked("Gate 12 closes.", "gate", "twelve", "closes")).toEqual(["Gate", "closes"]);
    expect(marked("Yes.", "", "no")).toEqual([]);
  });

  it("does not jump to a far word because a near one was misspelt", () => {
    const text = `Cat ${"x ".repeat(60)}dog. Dog.`;
    expect(marked(text, "cat", "dog")).toEqual(["Cat"]);
  });

  it("keeps places right where lower case is longer than the letter", () => {
    expect(marked("İstanbul is İzmir", "İstanbul", "is", "İzmir")).toEqual(["İstanbul", "is", "İzmir"]);
  });
});
