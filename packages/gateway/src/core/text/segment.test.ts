import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fastestMs, HOSTILE, rawText, traceReplies } from "../../../test/support/texts.ts";
import { isSpeakable, prepareText } from "./prepare.ts";
import { splitSegments } from "./segment.ts";

const cut = (raw: string, maxChars = 1_000): string[] => splitSegments(prepareText(raw), { maxChars });
const squeezed = (text: string): string => text.replaceAll(/\s+/g, "");

/** Each example shows its cuts as " | ". */
const EXAMPLES: Record<string, string[]> = {
  "plain sentences": ["Hello there. | How are you? | Fine! | Yes", "Hi. | Bye.", "One sentence"],
  titles: [
    "Dr. Smith met Mr. and Mrs. Jones. | Then Prof. Lee came.",
    "There is a Psychologist in St. Helena.",
    "A rep. | Then rest.",
    "In Fremont, CA. | It is sunny.",
  ],
  addresses: ["I live on Main St. | It is quiet.", "Go to 12 Elm Dr. | It is there.", "Park Ave. East is long."],
  "latin abbreviations": [
    "Fruit, e.g. Apples, i.e. Food.",
    "Cats vs. Dogs, cf. Birds.",
    "Music, sports, etc. | Would you like one?",
  ],
  companies: ["Barba & Co. San Jose is open.", "Acme Inc. | It grew.", "Jones Jr. Psychiatrist."],
  acronyms: ["The U.S. Army is here.", "I live in the U.S. | It is big.", "Washington D.C. - The Wharf."],
  initials: ["J. K. Rowling met John F. Kennedy.", "So do I. | The end.", "Eat vitamin C. | It helps."],
  times: ["At 7.30 p.m. Monday.", "At 7 p.m. | Would you come?", "From 5 a.m. - 6 p.m. daily.", "At 9 a.m. Eastern."],
  numbers: [
    "It is 3.14 or 1,000.50. | 12 people came. | Yes.",
    "It was 2019. | 12 people came.",
    "No. 5 is alive. | No. | It is not.",
    "See fig. 3 on p. 12.",
  ],
  dates: ["On Mon. Jan. 5 we met.", "Wir kommen am 3. Oktober. | Und du?", "In Jan. | The snow."],
  addressesOfTheNet: ["See https://x.com/a?b=C!D. | Mail a.b@c.de! | Open file.txt. | Use v1.2.3 of node.js now."],
  ellipses: [
    "Well... maybe. | Hmm… | Let me see.",
    "So... I think so.",
    "Wait...what?",
    "One moment.... | I will look.",
    "And . . . then.",
  ],
  quotes: [
    'He said "Go!" and left. | "Really?" he asked. | (Yes.) | Good',
    "“Stop.” | She did.",
    "« Bonjour. » | Il part.",
    "**Bold.** | Next.",
  ],
  "forgotten spaces": ["Great!Let's go.", "Happy.What now?"].map((text) => text.replace(/([!.])(?=[LW])/, "$1 | ")),
  "names with a mark": ["Yahoo! News is on. | Yes! | News is on."],
  CJK: ["今日は。 | 元気ですか？ | はい！", "「はい。」と言った。 | 次。", "他说：“你好。” | 然后走了。", "ﾊｲ｡ | 次"],
  "other scripts": ["आप कैसे हैं। | मैं ठीक हूँ।", "كيف حالك؟ | بخير.", "Τι κάνεις; | Καλά.", "Привет. | А. С. Пушкин пришёл."],
  Spanish: ["¿Qué tal? | ¡Bien! | Sr. López vino.", "La Sra. Díaz vive aquí."],
  German: [
    "Herr Dr. Müller kommt bzw. geht. | Das ist gut.",
    "Tiere, z. B. Hunde, d. h. alle.",
    "Das kostet 5 Mio. Euro. | Hr. Meier zahlt.",
  ],
  French: ["Ça va ? | Oui !", "M. Dupont, p. ex. lui."],
  lists: ["Choose: | 1. Milk | 2. Bread | 3. Eggs. | Done.", "Items: | • A | • B"],
  "lower case": [
    "i found 4. | would you like one?",
    "we met dept. heads. what is it".replace("heads. ", "heads. | "),
    "approx. you and me",
    "dogs etc. are pets",
    "max. you",
  ],
  "nothing to say alone": ["Hello! | 🎉 Bye 👋 !!", "Hello! 🎉", "🎉 Hello.", "!! | Hello".replace(" | ", " ")],
};

