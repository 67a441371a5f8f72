import { describe, expect, it } from "vitest";
import { speechLength, UsualPace } from "./plausible.ts";

/** Texts with the seconds that people, or good engines, take for them. */
const SPOKEN = [
  ["Hello.", 0.5],
  ["Yes", 0.3],
  ["Your appointment is on the 14th of March 2026 at 9:30 in the morning.", 5.5],
  ["Der Donaudampfschifffahrtsgesellschaftskapitän ist heute leider nicht zu sprechen.", 5],
  ["今天的天气非常好，我们一起去公园散步吧。", 4.2],
  ["こんにちは、今日はいい天気ですね。", 2.6],
  ["오늘 날씨가 정말 좋네요. 같이 산책할까요?", 3.2],
  ["สวัสดีครับ วันนี้อากาศดีมาก", 2.4],
  ["Привет, как у тебя сегодня дела?", 2.1],
  ["مرحبا كيف حالك اليوم", 1.9],
  ["नमस्ते, आप कैसे हैं? आज मौसम अच्छा है।", 3.1],
  ["WWW, AWS, UPS, FBI.", 4.5],
  ["3.14159265358979", 6],
  ["1,000,000", 0.7],
  ["😀😀😀", 3.5],
  ["Noooooooooooooooooooooooooooooo!", 0.9],
  ["------------------------------", 0.2],
] as const;

describe("speechLength()", () => {
  it.each(SPOKEN)("lets %s pass in %d s", (text, seconds) => {
    const { minMs, maxMs } = speechLength(text, 1);
    expect(seconds * 1000).toBeGreaterThanOrEqual(minMs);
    expect(seconds * 1000).toBeLessThanOrEqual(maxMs);
  });

  it.each(SPOKEN.filter(([text]) => text.length > 15 && speechLength(text, 1).reliable))(
    "does not let %s pass in a minute",
    (text) => {
      expect(speechLength(text, 1).maxMs).toBeLessThan(60_000);
    },
  );

  it("wants something of a sentence, and allows for speed in both directions", () => {
    const text = "This is a sentence of the usual length, and not a very short one.";
    const { minMs, maxMs } = speechLength(text, 1);
    expect(minMs).toBeGreaterThan(400);
    expect(speechLength(text, 2).minMs).toBe(minMs / 2);
    expect(speechLength(text, 0.5).minMs).toBe(minMs); // it may not go so slow
    expect(speechLength(text, 0.5).maxMs).toBe(maxMs * 2);
  });
});

describe("UsualPace", () => {
  const length = speechLength("This is a sentence of the usual length, and not a very short one.", 1);
  const whole = length.usualMs * 0.9;

  it("tells half a clip from a whole one, once it has heard the voice often enough", () => {
    const pace = new UsualPace();
    for (let n = 0; n < 9; n++) pace.learn("anna", length, 1, whole);
    expect(pace.minMs("anna", length, 1)).toBe(length.minMs);
    pace.learn("anna", length, 1, whole);
    expect(pace.minMs("anna", length, 1)).toBeGreaterThan(whole / 2);
    expect(pace.minMs("anna", length, 1)).toBeLessThan(whole * 0.8);
    expect(pace.minMs("bert", length, 1)).toBe(length.minMs);
    expect(pace.minMs("anna", length, 2)).toBe(pace.minMs("anna", length, 1) / 2);
  });

  it("does not judge short texts and numbers by it", () => {
    const pace = new UsualPace();
    for (let n = 0; n < 20; n++) pace.learn("anna", length, 1, whole);
    for (const text of ["Hello.", "Call 0800 123 456 789 000."]) {
      const other = speechLength(text, 1);
      expect(pace.minMs("anna", other, 1)).toBe(other.minMs);
    }
  });
});
