import type { VoiceInfo } from "@mynah/client";
import { describe, expect, it } from "vitest";
import { regionOf } from "./flag.ts";
import { voiceDetails, voiceGroups } from "./voice-groups.ts";

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
  it("groups by language, in order", () => {
    expect(voiceGroups(voices, "", "en").map(({ label, voices: v }) => [label, v.map(({ id }) => id)])).toEqual([
      ["American English", ["awb", "en-us", "slt"]],
      ["French (France)", ["fr"]],
      ["not a tag!", ["odd"]],
    ]);
  });

  it("finds by every word, in any order, whatever the case and accents", () => {
    expect(found("FLITE english")).toEqual(["awb", "slt"]);
    expect(found("frénch")).toEqual(["fr"]);
    expect(found("français")).toEqual(["fr"]);
    expect(found("en-us")).toEqual(["awb", "en-us", "slt"]);
    expect(found("united states")).toEqual(["awb", "en-us", "slt"]);
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

describe("voiceDetails()", () => {
  it("names the id only where the name does not", () => {
    expect(voiceDetails(voices[0]!)).toBe("female");
    expect(voiceDetails({ ...voices[2]!, name: "Annie" })).toBe("en-us");
  });

  it("tells what a voice is like, and the first few styles", () => {
    expect(voiceDetails({ ...voices[0]!, age: "old", accent: "scottish" })).toBe("female · old · scottish");
    expect(voiceDetails({ ...voices[0]!, styles: ["a", "b", "c", "d"] })).toBe("female · a · b · c · …");
  });
});

describe("regionOf()", () => {
  it("is the country that a tag names, else where most speakers live, and none for a language of nowhere", () => {
    expect(["pt-BR", "de", "en", "eo", "es-419", "not a tag!"].map(regionOf)).toEqual([
      ...["BR", "DE", "US"],
      ...[undefined, undefined, undefined],
    ]);
  });
});
