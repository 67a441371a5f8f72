import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  decodeWithFfmpeg,
  decodeWithOpusdec,
  encodeWithFfmpeg,
  hasTool,
  inPieces,
  int16,
  levelAt,
  probe,
  speechLike,
  testWithFlac,
  tone,
} from "../../test/support/audio-decode.ts";
import { collect, concat, only } from "../core/async.ts";
import type { AudioFormat, AudioFormatName } from "../core/audio-format.ts";
import { createAudioJoiner } from "./join.ts";
import { OggReader } from "./ogg.ts";
import { createTranscoder } from "./transcode.ts";
import { wavHeader } from "./wav.ts";

const NAMES = ["pcm", "wav", "mp3", "opus", "aac", "flac"] as const;
const joiner = createAudioJoiner();
const transcoder = createTranscoder();
const { signal } = new AbortController();
const at24 = (name: AudioFormatName): AudioFormat => ({ name, sampleRateHz: 24_000 });
const encode = (audio: Uint8Array, name: AudioFormatName): Promise<Uint8Array> =>
  collect(transcoder.transcode(only(audio), at24("pcm"), at24(name), { signal }));
const ffmpeg = hasTool("ffmpeg") && hasTool("ffprobe");

const sources = [speechLike(900), tone(1300, { hz: 700 }), speechLike(411, { seed: 9 })];
const parts = {} as Record<AudioFormatName, Uint8Array[]>;
beforeAll(async () => {
  for (const name of NAMES) parts[name] = await Promise.all(sources.map((source) => encode(source, name)));
});
afterAll(() => transcoder.close());

/** The parts one after another in chunks of the given sizes, and where each is said to begin. */
async function sew(name: AudioFormatName, audio: readonly Uint8Array[], ...sizes: number[]) {
  const stream = joiner.open(at24(name));
  const out: Uint8Array[] = [];
  const startsMs: number[] = [];
  for (const part of audio) {
    stream.startPart();
    for await (const piece of inPieces(part, ...sizes)) out.push(stream.push(piece));
    out.push(stream.endPart());
    startsMs.push(stream.partStartMs ?? Number.NaN);
  }
  out.push(stream.finish());
  return { joined: concat(out), startsMs, lengthMs: stream.lengthMs };
}
const joinStreams = async (name: AudioFormatName, audio: readonly Uint8Array[], ...sizes: number[]) =>
  (await sew(name, audio, ...sizes)).joined;

/** The largest step between two neighbouring samples. */
function largestStep(samples: Int16Array): number {
  let largest = 0;
  for (let at = 1; at < samples.length; at++) largest = Math.max(largest, Math.abs(samples[at]! - samples[at - 1]!));
  return largest;
}

