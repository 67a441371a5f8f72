import { afterAll, describe, expect, it } from "vitest";
import {
  decodeWithFfmpeg,
  hasTool,
  inPieces,
  int16,
  levelAt,
  probe,
  speechLike,
  tone,
} from "../../test/support/audio-decode.ts";
import { collect, concat } from "../core/async.ts";
import { AUDIO_FORMAT_NAMES, type AudioFormat, formatProblem, SAMPLE_RATES_HZ } from "../core/audio-format.ts";
import { createAudioJoiner } from "./join.ts";
import { createTranscoder } from "./transcode.ts";

const transcoder = createTranscoder();
afterAll(() => transcoder.close());
const joiner = createAudioJoiner();
const { signal } = new AbortController();
const tools = hasTool("ffmpeg") && hasTool("ffprobe");

const pcm = (sampleRateHz: number): AudioFormat => ({ name: "pcm", sampleRateHz });
const convert = (audio: Uint8Array, from: AudioFormat, to: AudioFormat): Promise<Uint8Array> =>
  collect(transcoder.transcode(inPieces(audio, 4801), from, to, { signal }));
/** A stored segment: what an encoder gave, with its lengths written in. */
const whole = async (audio: Uint8Array, from: AudioFormat, to: AudioFormat): Promise<Uint8Array> =>
  joiner.joinWhole(to, [await convert(audio, from, to)]);
const telephone = (name: "wav" | "pcm", encoding: "mulaw" | "alaw", sampleRateHz = 8000): AudioFormat => ({
  name,
  encoding,
  sampleRateHz,
});
const LAWS = ["mulaw", "alaw"] as const;

/** In decibels: how much louder the original is than what was added to it. */
function signalToNoise(original: Int16Array, heard: Int16Array): number {
  let signalPower = 0;
  let noisePower = 0;
  for (const [at, sample] of original.entries()) {
    signalPower += sample ** 2;
    noisePower += (sample - heard[at]!) ** 2;
  }
  return 10 * Math.log10(signalPower / noisePower);
}

function largestStep(samples: Int16Array): number {
  return samples.reduce(
    (largest, sample, at) => Math.max(largest, at > 0 ? Math.abs(sample - samples[at - 1]!) : 0),
    0,
  );
}

