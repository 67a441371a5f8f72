import { describe, expect, it } from "vitest";
import {
  AUDIO_FORMAT_NAMES,
  type AudioFormat,
  fileExtension,
  formatProblem,
  isLossless,
  MIME_TYPES,
  mimeType,
  SAMPLE_RATES_HZ,
  sameFormat,
} from "./audio-format.ts";

const raw = (encoding: AudioFormat["encoding"], sampleRateHz: number): AudioFormat => ({
  name: "pcm",
  sampleRateHz,
  ...(encoding && { encoding }),
});

describe("mimeType()", () => {
  it("is the default type for what is delivered by default", () => {
    for (const name of AUDIO_FORMAT_NAMES) expect(mimeType({ name, sampleRateHz: 24_000 })).toBe(MIME_TYPES[name]);
  });

  it.each([
    [raw("mulaw", 8000), "audio/basic", "ulaw"],
    [raw("mulaw", 16_000), "audio/PCMU;rate=16000", "ulaw"],
    [raw("alaw", 8000), "audio/PCMA;rate=8000", "alaw"],
    [raw("s16", 8000), "audio/pcm;rate=8000;channels=1", "pcm"],
    [{ ...raw("mulaw", 8000), name: "wav" }, "audio/wav", "wav"],
    [{ name: "opus", sampleRateHz: 16_000 }, "audio/ogg; codecs=opus", "ogg"],
  ] as const)("names %o", (format, type, extension) => {
    expect([mimeType(format), fileExtension(format)]).toEqual([type, extension]);
  });
});

describe("formatProblem()", () => {
  it("lets every rate of ours pass, for opus its own", () => {
    const made = AUDIO_FORMAT_NAMES.map((name) =>
      SAMPLE_RATES_HZ.filter((sampleRateHz) => formatProblem({ name, sampleRateHz }) === undefined),
    );
    const opus = [8000, 12_000, 16_000, 24_000, 48_000];
    expect(made).toEqual(AUDIO_FORMAT_NAMES.map((name) => (name === "opus" ? opus : [...SAMPLE_RATES_HZ])));
  });

  it.each([
    [{ name: "mp3", sampleRateHz: 24_000, encoding: "mulaw" }, "encoding", "mp3"],
    [{ name: "flac", sampleRateHz: 24_000, encoding: "s16" }, "encoding", "flac"],
    [{ name: "wav", sampleRateHz: 96_000 }, "sampleRateHz", "48000"],
    [{ name: "pcm", sampleRateHz: 8001 }, "sampleRateHz", "8000"],
    [{ name: "opus", sampleRateHz: 44_100 }, "sampleRateHz", "opus"],
  ] as const)("says why %o is not made", (format, field, word) => {
    expect(formatProblem(format)).toMatchObject({ field, message: expect.stringContaining(word) });
  });
});

it("s16 written out is the same format, and a telephone's is no copy to make others of", () => {
  expect(sameFormat(raw("s16", 8000), raw(undefined, 8000))).toBe(true);
  expect(sameFormat(raw("mulaw", 8000), raw("alaw", 8000))).toBe(false);
  expect(sameFormat(raw("mulaw", 8000), raw(undefined, 8000))).toBe(false);
  expect([isLossless(raw(undefined, 8000)), isLossless(raw("alaw", 8000))]).toEqual([true, false]);
});