describe("join()", () => {
  it.each(NAMES)("gives the same %s however the parts' bytes are cut", async (name) => {
    const reference = await joinStreams(name, parts[name], 1_000_000);
    const sizes = fc.array(fc.integer({ min: 1, max: 5000 }), { minLength: 1, maxLength: 5 });
    await fc.assert(
      fc.asyncProperty(sizes, async (cut) => {
        const joined = await joinStreams(name, parts[name], ...cut);
        if (name === "opus") expect(opusPackets(joined)).toEqual(opusPackets(reference));
        else expect(Buffer.compare(joined, reference)).toBe(0);
      }),
      { numRuns: 5 },
    );
  });

  it.each(NAMES)("gives %s on before a part has ended", (name) => {
    const part = parts[name][0]!;
    const stream = joiner.open(at24(name));
    stream.startPart();
    const { length } = stream.push(part.subarray(0, part.length * 0.8));
    expect(length).toBeGreaterThan(part.length * (name === "opus" ? 0.1 : 0.5));
  });

  it.each(NAMES)("throws transcode_failed for a part that is not %s", async (name) => {
    if (name === "pcm") return;
    const garbage = speechLike(300, { seed: 4 }).map((byte) => byte ^ 0x5a);
    await expect(joinStreams(name, [parts[name][0]!, garbage], 500)).rejects.toMatchObject({
      code: "transcode_failed",
    });
    expect(() => joiner.joinWhole(at24(name), [garbage])).toThrowError(
      expect.objectContaining({ code: "transcode_failed" }),
    );
  });

  it("gives nothing, or just a header, for no parts and for empty ones", async () => {
    for (const name of NAMES) {
      expect((await joinStreams(name, [])).length).toBe(name === "wav" ? 44 : 0);
      expect((await joinStreams(name, [new Uint8Array(0)])).length).toBe(name === "wav" ? 44 : 0);
    }
  });

  it("joins PCM and WAV bit for bit, and drops half a sample", async () => {
    const whole = concat(sources);
    expect(
      Buffer.compare(
        joiner.joinWhole(at24("pcm"), [concat([sources[0]!, Uint8Array.of(1)]), ...sources.slice(1)]),
        whole,
      ),
    ).toBe(0);
    expect(
      Buffer.compare(joiner.joinWhole(at24("wav"), parts.wav), concat([wavHeader(24_000, whole.length), whole])),
    ).toBe(0);
    expect(Buffer.compare(await joinStreams("wav", parts.wav, 77), concat([wavHeader(24_000), whole]))).toBe(0);
  });

  it("refuses to mix rates", () => {
    const other = concat([wavHeader(16_000, 4), Uint8Array.of(1, 2, 3, 4)]);
    expect(() => joiner.joinWhole(at24("wav"), [parts.wav[0]!, other])).toThrowError(
      expect.objectContaining({ code: "transcode_failed" }),
    );
  });

  it("makes one Ogg stream: one first page, one last page, pages numbered, time never going back", () => {
    const pages = rawPages(joiner.joinWhole(at24("opus"), parts.opus));
    expect(pages.map(({ flags }) => flags & 2)).toEqual(pages.map((_, index) => (index === 0 ? 2 : 0)));
    expect(pages.map(({ flags }) => flags & 4)).toEqual(pages.map((_, index) => (index === pages.length - 1 ? 4 : 0)));
    expect(pages.map(({ sequence }) => sequence)).toEqual(pages.map((_, index) => index));
    expect(new Set(pages.map(({ serial }) => serial)).size).toBe(1);
    expect(pages.every(({ granule }, index) => index === 0 || granule >= pages[index - 1]!.granule)).toBe(true);
  });
});

/** How much longer than the sum of its parts, as each is decoded alone, a join may be. */
const SEAM_MS = { pcm: 0, wav: 0, mp3: 0, aac: 0, flac: 0, opus: 26.6 } as const;

describe.skipIf(!ffmpeg)("what ffmpeg hears in a join", () => {
  it.each(NAMES)("of %s is the sum of the parts, without a click at the seams", async (name) => {
    const alone = parts[name].map((part) => decodeWithFfmpeg(part, name));
    const sum = alone.reduce((total, { length }) => total + length, 0);
    for (const joined of [joiner.joinWhole(at24(name), parts[name]), await joinStreams(name, parts[name], 600)]) {
      const heard = decodeWithFfmpeg(joined, name);
      expect(heard.length - sum).toBeGreaterThanOrEqual(0);
      expect((heard.length - sum) / 24).toBeLessThanOrEqual(2 * SEAM_MS[name] + 0.1);
      expect(largestStep(heard)).toBeLessThanOrEqual(Math.max(...alone.map(largestStep)) * 1.1);
      const middle = alone[0]!.length + Math.round(alone[1]!.length / 2);
      expect(levelAt(heard.subarray(middle - 4800, middle + 4800), 700)).toBeGreaterThan(0.25);
    }
  });

  it.each(NAMES)("of one %s is that part", async (name) => {
    const alone = decodeWithFfmpeg(parts[name][0]!, name);
    expect(decodeWithFfmpeg(joiner.joinWhole(at24(name), [parts[name][0]!]), name)).toEqual(alone);
    expect(decodeWithFfmpeg(await joinStreams(name, [parts[name][0]!], 999), name)).toEqual(alone);
  });

  it("of flac is every sample", async () => {
    expect(
      Buffer.compare(
        Buffer.from(decodeWithFfmpeg(joiner.joinWhole(at24("flac"), parts.flac), "flac").buffer),
        concat(sources),
      ),
    ).toBe(0);
  });

  it.each(["wav", "flac"] as const)("of whole %s parts has its exact length in the header", (name) => {
    const expectedMs = concat(sources).length / 48;
    expect(probe(joiner.joinWhole(at24(name), parts[name])).durationMs).toBeCloseTo(expectedMs, 0);
    expect(probe(joiner.joinWhole(at24(name), [parts[name][0]!])).durationMs).toBeCloseTo(sources[0]!.length / 48, 0);
  });

  it("of other encoders' mp3 has no tags and no tables of contents in it", () => {
    const tagged = sources.map((source) =>
      encodeWithFfmpeg(source, 24_000, ["-metadata", "title=Mynah", "-write_id3v1", "1", "-b:a", "48k", "-f", "mp3"]),
    );
    const joined = joiner.joinWhole(at24("mp3"), tagged);
    for (const word of ["ID3", "TAG", "Xing", "Info", "Mynah"]) expect(Buffer.from(joined).includes(word)).toBe(false);
    const extraMs = decodeWithFfmpeg(joined, "mp3").length / 24 - concat(sources).length / 48;
    expect(extraMs).toBeGreaterThan(0);
    expect(extraMs).toBeLessThan(3 * 95);
  });

  it("of other encoders' opus, flac and wav is as long as they are", () => {
    const lengthMs = concat(sources).length / 48;
    const encodeAll = (args: string[]): Uint8Array[] => sources.map((source) => encodeWithFfmpeg(source, 24_000, args));
    const opus = joiner.joinWhole(at24("opus"), encodeAll(["-c:a", "libopus", "-b:a", "24k", "-f", "ogg"]));
    expect(Math.abs(decodeWithFfmpeg(opus, "opus").length / 24 - lengthMs)).toBeLessThan(60);
    const flac = joiner.joinWhole(at24("flac"), encodeAll(["-f", "flac"]));
    expect(decodeWithFfmpeg(flac, "flac").length / 24).toBeCloseTo(lengthMs, 1);
    const wav = joiner.joinWhole(at24("wav"), encodeAll(["-metadata", "title=Mynah", "-f", "wav"]));
    expect(Buffer.compare(wav.subarray(44), concat(sources))).toBe(0);
  });
});

