import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fastestMs } from "../../../../test/support/texts.ts";
import { prepareText } from "../prepare.ts";
import { type Cleaning, DEFAULT_CLEANING } from "./cleaning.ts";
import { cleanText, TextCleaner } from "./text-cleaner.ts";

const cleaned = (text: string, cleaning: Partial<Cleaning> = {}): string =>
  prepareText(cleanText(text, { ...DEFAULT_CLEANING, ...cleaning }));

/** Each with what a listener should hear. */
const HEARD: readonly (readonly [what: string, written: string, heard: string])[] = [
  ["plain text", "Nothing to do here, at 3.5 m & 2 * 3 = 6.", "Nothing to do here, at 3.5 m & 2 * 3 = 6."],
  ["headings", "# One\nText\n## Two ##\nC# is fine", "One\nText\nTwo\nC# is fine"],
  [
    "emphasis",
    "This is **very** *important*, ***really***, __yes__, _so_, ~~not~~.",
    "This is very important, really, yes, so, not.",
  ],
  ["signs that are no emphasis", "snake_case_name, 2*3, a * b, __init__.py", "snake_case_name, 2*3, a * b, init.py"],
  ["bullets", "- Milk\n* Bread\n  + Rye\n• Eggs", "Milk\nBread\nRye\nEggs"],
  ["tasks", "- [ ] Wash\n- [x] Iron", "Wash\nIron"],
  ["numbered lists", "1. First\n2. Second", "1. First\n2. Second"],
  ["quotes", "> He said\n> > that\n\nYes", "He said\nthat\n\nYes"],
  ["rules", "One\n\n---\n\n* * *\nTwo\n===\nThree", "One\n\nTwo\nThree"],
  ["inline code", "Run `npm install` or ``a `b` c`` now.", "Run npm install or a `b` c now."],
  ["code blocks", "Do this:\n```js\nconst x = *1*;\n```\nDone.", "Do this:\n\nDone."],
  ["a block that is not closed", "Do this:\n~~~\nx", "Do this:"],
  [
    "links",
    'See [the *docs*](https://a.example/x_(y)?q=1 "t") and [ref][1].\n\n[1]: https://b.example',
    "See the docs and ref.",
  ],
  ["images and badges", "[![build **ok**](b.svg)](https://ci.example) ![A cat](cat.png)", "build ok A cat"],
  ["brackets that are no links", "[sic] a[0] = b [1]", "[sic] a[0] = b [1]"],
  ["footnotes", "So it is[^1].\n\n[^1]: Says who?", "So it is."],
  [
    "addresses",
    "Go to https://www.example.com/a/b?c=d. Or <https://x.org/y>, www.foo.net!",
    "Go to example.com. Or x.org, foo.net!",
  ],
  ["mail", "Write to <ann@example.com>.", "Write to ann@example.com."],
  ["emoji", "Great 🎉! Well done 👩‍👩‍👧‍👦👍🏽 🇩🇪 1️⃣ ❤️ ok ©", "Great! Well done 1 ok ©"],
  [
    "tables",
    "| Name | Age |\n|:-----|----:|\n| Ann | **30** |\n| Bob \\| Co | 7 |",
    "Name, Age.\nAnn, 30.\nBob | Co, 7.",
  ],
  [
    "tags and comments",
    "One<br>two <b class='x'>bold</b><!-- not\nthis --> 1 < 2 > 0 a<b",
    "One\ntwo bold 1 < 2 > 0 a<b",
  ],
  ["entities", "Fish &amp; chips&nbsp;&#8364;5 &unknown; AT&T", "Fish & chips €5 &unknown; AT&T"],
  ["escapes", "\\*not bold\\* 1\\. C:\\dir", "*not bold* 1. C:\\dir"],
  ["citations", "It is so【4:0†source】. 【注】", "It is so. 【注】"],
];

describe("cleanText()", () => {
  it.each(HEARD)("%s", (_, written, heard) => {
    expect(cleaned(written)).toBe(heard);
  });

  it("does what it is told", () => {
    const text = "A:\n```\nx = 1\n```\nsee https://a.example/b 🎉\n| a | b |";
    expect(cleaned(text, { code: "read", urls: "read", emoji: "read" })).toBe(
      "A:\n\nx = 1\n\nsee https://a.example/b 🎉\na, b.",
    );
    expect(cleaned(text, { urls: "skip", tables: "skip" })).toBe("A:\n\nsee");
  });
});

describe("TextCleaner", () => {
  const pieces = fc.constantFrom(
    ..."*_`~#>|-+[]()!<>&;\\:.= \n".split(""),
    ...[
      "```",
      "~~~",
      "- ",
      "- [x] ",
      "https://a.b/c",
      "www.",
      "[a](b)",
      "[^1]",
      "<br>",
      "<!--",
      "-->",
      "&amp;",
      "word",
      "7",
      "👩‍👧",
      "❤️",
      "【1†s】",
      "\ud83d",
    ],
  );
  const written = fc.array(pieces, { maxLength: 60 }).map((parts) => parts.join(""));

  it("gives the same however the text is cut", () => {
    fc.assert(
      fc.property(written, fc.array(fc.nat(200), { maxLength: 8 }), (text, cuts) => {
        const whole = cleanText(text);
        const places = [0, ...cuts.map((cut) => cut % (text.length + 1)).sort((a, b) => a - b), text.length];
        for (const parts of [places.slice(1).map((end, n) => text.slice(places[n], end)), text.split("")]) {
          const cleaner = new TextCleaner();
          expect(parts.map((part) => cleaner.push(part)).join("") + cleaner.flush()).toBe(whole);
        }
      }),
      { numRuns: 4_000 },
    );
  });

  it("loses no word of what is neither code, nor an address, nor a tag", () => {
    const plain = fc.array(fc.constantFrom("word", "7", "Café", "*", "_", "~~", "#", "- ", "> ", "\n", " ", ".", "("), {
      maxLength: 60,
    });
    const words = (text: string): string[] => text.match(/[\p{L}\p{N}]+/gu) ?? [];
    fc.assert(
      fc.property(plain, (parts) => {
        const text = parts.join("");
        fc.pre(!text.includes("~~~")); // a fence
        expect(words(cleanText(text)).join("")).toBe(words(text).join(""));
      }),
    );
  });

  it("gives out a sentence before its line ends", () => {
    const cleaner = new TextCleaner();
    expect(cleaner.push("This is **one** sentence. And th")).toBe("This is one sentence. And th");
    expect(cleaner.push("is [a link")).toBe("is");
    expect(cleaner.push("](http://x.example). More")).toBe(" a link. More");
  });

  it.each(["[", "*", "`", "<", "|", "<a ", "https://", "&", "_a", "- ", "> ", "![", "```\n", "x\n", "🎉"])(
    "takes time in proportion to its input: %s",
    (unit) => {
      const run = (times: number) => () => cleanText(unit.repeat(times));
      expect(fastestMs(run(40_000), 1)).toBeLessThan(8 * 5 * fastestMs(run(5_000)) + 1_000);
    },
  );
});
