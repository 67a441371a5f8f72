import { describe, expect, it } from "vitest";
import { SpokenText } from "./spoken-text.ts";

const word = (text: string, from: number, startMs: number) => ({
  text,
  from,
  to: from + text.length,
  startMs,
  endMs: startMs + 100,
});

describe("SpokenText", () => {
  it("tells segments that were sent whole, and the words whose audio was sent", () => {
    const spoken = new SpokenText({ speed: 1 });
    expect(spoken.text).toBe("");
    spoken.begin("One.");
    spoken.sent(400);
    spoken.ended();
    spoken.begin("Two, three.");
    spoken.words([word("Two", 0, 400), word("three", 5, 550)]);
    expect(spoken.text).toBe("One.");
    spoken.sent(500);
    expect(spoken.text).toBe("One. Two");
    spoken.sent(649);
    expect(spoken.text).toBe("One. Two");
    spoken.sent(650);
    expect(spoken.text).toBe("One. Two, three");
    spoken.ended();
    expect(spoken.text).toBe("One. Two, three.");
  });

  it("reckons by the speaker's pace where nobody knows the words, and ends at one", () => {
    const spoken = new SpokenText({ speed: 2 });
    spoken.begin("Some words that are said.");
    spoken.sent(400); // eleven characters at double speed
    expect(spoken.text).toBe("Some words");
    spoken.sent(60_000);
    expect(spoken.text).toBe("Some words that are said.");
  });

  it("sets no space between sentences of scripts without", () => {
    const spoken = new SpokenText({ speed: 1 });
    for (const text of ["今日は。", "元気ですか。"]) {
      spoken.begin(text);
      spoken.ended();
    }
    expect(spoken.text).toBe("今日は。元気ですか。");
  });
});
