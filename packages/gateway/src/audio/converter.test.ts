import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { encodeWithFfmpeg, hasTool, int16, pcmFrom, speechLike, tone } from "../../test/support/audio-decode.ts";
import { concat } from "../core/async.ts";
import type { AudioFormat, AudioFormatName } from "../core/audio-format.ts";
import { Codecs } from "./codecs.ts";
import { createConverter } from "./converter.ts";
import { wavHeader } from "./wav.ts";

const codecs = new Codecs();
const at24 = (name: AudioFormatName): AudioFormat => ({ name, sampleRateHz: 24_000 });
const pcm = at24("pcm");
const decodable: AudioFormatName[] = ["pcm", "wav", "mp3", "opus", "flac"];
const ffmpeg = hasTool("ffmpeg");

async function convert(
  audio: Uint8Array,
  from: AudioFormat,
  to: AudioFormat,
  sizes: readonly number[] = [audio.length],
) {
  const converter = await createConverter(codecs, { from, to });
  try {
    const out: Uint8Array[] = [];
    for (let at = 0, turn = 0; at < audio.length; turn++) {
      const size = sizes[turn % sizes.length]!;
      out.push(...converter.push(audio.subarray(at, at + size)));
      at += size;
    }
    out.push(...converter.finish());
    return concat(out);
  } finally {
    converter.free();
  }
}

