import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fastestMs, HOSTILE, rawText } from "../../../test/support/texts.ts";
import { isSpeakable, prepareText } from "./prepare.ts";

describe("prepareText()", () => {
  it.each([
    ["composes", "Cafe\u0301", "Café"],
    ["keeps what NFC keeps", "ﬁ ² ①", "ﬁ ² ①"],
    ["drops lone surrogates", "a\ud83db\ude00c", "abc"],
    ["keeps pairs", "a😀b", "a😀b"],
    ["drops controls", "a\0b\x1b[0m\x7fc\x9d", "ab[0mc"],
    ["drops BOM, bidi controls and zero-width characters", "\ufeffa\u202eb\u2066c\u200bd\u2060e\u200ff", "abcdef"],
    ["drops soft hyphens, fillers, tags and noncharacters", "co\u00adop\u3164e\u{e0041}r\uffffate", "cooperate"],
    ["keeps the joiners of emoji", "👩‍👩‍👧‍👦 ❤️", "👩‍👩‍👧‍👦 ❤️"],
    ["keeps the joiners of Persian and Hindi", "می\u200cخواهم क्\u200dष", "می\u200cخواهم क्\u200dष"],
    ["drops stray joiners", "a\u200db c\u200c \u200dd 👩\u200d!", "ab c d 👩!"],
    ["collapses white space", " \t a \u00a0\u3000 b\u2003c  ", "a b c"],
    ["keeps a line break", "Milk\nBread \r\n Eggs\u2028Tea\u0085Oil", "Milk\nBread\nEggs\nTea\nOil"],
    ["keeps a paragraph break", "One.\n \n\n Two.\r\n\r\nThree.\u2029Four.", "One.\n\nTwo.\n\nThree.\n\nFour."],
    ["drops breaks at the ends", "\n\n a \n", "a"],
    ["is empty for nothing", " \u200b\n\0 ", ""],
    [
      "joins lines that an editor wrapped",
      "This line was wrapped by an editor at some column\nand goes on here.\nNew one.",
      "This line was wrapped by an editor at some column and goes on here.\nNew one.",
    ],
    ["does not join short lines", "milk\nbread", "milk\nbread"],
    [
      "does not join after an end",
      "This long line has come to its very own end already:\niPhone",
      "This long line has come to its very own end already:\niPhone",
    ],
    ["bounds marks on one letter", `a${"\u0316".repeat(500)}b`, `a${"\u0316".repeat(30)}b`],
  ])("%s", (_, raw, prepared) => {
    expect(prepareText(raw)).toBe(prepared);
  });

  it("is idempotent, normalized, well-formed and trimmed for any input", () => {
    fc.assert(
      fc.property(rawText(), (raw) => {
        const text = prepareText(raw);
        expect(prepareText(text)).toBe(text);
        expect(text.normalize("NFC")).toBe(text);
        expect(text.isWellFormed()).toBe(true);
        expect(text).not.toMatch(
          /^\s|\s$|[^\S\n ]| {2}| \n|\n |\n{3}|[\p{Cc}--\n]|[\u202a-\u202e\u2066-\u2069\ufeff\u200b]/v,
        );
      }),
      { numRuns: 2_000 },
    );
  });

  it("loses no letter, digit, mark of punctuation or symbol", () => {
    const spoken = (text: string): string[] =>
      text.normalize("NFC").match(/[[\p{L}\p{N}\p{P}\p{S}]--[\p{Default_Ignorable_Code_Point}\u1160-\u11ff]]/gv) ?? [];
    const visible = rawText().filter((raw) => !/[\p{M}\u1160-\u11ff]/u.test(raw.normalize("NFD"))); // those compose
    fc.assert(
      fc.property(visible, (raw) => {
        expect(spoken(prepareText(raw))).toEqual(spoken(raw));
      }),
    );
  });

  it.each(Object.entries(HOSTILE))("takes time in proportion to its input: %s", (_, make) => {
    const [small, large] = [make(125_000), make(1_000_000)];
    const smallMs = fastestMs(() => prepareText(small));
    const largeMs = fastestMs(() => prepareText(large), 1);
    expect(largeMs).toBeLessThan(8 * 5 * smallMs + 500); // quadratic would be 64 times
  });
});

describe("isSpeakable()", () => {
  it.each(["a", "7", "€", "50 %", "你", "ß!", "½", "+", "1️⃣", "…no"])("%s is", (text) => {
    expect(isSpeakable(text)).toBe(true);
  });
  it.each(["", " ", "!?…", "😀", "👩‍👩‍👧‍👦", "🇩🇪", "---", "***", "«»", "#", "=====", "\u0301", "。"])(
    "%s is not",
    (text) => {
      expect(isSpeakable(text)).toBe(false);
    },
  );
});
