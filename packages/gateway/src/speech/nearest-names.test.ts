import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { nearestNames } from "./nearest-names.ts";

/** The textbook's, to compare with. */
function levenshtein(a: string, b: string): number {
  if (a === "" || b === "") return a.length + b.length;
  const [x, y] = [a.slice(1), b.slice(1)];
  if (a[0] === b[0]) return levenshtein(x, y);
  return 1 + Math.min(levenshtein(x, b), levenshtein(a, y), levenshtein(x, y));
}

describe("nearestNames()", () => {
  it("gives at most three, the nearest first", () => {
    expect(nearestNames("alloy", ["alley", "alloys", "ally", "allo", "onyx"])).toHaveLength(3);
    expect(nearestNames("shimer", ["shiner", "shimmer", "shower"])).toEqual(["shiner", "shimmer", "shower"]);
    expect(nearestNames("nova", ["slt"])).toEqual([]);
  });

  it("finds a name by its beginning", () => {
    expect(nearestNames("en-us-aria", ["en-US-AriaNeural", "de"])).toEqual(["en-US-AriaNeural"]);
  });

  it("finds what the textbook's distance finds", () => {
    const word = fc.string({ unit: fc.constantFrom("a", "b", "c"), minLength: 1, maxLength: 7 });
    fc.assert(
      fc.property(word, word, (a, b) => {
        const farthest = Math.min(3, Math.ceil(a.length / 3));
        const near = (a.length >= 3 && b.startsWith(a)) || levenshtein(a, b) <= farthest;
        expect(nearestNames(a, [b])).toEqual(near ? [b] : []);
      }),
      { numRuns: 500 },
    );
  });
});
