import { describe, expect, it } from "vitest";
import { languageFit, parseLanguage, regionFit } from "./language-tag.ts";

describe("parseLanguage()", () => {
  it.each([
    ["de", { tag: "de", language: "de", likelyRegion: "DE" }],
    ["pt_br", { tag: "pt-BR", language: "pt", region: "BR", likelyRegion: "BR" }],
    ["cmn", { tag: "zh", language: "zh", likelyRegion: "CN" }],
    ["nb-NO", { tag: "nb-NO", language: "no", region: "NO", likelyRegion: "NO" }],
    ["zh-Hant", { tag: "zh-Hant", language: "zh", likelyRegion: "TW" }],
    ["mul", { tag: "mul", language: "mul" }],
    ["UND", { tag: "und", language: "und" }],
  ])("understands %s", (tag, parsed) => {
    expect(parseLanguage(tag)).toEqual(parsed);
  });

  it.each(["", "not a tag!", "a", "en-", "x".repeat(10_000), "de\u0000", "__proto__", "constructor-", "English"])(
    "knows that %j is none",
    (tag) => {
      expect(parseLanguage(tag)).toBeUndefined();
    },
  );
});

describe("languageFit() and regionFit()", () => {
  const fit = (voice: string, wanted: string) => {
    const tags = [parseLanguage(voice)!, parseLanguage(wanted)!] as const;
    return [languageFit(...tags), regionFit(...tags)];
  };
  it.each([
    ["de-DE", "de", [3, 3]],
    ["de", "de-DE", [3, 2]],
    ["de-CH", "de", [3, 0]],
    ["es", "es-MX", [3, 1]],
    ["no", "nb", [3, 2]],
    ["mul", "de", [2, 1]],
    ["und", "de", [1, 1]],
    ["en-US", "de-DE", [0, 1]],
  ])("a voice of %s asked for %s", (voice, wanted, fits) => {
    expect(fit(voice, wanted)).toEqual(fits);
  });
});