describe("createConverter", () => {
  const speech = speechLike(700);

  it.each(["mp3", "opus", "aac", "flac", "wav"] as const)(
    "makes the same %s however the samples are cut, odd bytes too",
    async (name) => {
      const whole = await convert(speech, pcm, at24(name));
      const sizes = fc.array(fc.integer({ min: 1, max: 3001 }), { minLength: 1, maxLength: 6 });
      await fc.assert(
        fc.asyncProperty(sizes, async (cut) => {
          expect(Buffer.compare(await convert(speech, pcm, at24(name), cut), whole)).toBe(0);
        }),
        { numRuns: 6 },
      );
    },
  );

  it.each(decodable)("decodes the same samples out of %s however its bytes are cut", async (name) => {
    const audio = await convert(speech, pcm, at24(name));
    const whole = await convert(audio, at24(name), pcm);
    const sizes = fc.array(fc.integer({ min: 1, max: 900 }), { minLength: 1, maxLength: 6 });
    await fc.assert(
      fc.asyncProperty(sizes, async (cut) => {
        expect(Buffer.compare(await convert(audio, at24(name), pcm, cut), whole)).toBe(0);
      }),
      { numRuns: 8 },
    );
  });

  it.each(["wav", "flac"] as const)("gives back every sample through %s", async (name) => {
    const loud = pcmFrom(30_001, (at) => (at % 7 === 0 ? 1 : -1) * Math.sin(at * at));
    const there = await convert(loud, pcm, at24(name));
    expect(Buffer.compare(await convert(there, at24(name), pcm), loud)).toBe(0);
  });

  it("gives exactly as many samples out of opus as went in", async () => {
    for (const count of [1, 479, 480, 481, 2400, 12_345]) {
      const there = await convert(speech.subarray(0, count * 2), pcm, at24("opus"));
      expect((await convert(there, at24("opus"), pcm)).length / 2).toBe(count);
    }
  });

  it.each(decodable)("throws, and neither hangs nor crashes, for garbage called %s", async (name) => {
    if (name === "pcm") return; // every byte is a sample
    const noise = Uint8Array.from(speechLike(900, { seed: 5 }), (byte, at) => byte ^ (at * 31));
    await fc.assert(
      fc.asyncProperty(fc.oneof(fc.uint8Array({ maxLength: 400 }), fc.constant(noise)), async (bytes) => {
        await expect(convert(bytes, at24(name), pcm)).rejects.toThrow();
      }),
      { numRuns: 20 },
    );
  });

  it.each(["wav", "mp3", "opus", "flac"] as const)(
    "gives sound or throws for %s with broken bytes in it",
    async (name) => {
      const audio = await convert(speech, pcm, at24(name));
      const damage = fc.array(fc.tuple(fc.nat(audio.length - 1), fc.nat(255)), { minLength: 1, maxLength: 40 });
      await fc.assert(
        fc.asyncProperty(damage, async (changes) => {
          const broken = audio.slice();
          for (const [at, byte] of changes) broken[at] = byte;
          const outcome = await convert(broken, at24(name), pcm).catch((error: unknown) => error);
          expect(outcome instanceof Uint8Array || outcome instanceof Error).toBe(true);
        }),
        { numRuns: 40 },
      );
    },
  );

  it.each(["opus", "flac"] as const)("throws for %s with one wrong byte, or cut off in the middle", async (name) => {
    const audio = await convert(speech, pcm, at24(name));
    for (const at of [Math.floor(audio.length / 3), audio.length - 5]) {
      const broken = audio.slice();
      broken[at] = broken[at]! ^ 1;
      await expect(convert(broken, at24(name), pcm)).rejects.toThrow();
      await expect(convert(audio.subarray(0, at), at24(name), pcm)).rejects.toThrow();
    }
  });

  it.each([
    ["mp3", 32_000],
    ["mp3", 64_000],
    ["opus", 16_000],
    ["opus", 48_000],
    ["aac", 32_000],
    ["aac", 64_000],
  ] as const)("makes %s at about %i bit/s when told so", async (name, bitrateBps) => {
    const audio = await convert(speechLike(4000), pcm, { ...at24(name), bitrateBps });
    expect((audio.length * 8) / 4 / bitrateBps).toBeGreaterThan(0.6);
    expect((audio.length * 8) / 4 / bitrateBps).toBeLessThan(1.4);
  });

  it("changes the rate on the way, also to rates the codec does not have", async () => {
    const audio = tone(500, { sampleRateHz: 22_050 });
    const wav = await convert(audio, { name: "pcm", sampleRateHz: 22_050 }, at24("wav"));
    expect((wav.length - 44) / 2).toBe(12_000);
    const opus = await convert(audio, { name: "pcm", sampleRateHz: 22_050 }, { name: "opus", sampleRateHz: 22_050 });
    expect((await convert(opus, at24("opus"), pcm)).length / 2).toBe(12_000);
  });

  it("refuses aac as a source", async () => {
    await expect(createConverter(codecs, { from: at24("aac"), to: pcm })).rejects.toThrow("cannot decode aac");
  });

  it("reads a wav whose sizes are zero, unknown or too large, and stops at the end of its samples", async () => {
    const samples = speech.subarray(0, 2000);
    for (const size of [0, 0xffff_ffff, 0x7fff_f000]) {
      const header = wavHeader(24_000, 2000);
      new DataView(header.buffer).setUint32(40, size, true);
      expect(Buffer.compare(await convert(concat([header, samples]), at24("wav"), pcm), samples)).toBe(0);
    }
    const trailing = concat([wavHeader(24_000, 2000), samples, new TextEncoder().encode("LIST\x04\0\0\0junk")]);
    expect(Buffer.compare(await convert(trailing, at24("wav"), pcm), samples)).toBe(0);
  });

  describe.skipIf(!ffmpeg)("reads what ffmpeg writes", () => {
    const level = 1 / 32_768;
    it.each([
      ["8-bit wav", "wav", ["-c:a", "pcm_u8", "-f", "wav"], 1.1 / 128],
      ["24-bit wav", "wav", ["-c:a", "pcm_s24le", "-f", "wav"], level],
      ["32-bit wav", "wav", ["-c:a", "pcm_s32le", "-f", "wav"], level],
      ["float wav", "wav", ["-c:a", "pcm_f32le", "-f", "wav"], 2 * level],
      ["A-law wav", "wav", ["-c:a", "pcm_alaw", "-f", "wav"], 0.04],
      ["µ-law wav", "wav", ["-c:a", "pcm_mulaw", "-f", "wav"], 0.04],
      [
        "stereo wav with tags",
        "wav",
        ["-af", "pan=stereo|c0=c0|c1=c0", "-metadata", "title=x", "-f", "wav"],
        2 * level,
      ],
      ["flac of another encoder", "flac", ["-f", "flac"], level],
      ["24-bit stereo flac", "flac", ["-af", "pan=stereo|c0=c0|c1=c0", "-sample_fmt", "s32", "-f", "flac"], 2 * level],
    ] as const)("%s", async (_, name, args, tolerance) => {
      const decoded = int16(await convert(encodeWithFfmpeg(speech, 24_000, args), at24(name), pcm));
      const original = int16(speech);
      expect(decoded.length).toBe(original.length);
      const worst = original.reduce((most, sample, at) => Math.max(most, Math.abs(sample - decoded[at]!)), 0);
      expect(worst / 32_768).toBeLessThanOrEqual(tolerance);
    });

    it.each([
      ["mp3 with ID3 and Xing", "mp3", ["-metadata", "title=x", "-f", "mp3"]],
      ["stereo mp3 at 44.1 kHz", "mp3", ["-ac", "2", "-ar", "44100", "-b:a", "128k", "-f", "mp3"]],
      ["stereo opus", "opus", ["-ac", "2", "-c:a", "libopus", "-f", "ogg"]],
    ] as const)("%s", async (_, name, args) => {
      const decoded = int16(await convert(encodeWithFfmpeg(tone(800), 24_000, args), at24(name), pcm));
      expect(Math.abs(decoded.length / 24 - 800)).toBeLessThan(100);
    });
  });
});
