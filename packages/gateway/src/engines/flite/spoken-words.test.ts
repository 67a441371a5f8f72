import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { hasForeignScript, spokenWords } from "./spoken-words.ts";

const spoken = (text: string): string =>
  spokenWords(text)
    .map((word) => word.spoken)
    .join(" ");

describe("spokenWords()", () => {
  it.each([
    ["Café niño über Łódź straße Æsir", "Cafe nino uber Lodz strasse AEsir"],
    ["“It’s” — fine…", '"It\'s", fine...'],
    ["£5, €2.50 and 20°C", "5 pounds, 2.50 euros and 20 degrees celsius"],
    ["½ cup, ﬁve", "1/2 cup, five"],
    ["one - two", "one, two"],
    ["( hello )", "hello"],
    ["First\n\nSecond.\n\n- third", "First. Second. third"],
    ["a\u0000b\u200bc co\u00adop", "a b c coop"],
    ["50% of #1 & more", "50% of #1 & more"],
    ["😀 …", ""],
  ])("makes %j into %j", (text, expected) => {
    expect(spoken(text)).toBe(expected);
  });
  it("keeps the word as it was written, without the punctuation around it", () => {
    expect(spokenWords("(“Café,”) $5.50!").map(({ text }) => text)).toEqual(["Café", "$5.50"]);
  });
  it("gives printable ASCII on one line, whatever comes in", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 200 }), (text) => {
        for (const word of spokenWords(text)) expect(word.spoken).toMatch(/^[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?$/);
      }),
    );
  });
});

describe("hasForeignScript()", () => {
  it.each(["你好", "Привет", "hello שלום", "٣ apples", "カタカナ", "ñ и"])("is true of %j", (text) => {
    expect(hasForeignScript(text)).toBe(true);
  });
  it.each(["Café", "naïve ½ ２ ｆｕｌｌ", "5 µm", "😀!", "ªº", "don’t", ""])("is false of %j", (text) => {
    expect(hasForeignScript(text)).toBe(false);
  });
});
