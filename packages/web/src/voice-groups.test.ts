import type { VoiceInfo } from "@mynah/client";
import { describe, expect, it } from "vitest";
import { voiceGroups, voiceLabel } from "./voice-groups.ts";

const voice = (id: string, language: string, engine: string, gender: VoiceInfo["gender"] = null): VoiceInfo => ({
  id,
  name: id.toUpperCase(),
  language,
  engine,
  gender,
});
const voices = [
  voice("slt", "en-US", "flite", "female"),
  voice("awb", "en-US", "flite", "male"),
  voice("en-us", "en-US", "espeak"),
  voice("fr", "fr-FR", "espeak", "male"),
  voice("odd", "not a tag!", "espeak"),
];
const found = (query: string) => voiceGroups(voices, query, "en").flatMap((group) => group.voices.map(({ id }) => id));

describe("voiceGroups", () => {
  it("groups by language and engine, in order", () => {
    expect(voiceGroups(voices, "", "en").map(({ label, voices: v }) => [label, v.map(({ id }) => id)])).toEqual([
      ["American English · espeak", ["en-us"]],
      ["American English · flite", ["awb", "slt"]],
      ["French (France) · espeak", ["fr"]],
      ["not a tag! · espeak", ["odd"]],
    ]);
  });

  it("finds by every word, in any order, whatever the case and accents", () => {
    expect(found("FLITE english")).toEqual(["awb", "slt"]);
    expect(found("frénch")).toEqual(["fr"]);
    expect(found("français")).toEqual(["fr"]);
    expect(found("en-us")).toEqual(["en-us", "awb", "slt"]);
    expect(found("klingon")).toEqual([]);
  });

  it("finds by style, age and accent", () => {
    const old: VoiceInfo = { ...voices[1]!, id: "bard", age: "old", accent: "scottish", styles: ["calm"] };
    const groups = voiceGroups([...voices, old], "calm scottish old", "en");
    expect(groups.flatMap((group) => group.voices.map(({ id }) => id))).toEqual(["bard"]);
  });

  it("does not find female voices under male", () => {
    expect(found("male")).toEqual(["awb", "fr"]);
  });
});

describe("voiceLabel", () => {
  it("names the id only where the name does not", () => {
    expect(voiceLabel(voices[0]!)).toBe("SLT, female");
    expect(voiceLabel({ ...voices[2]!, name: "Annie" })).toBe("Annie (en-us)");
  });

  it("tells the first few styles", () => {
    expect(voiceLabel({ ...voices[0]!, styles: ["calm"] })).toBe("SLT, female · calm");
    expect(voiceLabel({ ...voices[0]!, styles: ["a", "b", "c", "d"] })).toBe("SLT, female · a, b, c, …");
  });
});
