import { afterAll, describe, expect, it } from "vitest";
import { decodeWithFfmpeg, hasTool } from "../../test/support/audio-decode.ts";
import { collect, only } from "../core/async.ts";
import { AUDIO_FORMAT_NAMES, type AudioFormat } from "../core/audio-format.ts";
import type { Transcoder } from "../core/ports.ts";
import { createAudioJoiner } from "./join.ts";
import { createSilence } from "./silence.ts";
import { createTranscoder } from "./transcode.ts";

const HZ = 24_000;
const transcoder = createTranscoder({ workers: 1 });
const joiner = createAudioJoiner();
const { signal } = new AbortController();
const silence = createSilence({ transcoder, joiner });
afterAll(() => transcoder.close());

const FRAME_MS: Record<string, number> = { mp3: 24, aac: 1024 / 24, opus: 20 };
const ffmpeg = hasTool("ffmpeg");

function formatOf(name: (typeof AUDIO_FORMAT_NAMES)[number]): AudioFormat {
  return { name, sampleRateHz: HZ, ...(name in FRAME_MS && { bitrateBps: name === "opus" ? 24_000 : 48_000 }) };
}

/** A tone that fades to nothing, as speech does. */
async function tone(format: AudioFormat, ms: number): Promise<Uint8Array> {
  const samples = Int16Array.from({ length: (HZ * ms) / 1000 }, (_, at) => {
    const left = (HZ * ms) / 1000 - at;
    return 9000 * Math.sin((at * 2 * Math.PI * 440) / HZ) * Math.min(1, left / 1200, at / 1200);
  });
  const pcm = new Uint8Array(samples.buffer);
  return collect(transcoder.transcode(only(pcm), { name: "pcm", sampleRateHz: HZ }, format, { signal }));
}

describe.each(AUDIO_FORMAT_NAMES)("silence in %s", (name) => {
  const format = formatOf(name);
  const frame = FRAME_MS[name] ?? 0;

  it("makes a stream longer by what it is long, to the frame", async () => {
    const [a, b] = [await tone(format, 400), await tone(format, 300)];
    const lengthOf = (...parts: Uint8Array[]): number => {
      const stream = joiner.open(format);
      for (const part of parts) {
        stream.startPart();
        stream.push(part);
        stream.endPart();
      }
      stream.finish();
      return stream.lengthMs;
    };
    for (const ms of [20, 250, 1000, 3333]) {
      const { audio, durationMs } = await silence(format, ms, { signal });
      expect(Math.abs(durationMs - ms)).toBeLessThanOrEqual(Math.max(ms < frame ? frame : frame / 2, 0.05));
      expect(lengthOf(a, audio, b) - lengthOf(a, b)).toBeCloseTo(durationMs, 3);
    }
  });

  it.skipIf(!ffmpeg || frame === 0)(
    "is silent, joined without a click, and nothing of its neighbours is lost",
    async () => {
      const [a, b] = [await tone(format, 400), await tone(format, 300)];
      const { audio, durationMs } = await silence(format, 1000, { signal });
      const decode = (...parts: Uint8Array[]) => decodeWithFfmpeg(joiner.joinWhole(format, parts), name, HZ);
      const [apart, together] = [decode(a, audio, b), decode(a, b)];
      expect(Math.abs(apart.length - together.length - (durationMs * HZ) / 1000)).toBeLessThanOrEqual(1);
      const heard = (samples: Int16Array) => samples.reduce((sum, sample) => sum + Math.abs(sample), 0);
      expect(heard(apart) / heard(together)).toBeCloseTo(1, 1);
      // From where the first tone is over by half a second there is nothing at all for the length of most of it.
      const from = 0.55 * HZ;
      const quiet = apart.subarray(from, from + 0.75 * HZ);
      expect(quiet.reduce((most, sample) => Math.max(most, Math.abs(sample)), 0)).toBeLessThanOrEqual(2);
      // A click is a step; a tone of 440 Hz at this loudness moves by a tenth of its height from sample to sample.
      const steps = apart.map((sample, at) => Math.abs(sample - (apart[at - 1] ?? 0)));
      expect(Math.max(...steps)).toBeLessThan(1600);
    },
  );

  it("is alike at the beginning, at the end and alone", async () => {
    const a = await tone(format, 400);
    const { audio, durationMs } = await silence(format, 500, { signal });
    for (const parts of [[audio, a], [a, audio], [audio], [audio, audio]]) {
      const whole = joiner.joinWhole(format, parts);
      const clean = joiner.joinClean(
        format,
        parts.map((part) => joiner.joinWhole(format, [part])),
      );
      expect(Buffer.concat(clean).equals(Buffer.from(whole))).toBe(true);
    }
    if (name === "aac") return; // nobody here decodes it
    const both = await transcoder.inspect(joiner.joinWhole(format, [audio, audio]), format, { signal });
    expect(both.durationMs).toBeGreaterThanOrEqual(2 * durationMs - 7);
    expect(both.durationMs).toBeLessThanOrEqual(2 * durationMs + 0.1);
  });
});

describe("silence", () => {
  it("is made once of each length and format, and long ones are not kept", async () => {
    let made = 0;
    const counting: Transcoder = {
      ...transcoder,
      transcode: (...all) => {
        made++;
        return transcoder.transcode(...all);
      },
    };
    const counted = createSilence({ transcoder: counting, joiner });
    const mp3 = formatOf("mp3");
    const first = await counted(mp3, 500, { signal });
    expect(await counted(mp3, 503, { signal })).toBe(first); // the same number of frames
    await counted({ ...mp3, sampleRateHz: 44_100 }, 500, { signal });
    expect(made).toBe(2);
    for (let round = 0; round < 2; round++) await counted(formatOf("pcm"), 20_000, { signal });
    expect(made).toBe(4);
  });

  it("is made at the telephone's rate and law", async () => {
    const phone: AudioFormat = { name: "wav", sampleRateHz: 8000, encoding: "mulaw" };
    const { audio, durationMs } = await silence(phone, 250, { signal });
    expect(durationMs).toBe(250);
    expect(audio.subarray(-2000).every((sample) => sample === 0xff)).toBe(true);
  });
});