describe("splitSegments()", () => {
  for (const [rule, examples] of Object.entries(EXAMPLES)) {
    it.each(examples)(`cuts ${rule}: %s`, (example) => {
      const parts = example.split(" | ");
      const joiner = /[。？！”｡]$/u;
      const raw = parts.reduce(
        (text, part) => text + (joiner.test(text) && !/ $/.test(text) && rule === "CJK" ? "" : " ") + part,
      );
      expect(cut(rule === "forgotten spaces" ? example.replace(" | ", "") : raw)).toEqual(parts);
    });
  }

  it("cuts at line breaks", () => {
    expect(cut("# Title\n\nSome text. More\n1. Milk\n2. Bread\n- Eggs\n\nBye")).toEqual([
      "# Title",
      "Some text.",
      "More",
      "1. Milk",
      "2. Bread",
      "- Eggs",
      "Bye",
    ]);
    expect(cut("Above\n---\nBelow")).toEqual(["Above ---", "Below"]);
  });

  it("cuts a long sentence at a clause, else a space, else a word, else a cluster", () => {
    expect(cut("When all is said and done, nothing remains to be added", 40)[0]).toBe("When all is said and done,");
    expect(cut("abcdefgh ijklmnop qrstuvwx", 20)).toEqual(["abcdefgh ijklmnop", "qrstuvwx"]);
    expect(cut("สวัสดีครับสวัสดีครับ", 16)).toEqual(["สวัสดีครับสวัสดี", "ครับ"]);
    expect(cut("中文句子，没有空格的很长很长的一句话", 16)).toEqual(["中文句子，没有空格的很长很长的", "一句话"]);
    expect(cut(`x${"👩‍👩‍👧".repeat(4)}`, 20)).toEqual([`x${"👩‍👩‍👧".repeat(2)}`, "👩‍👩‍👧".repeat(2)]);
    expect(cut("a".repeat(50), 16)).toEqual(["a".repeat(16), "a".repeat(16), "a".repeat(16), "aa"]);
  });

  it("does not look past the next word, as Intl.Segmenter does", () => {
    const icu = new Intl.Segmenter("en", { granularity: "sentence" });
    const text = "It was 2019. 12 people came.";
    expect(Array.from(icu.segment(text), ({ segment }) => segment)).toEqual([text]); // "people" is in lower case
    expect(cut(text)).toEqual(["It was 2019.", "12 people came."]);
  });

  it("refuses a limit that no text fits", () => {
    expect(() => splitSegments("a", { maxChars: 15 })).toThrow("at least 16");
    expect(() => splitSegments("a", { maxChars: Number.NaN })).toThrow("at least 16");
  });

  it("loses and reorders nothing, and keeps its bounds, for any input", () => {
    fc.assert(
      fc.property(rawText(60), fc.integer({ min: 16, max: 80 }), (raw, maxChars) => {
        const text = prepareText(raw);
        const segments = splitSegments(text, { maxChars });
        expect(squeezed(segments.join(""))).toBe(squeezed(text));
        for (const segment of segments) {
          expect(segment).toBe(segment.trim());
          expect(segment.length).toBeGreaterThan(0);
          expect(segment.length).toBeLessThanOrEqual(maxChars);
          expect(segment.isWellFormed()).toBe(true);
          expect(segment).not.toContain("\n");
        }
      }),
      { numRuns: 2_000 },
    );
  });

  it("takes text that was not prepared, too", () => {
    fc.assert(
      fc.property(rawText(), (raw) => {
        expect(squeezed(splitSegments(raw, { maxChars: 30 }).join(""))).toBe(squeezed(raw));
      }),
    );
  });

  it("gives each segment back when it is cut again", () => {
    fc.assert(
      fc.property(rawText(60), fc.integer({ min: 16, max: 200 }), (raw, maxChars) => {
        for (const segment of cut(raw, maxChars)) expect(splitSegments(segment, { maxChars })).toEqual([segment]);
      }),
      { numRuns: 2_000 },
    );
  });

  it("never leaves a segment that cannot be spoken beside one that has room for it", () => {
    fc.assert(
      fc.property(rawText(60), (raw) => {
        const segments = cut(raw, 10_000);
        if (segments.length > 1) expect(segments.filter((segment) => !isSpeakable(segment))).toEqual([]);
      }),
      { numRuns: 1_000 },
    );
  });

  it("never cuts inside a grapheme cluster that fits", () => {
    const graphemes = new Intl.Segmenter("und", { granularity: "grapheme" });
    const clusters = fc.array(fc.constantFrom("👩‍👩‍👧", "🇩🇪", "é", "각", "न्दी", "a", "👍🏽"), {
      minLength: 30,
      maxLength: 80,
    });
    fc.assert(
      fc.property(clusters, (list) => {
        const text = prepareText(list.join(""));
        const ends = new Set(Array.from(graphemes.segment(text), ({ index }) => index));
        let at = 0;
        for (const segment of splitSegments(text, { maxChars: 24 })) {
          expect(ends).toContain(at);
          at += segment.length;
        }
      }),
    );
  });

  it("cuts a sentence alike wherever it stands", () => {
    const sentences = Object.values(EXAMPLES)
      .flatMap((examples) => examples.join(" | ").split(" | "))
      .filter((one) => /^["“¿¡]?\p{Lu}.*\p{L}[!?]$|^The end\.$/u.test(one));
    expect(sentences.length).toBeGreaterThan(5);
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...sentences), { minLength: 1 }), (list) => {
        expect(cut(list.join(" "))).toEqual(list.flatMap((one) => cut(one)));
      }),
    );
  });

  it.each(Object.entries(HOSTILE))("takes time in proportion to its input: %s", (_, make) => {
    const [small, large] = [make(125_000), make(1_000_000)];
    const run = (raw: string) => () => void splitSegments(raw, { maxChars: 4_096 });
    expect(fastestMs(run(large), 1)).toBeLessThan(8 * 5 * fastestMs(run(small)) + 500);
  });

  const replies = traceReplies();
  it.skipIf(replies === undefined)(
    `cuts real replies${replies ? "" : " (skipped: no trace here; set MYNAH_TRACE)"}`,
    () => {
      const segments = replies!.flatMap((reply) => {
        const text = prepareText(reply);
        const cuts = splitSegments(text, { maxChars: 2_000 });
        expect(squeezed(cuts.join(""))).toBe(squeezed(text));
        return cuts;
      });
      const icu = new Intl.Segmenter("en", { granularity: "sentence" });
      const differing = replies!.filter((reply) => {
        const text = prepareText(reply);
        const theirs = Array.from(icu.segment(text), ({ segment }) => segment.trim());
        return JSON.stringify(theirs) !== JSON.stringify(splitSegments(text, { maxChars: 2_000 }));
      });
      expect(differing.length / replies!.length).toBeLessThan(0.02); // abbreviations, initials and lower case
      expect(segments.length / replies!.length).toBeGreaterThan(1.2);
      expect(1 - new Set(segments).size / segments.length).toBeGreaterThan(0.26); // what a cache can save
      expect(segments.filter((segment) => /\b(Dr|Mr|Mrs|St|[A-HJ-Z])\.$/.test(segment)).length).toBeLessThan(60);
    },
  );
});
