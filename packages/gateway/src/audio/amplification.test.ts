import { Worker } from "node:worker_threads";
import { afterAll, describe, expect, it } from "vitest";
import { concat, only } from "../core/async.ts";
import type { AudioFormat } from "../core/audio-format.ts";
import { Codecs } from "./codecs.ts";
import { createConverter } from "./converter.ts";
import { flacHead, renumberFlacFrame } from "./flac-frames.ts";
import { OggWriter } from "./ogg.ts";
import { opusHeadPages } from "./opus-packets.ts";
import { createTranscoder } from "./transcode.ts";
import { wavHeader } from "./wav.ts";
import { type FromWorker, MAX_OUTPUT_BYTES, type ToWorker } from "./worker-messages.ts";

const RATE_HZ = 24_000;
const at24 = (name: AudioFormat["name"]): AudioFormat => ({ name, sampleRateHz: RATE_HZ });
const pcm = at24("pcm");
/** One step of a converter: its bound, and at most what one bite more becomes. */
const MAX_STEP_BYTES = 3 * MAX_OUTPUT_BYTES;

const FLAC_BLOCK = 65_536;
/** Silence in the fewest bytes that FLAC has: a constant for 65,536 samples. */
function silentFlac(seconds: number, sampleRateHz = RATE_HZ): Uint8Array {
  const bytes = Uint8Array.of(0xff, 0xf8, 0x70, 0, 0, 0xff, 0xff, 0, 0, 0, 0, 0, 0);
  const header = {
    blockSamples: FLAC_BLOCK,
    sampleRateHz,
    channelCode: 0,
    bits: 16,
    numberAt: 4,
    numberEnd: 5,
    crcAt: 7,
  };
  const count = Math.ceil((seconds * RATE_HZ) / FLAC_BLOCK);
  const frames = Array.from({ length: count }, (_, at) => renumberFlacFrame({ bytes, header }, at * FLAC_BLOCK));
  return concat([flacHead({ sampleRateHz, channels: 1, bits: 16, totalSamples: 0 }), ...frames]);
}

/** What discontinuous transmission sends when nobody speaks: two bytes say six frames of 20 ms with nothing in them. */
function silentOpus(seconds: number): Uint8Array {
  const writer = new OggWriter(7);
  const packet = Uint8Array.of((1 << 3) | 3, 6);
  const page = Array<Uint8Array>(255).fill(packet);
  const pages = opusHeadPages(writer, { channels: 1, preSkip: 0, inputRateHz: RATE_HZ });
  const samplesAPage = BigInt(255 * 120 * 48);
  for (let granule = samplesAPage; granule <= BigInt(seconds * 48_000); granule += samplesAPage)
    pages.push(writer.page(page, granule));
  return concat(pages);
}

const hostile = { flac: silentFlac(3600), opus: silentOpus(3600) };

describe("a few bytes that are an hour of silence", () => {
  it("are few", () => {
    expect(hostile.flac.length).toBeLessThan(25_000);
    expect(hostile.opus.length).toBeLessThan(100_000);
  });

  it.each(["flac", "opus"] as const)("%s is decoded as it is asked for, a bounded step at a time", async (name) => {
    const converter = await createConverter(new Codecs(), { from: at24(name), to: pcm });
    let steps = 0;
    let largest = 0;
    for (const bytes of converter.push(hostile[name])) {
      largest = Math.max(largest, bytes.length);
      if (++steps === 20) break;
    }
    expect(largest).toBeLessThanOrEqual(MAX_STEP_BYTES);
    expect(converter.heard().durationMs).toBeLessThan((20 * MAX_STEP_BYTES) / 48);
    converter.free();
  });

  it("is heard in steps too where nothing is made of it", async () => {
    const converter = await createConverter(new Codecs(), { from: at24("flac") });
    const steps = converter.push(hostile.flac)[Symbol.iterator]();
    for (let n = 0; n < 10; n++) expect(steps.next().value).toHaveLength(0);
    expect(converter.heard().durationMs).toBeLessThan(60_000);
    converter.free();
  });
});

describe("the transcoding thread", () => {
  const worker = new Worker(new URL("./transcode-worker.ts", import.meta.url), { execArgv: [] });
  afterAll(() => worker.terminate());
  const post = (message: ToWorker): void => worker.postMessage(message);

  it.each(["flac", "opus"] as const)("sends no more of %s than was made room for, and then goes on", async (name) => {
    const job = name === "flac" ? 1 : 2;
    const seen = { sent: 0, taken: 0, mostUntaken: 0 };
    const heard = Promise.withResolvers<void>();
    const listen = (message: FromWorker): void => {
      if (message.job !== job) return;
      if (message.type === "failed") heard.reject(new Error(message.message));
      if (message.type !== "output") return;
      seen.sent += message.bytes.length;
      seen.mostUntaken = Math.max(seen.mostUntaken, seen.sent - seen.taken);
      if (seen.sent > 4_000_000) {
        heard.resolve();
        return;
      }
      // Taken only after the thread has had every chance to send more: it answers in order.
      post({ type: "start", job: 100, from: pcm });
      post({ type: "end", job: 100 });
    };
    const answered = (message: FromWorker): void => {
      if (message.job !== 100) return;
      const bytes = seen.sent - seen.taken;
      seen.taken = seen.sent;
      post({ type: "taken", job, bytes });
    };
    worker.on("message", listen).on("message", answered);
    post({ type: "start", job, from: at24(name), to: pcm });
    post({ type: "input", job, bytes: new Uint8Array(hostile[name].subarray(0, 64 * 1024)) });
    await heard.promise;
    post({ type: "cancel", job });
    worker.off("message", listen).off("message", answered);
    expect(seen.mostUntaken).toBeLessThanOrEqual(MAX_OUTPUT_BYTES + MAX_STEP_BYTES);
  });
});

describe("createTranscoder()", () => {
  const transcoder = createTranscoder({ workers: 1 });
  afterAll(() => transcoder.close());
  const { signal } = new AbortController();
  const ofRate = (sampleRateHz: number): Uint8Array => concat([wavHeader(sampleRateHz), new Uint8Array(4_000)]);

  it.each(["flac", "opus"] as const)("refuses %s that is longer than it may be, before the end of it", async (name) => {
    const asked = transcoder.inspect(hostile[name], at24(name), { signal, maxMs: 60_000 });
    const refusal = { code: "transcode_failed", message: "more sound than one piece of speech has" };
    await expect(asked).rejects.toMatchObject(refusal);
    const heard = async () => {
      let bytes = 0;
      const options = { signal, maxMs: 60_000 };
      for await (const made of transcoder.transcode(only(hostile[name]), at24(name), pcm, options)) {
        bytes += made.length;
        expect(bytes).toBeLessThanOrEqual(60_000 * 48);
      }
    };
    await expect(heard()).rejects.toMatchObject(refusal);
  });

  it.each([
    ["flac at 1 Hz", "flac", silentFlac(3, 1), "flac with an impossible sample rate"],
    ["wav at 399,989 Hz", "wav", ofRate(399_989), "cannot make 24000 Hz out of 399989"],
  ] as const)("refuses %s before any filter or sample is made of it", async (_, name, audio, message) => {
    const asked = async () => {
      for await (const __ of transcoder.transcode(only(audio), at24(name), pcm, { signal }));
    };
    await expect(asked()).rejects.toMatchObject({ code: "transcode_failed", message });
  });
});
