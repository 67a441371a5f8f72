import { describe, expect, it } from "vitest";
import { spokenTones } from "../../test/support/stand-ins/spoken-tones.ts";
import { Codecs } from "../audio/codecs.ts";
import { AUDIO_FORMAT_NAMES } from "../core/audio-format.ts";
import { looksFramed, sniffFormat } from "./sniff-format.ts";

const codecs = new Codecs();
const tones = (name: (typeof AUDIO_FORMAT_NAMES)[number], sampleRateHz: number, text = "Sound of one kind.") =>
  spokenTones(
    { text, voice: "v", format: { name, sampleRateHz, ...(name !== "pcm" && { bitrateBps: 64_000 }) } },
    codecs,
  );

describe("sniffFormat() and looksFramed()", () => {
  it.each([16_000, 24_000, 48_000])("know real audio at %i Hz by its beginning", async (sampleRateHz) => {
    for (const name of AUDIO_FORMAT_NAMES) {
      const audio = await tones(name, sampleRateHz);
      expect(sniffFormat(audio), name).toBe(name === "pcm" ? "other" : name);
      expect(sniffFormat(audio.subarray(0, 3)), name).toBeUndefined();
      if (name === "mp3" || name === "aac") {
        expect(looksFramed(audio), name).toBe(true);
        expect(looksFramed(audio.subarray(0, 40)), name).toBeUndefined();
      } else expect(looksFramed(audio), name).toBe(false);
    }
  });

  it("does not take loud samples that look like a frame's beginning for one", () => {
    const samples = new Uint8Array(4000).map((_, at) => (at < 4 ? [0xff, 0xfb, 0x90, 0x00][at]! : at % 251));
    expect(sniffFormat(samples)).toBe("mp3");
    expect(looksFramed(samples)).toBe(false);
  });

  it("knows ID3, and noise for nothing", () => {
    expect(sniffFormat(new TextEncoder().encode("ID3\u0004rest"))).toBe("mp3");
    expect(sniffFormat(Uint8Array.of(0xff, 0xff, 0xff, 0xff))).toBe("other");
    expect(sniffFormat(new TextEncoder().encode("<html>"))).toBe("other");
  });
});
