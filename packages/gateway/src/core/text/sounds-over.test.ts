import { describe, expect, it } from "vitest";
import { soundsOver } from "./sounds-over.ts";

describe("soundsOver()", () => {
  it.each(["That is all.", "Really? ", "Stop!”", "Hello there.", "元気ですか。", "He said “yes.”", "(It is.)"])(
    "believes %j to be a whole sentence",
    (text) => expect(soundsOver(text)).toBe(true),
  );

  it.each([
    "",
    "That is",
    "Dr.",
    "e.g.",
    "3.",
    "version 2.",
    "Well...",
    "Well…",
    "the U.S.",
    "on Jan.",
    "J.",
    "Yahoo!",
  ])("waits after %j", (text) => expect(soundsOver(text)).toBe(false));
});
