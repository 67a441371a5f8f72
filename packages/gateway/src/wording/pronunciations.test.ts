import { describe, expect, it } from "vitest";
import { fastestMs } from "../../test/support/texts.ts";
import { replaced } from "../core/text/text-rules.ts";
import { compilePronunciations, type PronunciationRule } from "./pronunciations.ts";

const said = (text: string, rules: readonly PronunciationRule[], language?: string): string =>
  replaced(text, compilePronunciations(rules)(text, language));

describe("compilePronunciations()", () => {
  it.each<[string, PronunciationRule[], string, string]>([
    [
      "whole words",
      [{ find: "SQL", say: "sequel" }],
      "SQL, MySQL and SQLite (SQL).",
      "sequel, MySQL and SQLite (sequel).",
    ],
    ["parts of words", [{ find: "SQL", say: "sequel", words: false }], "MySQL", "Mysequel"],
    ["capitals", [{ find: "us", say: "America" }], "us US", "America US"],
    ["any capitals", [{ find: "nginx", say: "engine x", matchCase: false }], "NGINX Nginx", "engine x engine x"],
    [
      "signs",
      [
        { find: "C++", say: "C plus plus" },
        { find: "$", say: "dollars" },
      ],
      "C++ costs 5 $",
      "C plus plus costs 5 dollars",
    ],
    ["white space of any kind", [{ find: "New York", say: "NYC" }], "New\nYork", "NYC"],
    [
      "the longest",
      [
        { find: "New", say: "N" },
        { find: "New York", say: "NY" },
      ],
      "New York, New",
      "NY, N",
    ],
    [
      "the first of two",
      [
        { find: "a b", say: "1" },
        { find: "b c", say: "2" },
      ],
      "a b c",
      "1 c",
    ],
    [
      "never what a rule said",
      [
        { find: "a", say: "b" },
        { find: "b", say: "a" },
      ],
      "a b",
      "b a",
    ],
    ["other scripts", [{ find: "東京", say: "とうきょう", words: false }], "東京都", "とうきょう都"],
    ["patterns", [{ pattern: "(\\d+)\\s?GB\\b", say: "$1 gigabytes" }], "16GB, 32 GB", "16 gigabytes, 32 gigabytes"],
    ["patterns of whole words", [{ pattern: "v\\d", say: "version", words: true }], "v2 xv2 v22", "version xv2 v22"],
    [
      "what is not said, with its space",
      [{ find: "(laughs)", say: "", words: false }],
      "So (laughs) funny (laughs)",
      "So funny ",
    ],
  ])("finds %s", (_, rules, text, expected) => {
    expect(said(text, rules)).toBe(expected);
  });

  it("keeps to the language", () => {
    const rules = [
      { find: "Gift", say: "poison", language: "de" },
      { find: "Januar", say: "Jänner", language: "de-AT" },
      { find: "km", say: "kilo" },
    ];
    expect(said("Gift Januar km", rules, "de-DE")).toBe("poison Januar kilo");
    expect(said("Gift Januar km", rules, "de-AT")).toBe("poison Jänner kilo");
    expect(said("Gift Januar km", rules, "en")).toBe("Gift Januar kilo");
    expect(said("Gift Januar km", rules)).toBe("Gift Januar kilo");
  });

  it.each<[PronunciationRule, string]>([
    [{ say: "x" }, "pronunciations.0: write either find or pattern"],
    [{ find: "a", pattern: "b", say: "x" }, "pronunciations.0: write either find or pattern"],
    [{ find: " \u200b", say: "x" }, "pronunciations.0: find is empty"],
    [{ pattern: "(a", say: "x" }, "pronunciations.0: error parsing regexp: missing closing ): `(a`"],
    [{ pattern: "(a)\\1", say: "x" }, "pronunciations.0: error parsing regexp: invalid escape sequence: `\\1`"],
    [{ find: "a", say: "x", language: "English" }, 'pronunciations.0: "English" is not a language such as en or de-AT'],
  ])("refuses %o", (rule, message) => {
    expect(() => compilePronunciations([rule])).toThrow(message);
  });

  it("takes time in proportion to the text, whatever the pattern", () => {
    const pronounce = compilePronunciations([
      { pattern: "(a+)+$", say: "x" },
      { pattern: "(\\w|a)*b", say: "y" },
    ]);
    const run = (length: number) => () => pronounce(`${"a".repeat(length)}!`, "en");
    expect(fastestMs(run(20_000), 1)).toBeLessThan(10 * 5 * fastestMs(run(2_000)) + 500);
  });

  it("finds a thousand rules at once", () => {
    const rules = Array.from({ length: 1_000 }, (_, n) => ({ find: `word${n}`, say: `w ${n}` }));
    expect(said("word7 word999 word1000", rules)).toBe("w 7 w 999 word1000");
  });
});
