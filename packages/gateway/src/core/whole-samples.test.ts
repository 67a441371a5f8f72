import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { only } from "./async.ts";
import { wholeSamples } from "./whole-samples.ts";

describe("wholeSamples()", () => {
  it("gives the same bytes, each piece but the last in whole samples, however they come", async () => {
    const pieces = fc.array(fc.uint8Array({ maxLength: 7 }));
    await fc.assert(
      fc.asyncProperty(pieces, fc.constantFrom(1, 2), async (given, width) => {
        const taken: Uint8Array[] = [];
        for await (const piece of wholeSamples(only(...given), width)) taken.push(piece);
        expect(Buffer.concat(taken).equals(Buffer.concat(given))).toBe(true);
        expect(taken.slice(0, -1).every(({ byteLength }) => byteLength > 0 && byteLength % width === 0)).toBe(true);
      }),
    );
  });
});