describe.each(LAWS)("%s", (encoding) => {
  it.each([8000, 16_000, 24_000])("at %i Hz is as long as what went in, and 30 dB above its own noise", async (hz) => {
    const speech = speechLike(1500, { sampleRateHz: hz });
    for (const name of ["wav", "pcm"] as const) {
      const audio = await whole(speech, pcm(hz), telephone(name, encoding, hz));
      expect(audio.length).toBe(1.5 * hz + (name === "wav" ? 58 : 0));
      const heard = int16(await convert(audio, telephone(name, encoding, hz), pcm(hz)));
      expect(heard.length).toBe(1.5 * hz);
      expect(signalToNoise(int16(speech), heard)).toBeGreaterThan(30);
      const { durationMs, peak } = await transcoder.inspect(audio, telephone(name, encoding, hz), { signal });
      expect(durationMs).toBe(1500);
      expect(peak).toBeGreaterThan(0.1);
    }
  });

  it("is made of sound at 24 kHz without what a telephone cannot carry", async () => {
    const both = int16(tone(1000, { hz: 1000 })).map((sample, at) => sample + int16Tone(6000, at));
    const bytes = new Uint8Array(both.buffer);
    const audio = await convert(bytes, pcm(24_000), telephone("pcm", encoding));
    const heard = int16(await convert(audio, telephone("pcm", encoding), pcm(8000))).subarray(800, 7200);
    expect(20 * Math.log10(levelAt(heard, 1000, 8000) / 0.3)).toBeCloseTo(0, 0);
    expect(levelAt(heard, 2000, 8000)).toBeLessThan(0.002); // where 6 kHz would fold to
  });

  it.skipIf(!tools)("is what ffmpeg hears it as, streamed or whole", async () => {
    const speech = speechLike(1003, { sampleRateHz: 8000 });
    const wav = telephone("wav", encoding);
    const streamed = await convert(speech, pcm(8000), wav);
    const stored = joiner.joinWhole(wav, [streamed]);
    expect(probe(stored)).toEqual({
      codec: `pcm_${encoding}`,
      sampleRateHz: 8000,
      channels: 1,
      durationMs: expect.closeTo(1003, 6),
    });
    const ours = int16(await convert(stored, wav, pcm(8000)));
    expect(Buffer.compare(Buffer.from(decodeWithFfmpeg(stored, "wav", 8000).buffer), Buffer.from(ours.buffer))).toBe(0);
    expect(decodeWithFfmpeg(streamed, "wav", 8000).length).toBe(8024);
  });

  it("joins parts without clicks, gaps or a second header, alike streamed and stored", async () => {
    // A cut in the middle of a steady tone: whatever is put in between or left out is heard at once.
    const steady = int16(tone(900, { hz: 440, sampleRateHz: 8000 }));
    const cuts = [steady.subarray(0, 2401), steady.subarray(2401, 4804), steady.subarray(4804)];
    for (const name of ["wav", "pcm"] as const) {
      const format = telephone(name, encoding);
      const parts = await Promise.all(
        cuts.map((cut) => convert(new Uint8Array(cut.slice().buffer), pcm(8000), format)),
      );
      const clean = parts.map((part) => joiner.joinWhole(format, [part]));
      const joined = Buffer.concat(joiner.joinClean(format, clean));
      expect(Buffer.compare(joiner.joinWhole(format, parts), joined)).toBe(0);
      const stream = joiner.open(format);
      const bytes: Uint8Array[] = [];
      for (const part of parts) {
        stream.startPart();
        for await (const piece of inPieces(part, 33, 1)) bytes.push(stream.push(piece));
        bytes.push(stream.endPart());
      }
      bytes.push(stream.finish());
      const header = name === "wav" ? 58 : 0;
      expect(Buffer.compare(concat(bytes).subarray(header), joined.subarray(header))).toBe(0);
      const heard = int16(await convert(joined, format, pcm(8000)));
      expect(heard.length - steady.length).toBe(name === "wav" ? 2 : 0); // odd parts are filled up by a sample
      expect(joined.length % 2).toBe(0);
      expect(stream.lengthMs).toBe(heard.length / 8);
      expect(largestStep(heard)).toBeLessThan(largestStep(steady) * 1.1);
    }
  });

  it("a wav's header tells its lengths, and tells a stream's not", async () => {
    const format = telephone("wav", encoding);
    const streamed = await convert(speechLike(100, { sampleRateHz: 8000 }), pcm(8000), format);
    const fields = (bytes: Uint8Array) => {
      const view = new DataView(bytes.buffer, bytes.byteOffset);
      return [4, 16, 42, 46, 54].map((at) => view.getUint32(at, true)).concat(view.getUint16(20, true));
    };
    const tag = encoding === "mulaw" ? 7 : 6;
    const unknown = 0xffff_ffff;
    expect(fields(streamed)).toEqual([unknown, 18, 4, unknown, unknown, tag]);
    expect(fields(joiner.joinWhole(format, [streamed]))).toEqual([850, 18, 4, 800, 800, tag]);
  });
});

const int16Tone = (hz: number, at: number): number => Math.round(6000 * Math.sin((2 * Math.PI * hz * at) / 24_000));

describe("the rates that callers may ask for", () => {
  const speech = speechLike(400);
  /** MP3 and AAC are whole frames, and have a run-in: three frames of the longest. */
  const allowedMs = ({ name, sampleRateHz }: AudioFormat): number =>
    name === "mp3" || name === "aac" ? (3 * 1152 * 1000) / sampleRateHz : 0.2;

  it.each(AUDIO_FORMAT_NAMES)("%s is made at each of its own", async (name) => {
    const formats = SAMPLE_RATES_HZ.map((sampleRateHz) => ({ name, sampleRateHz }));
    for (const format of formats.filter((each) => formatProblem(each) === undefined)) {
      const audio = await whole(speech, pcm(24_000), format);
      const { durationMs } = await transcoder.inspect(audio, format, { signal });
      expect(durationMs - 400, `${name} ${format.sampleRateHz}`).toBeGreaterThanOrEqual(-0.2);
      expect(durationMs - 400, `${name} ${format.sampleRateHz}`).toBeLessThanOrEqual(allowedMs(format));
    }
  });

  it.skipIf(!tools).each(AUDIO_FORMAT_NAMES)("ffmpeg hears %s at the lowest and the highest", async (name) => {
    for (const sampleRateHz of [8000, 48_000]) {
      const format = { name, sampleRateHz };
      const audio = await whole(speech, pcm(24_000), format);
      if (name !== "pcm") expect(probe(audio).sampleRateHz).toBe(name === "opus" ? 48_000 : sampleRateHz);
      const heardMs = (decodeWithFfmpeg(audio, name, sampleRateHz).length / sampleRateHz) * 1000;
      expect(heardMs - 400).toBeGreaterThanOrEqual(-0.2);
      expect(heardMs - 400).toBeLessThanOrEqual(allowedMs(format));
    }
  });
});
