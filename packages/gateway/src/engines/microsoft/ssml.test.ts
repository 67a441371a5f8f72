import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { escapedText } from "../xml-text.ts";
import { percent, splitEscaped, unescapedText } from "./ssml.ts";

const bytes = (text: string): number => Buffer.byteLength(text);

describe("escapedText()", () => {
  it("leaves nothing that is markup or not XML", () => {
    expect(escapedText("a]]><voice name='x'>&amp;\u0000b\u000bc\u001fd\ud800e\uffff\t\r\nf\u0085")).toBe(
      "a]]&gt;&lt;voice name='x'&gt;&amp;amp; b c d\ufffde \t\r\nf\u0085",
    );
  });
  it("is undone by unescapedText(), but for what XML cannot hold", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), (text) => {
        const sayable = Array.from(text, (char) => (/[\t\n\r -\ufffd]/.test(char) ? char : " ")).join("");
        expect(unescapedText(escapedText(text))).toBe(sayable);
      }),
    );
  });
});

describe("unescapedText()", () => {
  it("reads every kind of entity once, and leaves what is none", () => {
    expect(unescapedText("&lt;&gt;&quot;&apos;&#39;&#x1F600;&amp;lt; & &nbsp; &#x110000;")).toBe(
      "<>\"''😀&lt; & &nbsp; &#x110000;",
    );
  });
});

describe("splitEscaped()", () => {
  it("cuts at the last line break, else at the last space, else between characters", () => {
    expect(splitEscaped("ab\ncd ef gh", 8)).toEqual(["ab", "cd ef gh"]);
    expect(splitEscaped("ab cd ef", 5)).toEqual(["ab cd", "ef"]);
    expect(splitEscaped("abcdefg", 3)).toEqual(["abc", "def", "g"]);
    expect(splitEscaped("aaa&amp;bbb", 6)).toEqual(["aaa", "&amp;b", "bb"]);
    expect(splitEscaped("😀😀😀", 6)).toEqual(["😀", "😀", "😀"]);
    expect(splitEscaped("  \n ", 3)).toEqual([]);
  });
  it("loses nothing but white space, keeps every part in bounds and cuts no entity or code point", () => {
    const pieces = fc.constantFrom("a", "Wort", " ", "\n", "é", "語", "😀", "&", "<", ">", ";");
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 200 }), fc.integer({ min: 9, max: 60 }), (text, maxBytes) => {
        const whole = text.join("");
        const parts = splitEscaped(escapedText(whole), maxBytes);
        for (const part of parts) {
          expect(bytes(part)).toBeLessThanOrEqual(maxBytes);
          expect(part).not.toBe("");
          expect(part.isWellFormed()).toBe(true);
          expect(escapedText(unescapedText(part))).toBe(part); // no half entity
        }
        const letters = (some: string): string => some.replace(/\s/g, "");
        expect(letters(parts.map(unescapedText).join(""))).toBe(letters(whole));
      }),
    );
  });
  it("is quick with text that has no place to cut", () => {
    expect(splitEscaped("&amp;".repeat(100_000), 4096)).toHaveLength(Math.ceil(100_000 / 819));
  });
});

describe("percent()", () => {
  it("signs every factor", () => {
    expect([1, 1.5, 2, 0.5, 0.999].map(percent)).toEqual(["+0%", "+50%", "+100%", "-50%", "+0%"]);
  });
});
