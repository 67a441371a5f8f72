import { describe, expect, it } from "vitest";
import { manualClock } from "../../test/support/manual-clock.ts";
import { IncomingText } from "./incoming-text.ts";

function reading({ maxChars = 1_000 } = {}) {
  const clock = manualClock();
  const incoming = new IncomingText({ clock, maxChars, textPauseMs: 500, sentencePauseMs: 10 });
  const over = new AbortController();
  const segments: string[] = [];
  const ended = (async () => {
    for await (const segment of incoming.segments({ maxChars: 200, signal: over.signal })) segments.push(segment);
  })();
  ended.catch(() => {});
  return { clock, incoming, over, segments, ended };
}

describe("IncomingText", () => {
  it("waits for what may still belong to a sentence, and longer where it breaks off", async () => {
    const { clock, incoming, segments } = reading();
    incoming.append("Let me see. I wi");
    await clock.advance(0);
    expect(segments).toEqual(["Let me see."]);
    await clock.advance(400);
    incoming.append("ll look");
    await clock.advance(400);
    expect(segments).toHaveLength(1);
    await clock.advance(200);
    expect(segments).toEqual(["Let me see.", "I will look"]);
    incoming.append(" at once.");
    await clock.advance(9);
    expect(segments).toHaveLength(2);
    await clock.advance(2);
    expect(segments.at(-1)).toBe("at once.");
  });

  it("gives what is there on flush and at the end, and then ends", async () => {
    const { clock, incoming, segments, ended } = reading();
    incoming.append("One");
    incoming.flush();
    incoming.flush();
    incoming.append(" two");
    incoming.end();
    await clock.advance(0);
    await ended;
    expect(segments).toEqual(["One", "two"]);
  });

  it("append() throws text_too_long over all pieces together", () => {
    const { incoming } = reading({ maxChars: 5 });
    incoming.append("12345");
    incoming.append("");
    expect(() => incoming.append("6")).toThrow(expect.objectContaining({ code: "text_too_long" }));
  });

  it("segments() throws when its signal aborts, also while it waits", async () => {
    const { clock, over, ended } = reading();
    await clock.advance(0);
    over.abort(new Error("left"));
    await expect(ended).rejects.toThrow("left");
  });
});
