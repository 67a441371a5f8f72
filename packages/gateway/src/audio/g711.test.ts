import { describe, expect, it } from "vitest";
import { decodeWithFfmpeg, hasTool } from "../../test/support/audio-decode.ts";
import { concat } from "../core/async.ts";
import { aLawCode, G711_SAMPLES, type G711Law, g711Bytes, g711Samples, muLawCode } from "./g711.ts";
import { wavHeader } from "./wav.ts";

const ffmpeg = hasTool("ffmpeg");
const sampleOf = (law: G711Law, code: number): number => G711_SAMPLES[law][code]! * 32_768;
const codeOf = { mulaw: muLawCode, alaw: aLawCode };
const LAWS = ["mulaw", "alaw"] as const;
const all16 = Int16Array.from({ length: 65_536 }, (_, at) => at - 32_768);

describe("G.711", () => {
  // Decoder output values of the recommendation's tables 2a and 1a, at the ends of the segments; µ-law has 14 bits, A-law 13.
  it.each([
    [
      "mulaw",
      4,
      [
        [0x80, 8031],
        [0x8f, 4191],
        [0x9f, 2079],
        [0xaf, 1023],
        [0xbf, 495],
        [0xcf, 231],
        [0xdf, 99],
        [0xef, 33],
        [0xfe, 2],
        [0xff, 0],
      ],
    ],
    [
      "alaw",
      8,
      [
        [0xaa, 4032],
        [0xa5, 2112],
        [0xb5, 1056],
        [0x85, 528],
        [0x95, 264],
        [0xe5, 132],
        [0xf5, 66],
        [0xd5, 1],
      ],
    ],
  ] as [G711Law, number, [number, number][]][])("%s has the values of the recommendation", (law, scale, values) => {
    for (const [code, value] of values) {
      expect(sampleOf(law, code)).toBe(value * scale);
      expect(sampleOf(law, code ^ 0x80)).toBe(value === 0 ? -0 : -value * scale);
      expect(codeOf[law](value * scale)).toBe(code);
      expect(codeOf[law](-value * scale)).toBe(value === 0 ? code : code ^ 0x80);
    }
  });

  it.each(LAWS)("%s gives back every code, but for µ-law's second zero", (law) => {
    const codes = Uint8Array.from({ length: 256 }, (_, code) => code);
    const again = g711Bytes(g711Samples(codes, law), law);
    if (law === "mulaw") codes[0x7f] = 0xff;
    expect(again).toEqual(codes);
  });

  it.each(LAWS)("%s is never further off than half a step of the segment, and keeps the order of samples", (law) => {
    const loudest = sampleOf(law, law === "mulaw" ? 0x80 : 0xaa);
    const stepAt = (code: number): number =>
      law === "mulaw" ? 8 << ((~code >> 4) & 7) : 16 << Math.max(0, (((code ^ 0x55) >> 4) & 7) - 1);
    let before = Number.NEGATIVE_INFINITY;
    for (const sample of all16) {
      const code = codeOf[law](sample);
      const heard = sampleOf(law, code);
      const [worst, least] = [Math.abs(sample - heard), stepAt(code) / 2];
      if ((worst > least && Math.abs(sample) < loudest) || heard < before)
        expect.fail(`${sample} is heard as ${heard}`);
      before = heard;
    }
  });

  it.skipIf(!ffmpeg).each(LAWS)("ffmpeg hears the same in every %s code", (law) => {
    const codes = Uint8Array.from({ length: 256 }, (_, code) => code);
    const heard = decodeWithFfmpeg(concat([wavHeader(8000, 256, law), codes]), "wav", 8000);
    expect([...heard]).toEqual([...codes].map((code) => sampleOf(law, code) + 0));
  });
});
