import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { estimatedWords } from "./estimated-words.ts";

const textsOf = (text: string) => estimatedWords(text, 1_000).map(({ from, to }) => text.slice(from, to));

describe("estimatedWords()", () => {
  it("gives words in order within the time, for any text", () => {
    fc.assert(
      fc.property(
        fc.string({ unit: "grapheme", maxLength: 80 }),
        fc.integer({ min: 0, max: 60_000 }),
        (text, durationMs) => {
          const words = estimatedWords(text, durationMs);
          for (const [at, { from, to, startMs, endMs }] of words.entries()) {
            expect(to).toBeGreaterThan(from);
            expect(endMs).toBeGreaterThanOrEqual(startMs);
            if (at > 0) expect(from).toBeGreaterThanOrEqual(words[at - 1]!.to);
            if (at > 0) expect(startMs).toBeGreaterThanOrEqual(words[at - 1]!.endMs);
          }
          if (words.length > 0) {
            expect(words[0]!.startMs).toBeLessThanOrEqual(durationMs * 0.1);
            expect(words.at(-1)!.endMs).toBeLessThanOrEqual(durationMs + 0.001);
          }
        },
      ),
    );
  });

  it("finds words as engines do, without the punctuation around them", () => {
    expect(textsOf("“Don't,” she said: it's 3.14 — e-mail me!")).toEqual([
      "Don't",
      "she",
      "said",
      "it's",
      "3.14",
      "e-mail",
      "me",
    ]);
    expect(textsOf("... — !")).toEqual([]);
  });

  it("finds the words of scripts without spaces", () => {
    expect(textsOf("今天天气很好。").length).toBeGreaterThan(1);
    expect(textsOf("สวัสดีครับทุกคน").length).toBeGreaterThan(1);
    expect(textsOf("私は学生です。").join("")).toBe("私は学生です");
  });

  it("gives long words more time than short ones, and pauses at punctuation", () => {
    const [a, extraordinary, stop, then] = estimatedWords("A extraordinary stop. Then", 3_000);
    expect(extraordinary!.endMs - extraordinary!.startMs).toBeGreaterThan(3 * (a!.endMs - a!.startMs));
    expect(then!.startMs - stop!.endMs).toBeGreaterThan(200);
    expect(stop!.startMs).toBe(extraordinary!.endMs);
  });
});
