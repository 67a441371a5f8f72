import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { hasTool, subtitlesWithFfmpeg } from "../../../test/support/audio-decode.ts";
import { parseSrt, parseVtt } from "../../../test/support/subtitle-parsers.ts";
import type { TimedSegment } from "./cues.ts";
import { formatSubtitles, type Transcript } from "./subtitles.ts";

/** Words said one after another, `msEach` long, a little pause between. */
function said(text: string, { startMs = 0, msEach = 300, estimated = false } = {}): TimedSegment {
  const words = [...text.matchAll(/\S+/g)].map(({ 0: word, index }, at) => ({
    text: word,
    from: index,
    to: index + word.length,
    startMs: startMs + at * (msEach + 20),
    endMs: startMs + at * (msEach + 20) + msEach,
    ...(estimated && { estimated: true as const }),
  }));
  return { text, words };
}
const of = (...segments: TimedSegment[]): Transcript => ({
  segments,
  durationMs: segments.at(-1)?.words.at(-1)?.endMs ?? 0,
});
const squeezed = (text: string): string => text.replaceAll(/[\s\u2060]+/g, "");

const sign = fc.constantFrom(..."abcdefgXYZ.,;:!?-<>&{}/\\0123456789é你ด😀\u200b", "-->", "<i>", "&amp;", "NOTE");
const word = fc
  .oneof(
    { arbitrary: fc.array(sign, { minLength: 1, maxLength: 9 }), weight: 9 },
    fc.array(sign, { minLength: 1, maxLength: 150 }),
  )
  .map((signs) => signs.join(""));
const segment = fc
  .tuple(
    fc.array(fc.tuple(word, fc.constantFrom(" ", "  ", "\n", "\n\n", "\r\n")), { minLength: 1, maxLength: 40 }),
    fc.integer({ min: 1, max: 3_000 }),
    fc.integer({ min: 0, max: 4_000 }),
  )
  .map(([words, msEach, pauseMs]) => ({ text: words.flat().join(""), msEach, pauseMs }));
const transcript = fc.array(segment, { maxLength: 5 }).map((segments) => {
  let startMs = 0;
  return of(
    ...segments.map(({ text, msEach, pauseMs }) => {
      const timed = said(text, { startMs: startMs + pauseMs, msEach });
      startMs = timed.words.at(-1)?.endMs ?? startMs;
      return timed;
    }),
  );
});

describe("formatSubtitles()", () => {
  it("gives cues in order that do not overlap, fit, and hold every word once", () => {
    fc.assert(
      fc.property(transcript, (given) => {
        const text = squeezed(given.segments.map((one) => one.text).join(" "));
        const vtt = parseVtt(formatSubtitles(given, "vtt"));
        const srt = parseSrt(formatSubtitles(given, "srt"));
        expect(squeezed(vtt.flatMap(({ lines }) => lines).join(""))).toBe(text);
        expect(squeezed(srt.flatMap(({ lines }) => lines).join(""))).toBe(text.replaceAll("-->", "→"));
        expect(srt.map(({ startMs, endMs }) => [startMs, endMs])).toEqual(
          vtt.map(({ startMs, endMs }) => [startMs, endMs]),
        );
        for (const [at, { startMs, lines }] of vtt.entries()) {
          if (at > 0) expect(startMs).toBeGreaterThanOrEqual(vtt[at - 1]!.endMs);
          expect(lines.length).toBeLessThanOrEqual(2);
          for (const line of lines) expect([...line].length).toBeLessThanOrEqual(42);
        }
      }),
      { numRuns: 150 },
    );
  });

  it("breaks at punctuation, and into lines of about the same length", () => {
    const text = "When the rain came down over the old town, nobody in the market looked up from what they were doing.";
    expect(parseSrt(formatSubtitles(of(said(text)), "srt")).map(({ lines }) => lines)).toEqual([
      ["When the rain came down over the old town,"],
      ["nobody in the market looked", "up from what they were doing."],
    ]);
  });

  it("leaves a short cue a second if there is time, and breaks at long pauses", () => {
    const quick = of(
      said("Yes.", { msEach: 200 }),
      said("No.", { startMs: 3_000, msEach: 200 }),
      said("So.", { startMs: 3_300 }),
    );
    expect(parseVtt(formatSubtitles(quick, "vtt"))).toEqual([
      { startMs: 0, endMs: 1_000, lines: ["Yes."] },
      { startMs: 3_000, endMs: 3_300, lines: ["No."] },
      { startMs: 3_300, endMs: 4_300, lines: ["So."] },
    ]);
    const slow = said("one two");
    const late = { ...slow, words: [slow.words[0]!, { ...slow.words[1]!, startMs: 5_000, endMs: 5_400 }] };
    expect(parseVtt(formatSubtitles(of(late), "vtt")).map(({ startMs }) => startMs)).toEqual([0, 5_000]);
  });

  it("counts Chinese signs double, and breaks text without spaces by its words", () => {
    const text = "你好".repeat(30);
    const words = Array.from({ length: 30 }, (_, at) => ({
      text: "你好",
      from: at * 2,
      to: at * 2 + 2,
      startMs: at * 200,
      endMs: at * 200 + 190,
    }));
    const cues = parseSrt(formatSubtitles({ segments: [{ text, words }], durationMs: 6_000 }, "srt"));
    for (const line of cues.flatMap(({ lines }) => lines)) expect([...line].length).toBeLessThanOrEqual(21);
    expect(cues.flatMap(({ lines }) => lines).join("")).toBe(text);
  });

  it("says which times are estimated", () => {
    const guessed = of(said("Perhaps here.", { estimated: true }));
    expect(formatSubtitles(guessed, "vtt")).toContain("NOTE ");
    expect(JSON.parse(formatSubtitles(guessed, "json"))).toEqual({
      durationMs: 620,
      words: [
        { text: "Perhaps", startMs: 0, endMs: 300, estimated: true },
        { text: "here.", startMs: 320, endMs: 620, estimated: true },
      ],
    });
    expect(formatSubtitles(of(said("Surely here.")), "vtt")).not.toContain("NOTE");
  });

  it("counts hours", () => {
    const late = of(said("Late.", { startMs: 36_000_000 + 61_005 }));
    expect(formatSubtitles(late, "srt")).toContain("10:01:01,005 --> 10:01:02,005");
  });

  it("gives nothing, and a bare head, for nothing", () => {
    expect(formatSubtitles(of(), "srt")).toBe("");
    expect(parseVtt(formatSubtitles(of(), "vtt"))).toEqual([]);
  });

  it.skipIf(!hasTool("ffmpeg")).each(["srt", "vtt"] as const)("ffmpeg reads the same cues out of our %s", (format) => {
    const given = of(
      said("Tom & Jerry said: a < b, and c > d; that is what they said, more than once."),
      said("The second one.", { startMs: 9_000 }),
    );
    const ours = formatSubtitles(given, format);
    const times = (text: string) => text.match(/^.* --> .*$/gm);
    expect(times(subtitlesWithFfmpeg(ours, format))).toEqual(times(formatSubtitles(given, "srt")));
  });
});
