import { spawnSync } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, describe, expect, it } from "vitest";
import {
  decodeWithFfmpeg,
  decodeWithOpusdec,
  hasTool,
  inPieces,
  int16,
  levelAt,
  pcmFrom,
  probe,
  speechLike,
  testWithFlac,
  tone,
} from "../../test/support/audio-decode.ts";
import { collect, only } from "../core/async.ts";
import { type AudioFormat, type AudioFormatName, startDelayMs } from "../core/audio-format.ts";
import { createTranscoder } from "./transcode.ts";

const transcoder = createTranscoder();
afterAll(() => transcoder.close());

const { signal } = new AbortController();
const at24 = (name: AudioFormatName): AudioFormat => ({ name, sampleRateHz: 24_000 });
const delayOf = (name: AudioFormatName): number => startDelayMs(at24(name));
const pcm = at24("pcm");
const encode = (audio: Uint8Array, name: AudioFormatName): Promise<Uint8Array> =>
  collect(transcoder.transcode(inPieces(audio, 4801), pcm, at24(name), { signal }));
const tools = hasTool("ffmpeg") && hasTool("ffprobe");

/** Gives chunks for ever, and tells how much was taken and whether it was let go. */
function endless(chunk: Uint8Array) {
  const seen = { bytes: 0, returned: false };
  const iterator: AsyncIterableIterator<Uint8Array> = {
    async next() {
      seen.bytes += chunk.length;
      return { done: false, value: chunk };
    },
    async return() {
      seen.returned = true;
      return { done: true, value: undefined };
    },
    [Symbol.asyncIterator]: () => iterator,
  };
  return { seen, audio: iterator };
}

describe.skipIf(!tools)("transcode() makes what ffmpeg plays without complaint", () => {
  const speech = speechLike(2345);
  const codecOf = { mp3: "mp3", opus: "opus", aac: "aac", flac: "flac", wav: "pcm_s16le" } as const;

  it.each(["mp3", "opus", "aac", "flac", "wav"] as const)("%s, as long as what went in", async (name) => {
    const audio = await encode(speech, name);
    const { codec, channels, sampleRateHz } = probe(audio);
    expect({ codec, channels, sampleRateHz }).toEqual({
      codec: codecOf[name],
      channels: 1,
      sampleRateHz: name === "opus" ? 48_000 : 24_000,
    });
    const extraMs = decodeWithFfmpeg(audio, name).length / 24 - 2345;
    // MP3 and AAC cannot say where the sound begins and ends: their run-in and the rest of the last frame are heard as silence.
    const allowedMs = name === "mp3" ? delayOf("mp3") + 24 : name === "aac" ? delayOf("aac") + 43 : 0.05;
    expect(extraMs).toBeGreaterThanOrEqual(-0.05);
    expect(extraMs).toBeLessThanOrEqual(allowedMs);
  });

  it.each(["mp3", "opus", "aac", "flac", "wav"] as const)("%s, with a tone at its pitch and level", async (name) => {
    const samples = decodeWithFfmpeg(await encode(tone(1000, { hz: 1000, level: 0.3 }), name), name).subarray(
      4800,
      19_200,
    );
    const level = levelAt(samples, 1000);
    expect(20 * Math.log10(level / 0.3)).toBeGreaterThan(-1);
    expect(20 * Math.log10(level / 0.3)).toBeLessThan(1);
    expect(levelAt(samples, 1500)).toBeLessThan(0.01);
  });

  it.each(["mp3", "aac", "opus", "flac", "wav"] as const)(
    "%s, starting as late as startDelayMs() says",
    async (name) => {
      const onsetAt = 12_000;
      const burst = pcmFrom(24_000, (at) =>
        at < onsetAt ? 0 : 0.5 * Math.sin((2 * Math.PI * 700 * (at - onsetAt)) / 24_000),
      );
      const samples = decodeWithFfmpeg(await encode(burst, name), name);
      const heardAt = samples.findIndex((sample) => Math.abs(sample) > 4000);
      const referenceAt = int16(burst).findIndex((sample) => Math.abs(sample) > 4000);
      expect(Math.abs((heardAt - referenceAt) / 24 - delayOf(name))).toBeLessThan(4);
    },
  );

  it.skipIf(!hasTool("opusdec", "--version"))("opus that opusdec cuts at exactly the last sample", async () => {
    expect(decodeWithOpusdec(await encode(speech, "opus")).length).toBe(speech.length);
  });

  it.skipIf(!hasTool("flac", "--version"))("flac that passes flac --test", async () => {
    testWithFlac(await encode(speech, "flac"));
  });
});

