import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fastestMs, rawText, traceReplies } from "../../../test/support/texts.ts";
import { prepareText } from "./prepare.ts";
import { splitSegments } from "./segment.ts";
import { SegmentBuffer } from "./segment-buffer.ts";

function throughBuffer(pieces: readonly string[], maxChars: number): string[] {
  const buffer = new SegmentBuffer({ maxChars });
  return [...pieces.flatMap((piece) => buffer.append(piece)), ...buffer.flush()];
}

/** `raw` cut at these places, wherever they fall. */
function piecesOf(raw: string, cuts: readonly number[]): string[] {
  const at = [0, ...cuts.map((cut) => cut % (raw.length + 1)).sort((a, b) => a - b), raw.length];
  return at.slice(1).map((end, n) => raw.slice(at[n], end));
}

describe("SegmentBuffer", () => {
  it("gives the segments of the whole text, however it was cut", () => {
    fc.assert(
      fc.property(rawText(60), fc.array(fc.nat(400)), fc.integer({ min: 16, max: 120 }), (raw, cuts, maxChars) => {
        const whole = splitSegments(prepareText(raw), { maxChars });
        expect(throughBuffer(piecesOf(raw, cuts), maxChars)).toEqual(whole);
        expect(throughBuffer(raw.split(""), maxChars)).toEqual(whole);
      }),
      { numRuns: 2_000 },
    );
  });

  it.each<[string, string[], string[][]]>([
    ["a sentence once the next begins", ["Hello the", "re. ", "H", "ow are"], [[], [], ["Hello there."], []]],
    ["a full stop not before its letter's case", ["I saw it. ", "(", "T"], [[], [], ["I saw it."]]],
    ["an abbreviation only with the whole next word", ["In the U.S. I", "t", " is"], [[], [], ["In the U.S."]]],
    ["a line at its break", ["Milk\n", "B"], [[], ["Milk"]]],
    ["CJK without a space", ["今日は", "。", "元"], [[], [], ["今日は。"]]],
    ["a sentence not before something that can be spoken", ["Hi! ", "🎉", " B"], [[], [], ["Hi!"]]],
    ["half a pair", ["Hi 😀! \ud83d", "\ude00 ", "B"], [[], [], ["Hi 😀!"]]],
    ["a decimal number", ["It is 3.", "5 m. ", "T"], [[], [], []]],
  ])("append() gives %s", (_, pieces, given) => {
    const buffer = new SegmentBuffer({ maxChars: 200 });
    expect(pieces.map((piece) => buffer.append(piece))).toEqual(given);
  });

  it("append() does not wait for the end of a sentence that is too long", () => {
    const buffer = new SegmentBuffer({ maxChars: 40 });
    expect(buffer.append("word ".repeat(30)).length).toBeGreaterThan(1);
  });

  it.each([
    ["Hangul", "x \u1100", "\u1161", "\u11a8", "x 각"],
    ["marks in the wrong order", "e", "\u0301", "\u0323", "e\u0323\u0301".normalize("NFC")],
    ["Kirat Rai", "x\u{16d67}", "\u{16d67}", "", "x\u{16d68}"],
    ["a joiner", "x 👩", "\u200d", "👧", "x 👩\u200d👧"],
    ["a stray joiner", "a ", "\u200d", "b", "a b"],
    ["a wrapped line", `${"word ".repeat(10)}is`, "\n", "on", `${"word ".repeat(10)}is on`],
  ])("append() composes across pieces: %s", (_, first, second, third, whole) => {
    expect(throughBuffer([first, second, third], 200)).toEqual([whole]);
  });

  it("flush() empties it for the next text", () => {
    const buffer = new SegmentBuffer({ maxChars: 40 });
    expect(buffer.append("Well, then")).toEqual([]);
    expect(buffer.flush()).toEqual(["Well, then"]);
    expect(buffer.flush()).toEqual([]);
    buffer.append(" a\u0301");
    expect(buffer.flush()).toEqual(["á"]);
  });

  it.each([
    ["white space", " ", 1],
    ["marks", "\u0301", 1],
    ["letters", "a", 2],
    ["dots", ".", 2],
    ["nothing visible", "\u200b", 1],
  ])("append() stays quick under endless %s", (_, character, factor) => {
    const run = (times: number) => () => {
      const buffer = new SegmentBuffer({ maxChars: 500 });
      buffer.append("x");
      for (let n = 0; n < times; n++) buffer.append(character.repeat(8));
      buffer.flush();
    };
    expect(fastestMs(run(16_000), 1)).toBeLessThan(4 * 5 * factor * fastestMs(run(4_000)) + 500);
  });

  const replies = traceReplies();
  it.skipIf(replies === undefined)(
    `agrees on real replies${replies ? "" : " (skipped: no trace here; set MYNAH_TRACE)"}`,
    () => {
      for (const reply of replies!.filter((_, n) => n % 20 === 0)) {
        expect(throughBuffer(reply.match(/.{1,4}/gsu) ?? [], 300)).toEqual(
          splitSegments(prepareText(reply), { maxChars: 300 }),
        );
      }
    },
  );
});