describe("what the formats' own decoders say of a join", () => {
  it.skipIf(!hasTool("flac", "--version"))(
    "flac --test passes, for our parts and mixed with another encoder's",
    async () => {
      testWithFlac(joiner.joinWhole(at24("flac"), parts.flac));
      testWithFlac(await joinStreams("flac", parts.flac, 700));
      testWithFlac(joiner.joinWhole(at24("flac"), [parts.flac[0]!]));
      if (ffmpeg)
        testWithFlac(
          joiner.joinWhole(at24("flac"), [
            parts.flac[0]!,
            encodeWithFfmpeg(sources[1]!, 24_000, ["-f", "flac"]),
            parts.flac[2]!,
          ]),
        );
    },
  );

  it.skipIf(!hasTool("opusdec", "--version"))("opusdec takes it and ends at the last part's last sample", async () => {
    const samples = decodeWithOpusdec(await joinStreams("opus", parts.opus, 700)).length / 48;
    const sum = concat(sources).length / 48;
    expect(samples).toBeGreaterThanOrEqual(sum);
    expect(samples - sum).toBeLessThanOrEqual(2 * SEAM_MS.opus + 0.1);
    expect(decodeWithOpusdec(await joinStreams("opus", [parts.opus[2]!], 700)).length).toBe(sources[2]!.length);
  });

  it("a decoder's samples survive the join", () => {
    expect(int16(joiner.joinWhole(at24("pcm"), parts.pcm)).length).toBe(concat(sources).length / 2);
  });
});

function opusPackets(audio: Uint8Array): Uint8Array[] {
  return new OggReader().push(audio).flatMap(({ packets }) => packets.map((packet) => packet.slice()));
}

function rawPages(audio: Uint8Array) {
  const view = new DataView(audio.buffer, audio.byteOffset);
  const pages: { flags: number; granule: bigint; serial: number; sequence: number }[] = [];
  for (let at = 0; at < audio.length; ) {
    expect(String.fromCharCode(...audio.subarray(at, at + 4))).toBe("OggS");
    pages.push({
      flags: audio[at + 5]!,
      granule: view.getBigInt64(at + 6, true),
      serial: view.getUint32(at + 14, true),
      sequence: view.getUint32(at + 18, true),
    });
    const segments = audio.subarray(at + 27, at + 27 + audio[at + 26]!);
    at += 27 + segments.length + segments.reduce((sum, size) => sum + size, 0);
  }
  return pages;
}