describe("transcode()", () => {
  it.each([8000, 24_000, 44_100])(
    "gives back the sound of an MP3 at %i Hz alone, when told how long it was",
    async (sampleRateHz) => {
      const [samples, mp3] = [
        { ...pcm, sampleRateHz },
        { ...at24("mp3"), sampleRateHz },
      ];
      const sound = speechLike(1234, { sampleRateHz });
      let soundMs = 0;
      const onEnd = (ms: number): void => {
        soundMs = ms;
      };
      const made = await collect(transcoder.transcode(inPieces(sound, 4801), samples, mp3, { signal, onEnd }));
      expect(soundMs * sampleRateHz).toBeCloseTo((sound.length / 2) * 1000, 3);
      const part = { startMs: startDelayMs(mp3), lengthMs: soundMs };
      const back = int16(await collect(transcoder.transcode(inPieces(made, 700), mp3, samples, { signal, part })));
      const spoken = int16(sound);
      expect(back.length).toBe(spoken.length);
      const alike = (shift: number): number =>
        spoken.reduce((sum, sample, at) => sum + sample * (back[at + shift] ?? 0), 0);
      const shifts = Array.from({ length: 401 }, (_, at) => at - 200);
      expect(Math.abs(shifts.toSorted((a, b) => alike(b) - alike(a))[0]!)).toBeLessThanOrEqual(1);
    },
  );

  it("turns one compressed format into another with the tone in it", async () => {
    const mp3 = await encode(tone(1000), "mp3");
    const opus = await collect(transcoder.transcode(inPieces(mp3, 1, 700), at24("mp3"), at24("opus"), { signal }));
    const back = await collect(transcoder.transcode(only(opus), at24("opus"), pcm, { signal }));
    expect(levelAt(int16(back).subarray(4800, 19_200), 1000)).toBeGreaterThan(0.26);
  });

  it("passes the same format on untouched, and only puts a header on PCM of the same rate", async () => {
    const chunk = Uint8Array.of(1, 2, 3, 4);
    for await (const passed of transcoder.transcode(only(chunk), pcm, pcm, { signal })) expect(passed).toBe(chunk);
    const wav = await collect(transcoder.transcode(only(chunk), pcm, at24("wav"), { signal }));
    expect(wav.length).toBe(48);
    expect([...(await collect(transcoder.transcode(only(wav), at24("wav"), pcm, { signal })))]).toEqual([...chunk]);
  });

  it("resamples PCM", async () => {
    const out = await collect(
      transcoder.transcode(
        inPieces(tone(500, { sampleRateHz: 16_000 }), 333),
        { name: "pcm", sampleRateHz: 16_000 },
        pcm,
        { signal },
      ),
    );
    expect(out.length).toBe(24_000);
    expect(levelAt(int16(out).subarray(2400, 9600), 1000)).toBeCloseTo(0.3, 2);
  });

  it("leaves the caller's bytes alone, also when they are a Buffer", async () => {
    const audio = Buffer.from(speechLike(300));
    const copy = Buffer.from(audio);
    await collect(transcoder.transcode(only<Uint8Array>(audio), pcm, at24("mp3"), { signal }));
    expect(audio.equals(copy)).toBe(true);
  });

  it.each(["wav", "mp3", "opus", "flac", "aac"] as const)(
    "throws transcode_failed for garbage called %s, before any output",
    async (name) => {
      const garbage = new TextEncoder().encode("<html>502 Bad Gateway</html>".repeat(50));
      for (const bytes of [garbage, new Uint8Array(0)]) {
        const outcome = collect(transcoder.transcode(only(bytes), at24(name), pcm, { signal }));
        await expect(outcome).rejects.toMatchObject({ code: "transcode_failed" });
      }
    },
  );

  it("runs 64 jobs at once, each with the result it has alone", async () => {
    const names = ["mp3", "opus", "aac", "flac"] as const;
    const inputs = Array.from({ length: 64 }, (_, index) => speechLike(150 + index, { seed: index + 1 }));
    const together = await Promise.all(inputs.map((audio, index) => encode(audio, names[index % 4]!)));
    for (const index of [0, 1, 2, 3, 60, 61, 62, 63]) {
      expect(Buffer.compare(together[index]!, await encode(inputs[index]!, names[index % 4]!))).toBe(0);
    }
  });

  it.each(["opus", "mp3"] as const)(
    "to %s ends at once with the signal's reason, lets its source go and leaves the codec clean",
    async (name) => {
      const before = await encode(tone(200), name);
      const { seen, audio } = endless(speechLike(500, { seed: 3 }));
      const abort = new AbortController();
      const reason = new Error("barge-in");
      const run = async (): Promise<void> => {
        let chunks = 0;
        for await (const _ of transcoder.transcode(audio, pcm, at24(name), { signal: abort.signal }))
          if (++chunks === 2) abort.abort(reason);
      };
      await expect(run()).rejects.toBe(reason);
      expect(seen.returned).toBe(true);
      expect(Buffer.compare(await encode(tone(200), name), before)).toBe(0);
    },
  );

  it("ends on abort while its source gives nothing", async () => {
    const abort = new AbortController();
    const silent: AsyncIterable<Uint8Array> = { [Symbol.asyncIterator]: () => ({ next: () => new Promise(() => {}) }) };
    const outcome = collect(transcoder.transcode(silent, pcm, at24("opus"), { signal: abort.signal }));
    abort.abort(new Error("gone"));
    await expect(outcome).rejects.toThrow("gone");
  });

  it("lets its source go when the consumer leaves", async () => {
    const { seen, audio } = endless(speechLike(200));
    for await (const _ of transcoder.transcode(audio, pcm, at24("mp3"), { signal })) break;
    expect(seen.returned).toBe(true);
  });

  it("throws its source's own error", async () => {
    const error = new Error("the engine died");
    async function* dying(): AsyncGenerator<Uint8Array> {
      yield speechLike(100);
      throw error;
    }
    await expect(collect(transcoder.transcode(dying(), pcm, at24("opus"), { signal }))).rejects.toBe(error);
  });

  it.each([
    ["pcm", { name: "pcm", sampleRateHz: 48_000 }],
    ["opus", at24("opus")],
  ] as const)("to %s stops reading while nobody takes the output", async (_, to) => {
    const { seen, audio } = endless(speechLike(200));
    const iterator = transcoder.transcode(audio, pcm, to, { signal })[Symbol.asyncIterator]();
    await iterator.next();
    let before = -1;
    // 64 KiB of waiting output are 1.4 s of PCM, but 20 s of Opus, for which a megabyte of PCM was read.
    while (seen.bytes !== before && seen.bytes < 8_000_000) {
      before = seen.bytes;
      await sleep(150);
    }
    await iterator.return?.();
    expect(seen.bytes).toBeLessThan(to.name === "pcm" ? 400_000 : 2_000_000);
    expect(seen.returned).toBe(true);
  });

  it("does not keep the process alive", () => {
    const script = `
      import { createTranscoder } from ${JSON.stringify(new URL("./transcode.ts", import.meta.url).href)};
      const audio = (async function* () { yield new Uint8Array(48_000); })();
      const format = { sampleRateHz: 24_000 };
      let bytes = 0;
      const [from, to] = [{ name: "pcm", ...format }, { name: "flac", ...format }];
      const { signal } = new AbortController();
      for await (const chunk of createTranscoder().transcode(audio, from, to, { signal })) bytes += chunk.length;
      console.log(bytes > 0);`;
    const { status, stdout } = spawnSync(process.execPath, ["--input-type=module", "-e", script], { timeout: 20_000 });
    expect({ status, output: stdout.toString().trim() }).toEqual({ status: 0, output: "true" });
  });

  it("throws shutting_down after close", async () => {
    const closed = createTranscoder();
    await closed.close();
    await expect(collect(closed.transcode(only(speechLike(100)), pcm, at24("mp3"), { signal }))).rejects.toMatchObject({
      code: "shutting_down",
    });
  });
});

describe("inspect()", () => {
  it.each(["pcm", "wav", "mp3", "opus", "flac"] as const)("tells how long %s is and how loud", async (name) => {
    const audio = name === "pcm" ? tone(800) : await encode(tone(800), name);
    const { durationMs, peak } = await transcoder.inspect(audio, at24(name), { signal });
    expect(Math.abs(durationMs - 800)).toBeLessThan(name === "mp3" ? 75 : 0.1);
    expect(Math.abs(peak! - 0.3)).toBeLessThan(0.03);
  });

  it("hears that silence is silent, and does not need a worker's patience for long PCM", async () => {
    expect(await transcoder.inspect(new Uint8Array(48_000), pcm, { signal })).toEqual({ durationMs: 1000, peak: 0 });
    expect(await transcoder.inspect(new Uint8Array(4_800_000), pcm, { signal })).toEqual({
      durationMs: 100_000,
      peak: 0,
    });
  });

  it.each(["pcm", "wav", "mp3", "opus", "flac", "aac"] as const)(
    "rejects with transcode_failed for empty or broken %s",
    async (name) => {
      for (const bytes of [new Uint8Array(0), Uint8Array.of(7)]) {
        await expect(transcoder.inspect(bytes, at24(name), { signal })).rejects.toMatchObject({
          code: "transcode_failed",
        });
      }
    },
  );
});
