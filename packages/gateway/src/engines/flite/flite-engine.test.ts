import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { describeSpeechEngine, medianF0, peakOf, speakWith } from "../../../test/conformance/speech-engine.ts";
import type { SpeechEngine } from "../../core/ports.ts";
import { createFliteEngine } from "./flite-engine.ts";

const create = (): Promise<SpeechEngine> => createFliteEngine({ workers: 2, timeoutMs: 10_000, maxQueued: 100 });

describeSpeechEngine("flite", create, {
  voice: "slt",
  deterministic: true,
  pitchVoices: ["slt", "rms", "awb", "kal", "kal16"],
  cannotSay: ["你好", "Привет", "Hello 你好", "...", "— …", "٣", "😀"],
  unknownVoiceCodes: ["voice_not_found"],
});

describe("createFliteEngine()", () => {
  let engine: SpeechEngine;
  beforeAll(async () => {
    engine = await create();
  });
  afterAll(() => engine.close());

  it.each([
    ["slt", 16_000],
    ["kal", 8000],
    ["kal16", 16_000],
  ])("says at which rate %s speaks, and means it", async (voice, sampleRateHz) => {
    const { format, samples } = await speakWith(engine, { voice, text: "All along the lawn we were alone." });
    expect(format).toEqual({ name: "pcm", sampleRateHz });
    const f0 = medianF0(samples, sampleRateHz);
    expect(f0).toBeGreaterThan(voice === "slt" ? 140 : 75);
    expect(f0).toBeLessThan(voice === "slt" ? 210 : 120);
  });

  it.each(["slt", "rms", "awb", "kal", "kal16"])("times %s's words, whatever stands for them", async (voice) => {
    const text = "The Café's naïve owner paid £5 — or was it 42, Dr. Smith? It's done. (Really!)";
    const { words, durationMs } = await speakWith(engine, { voice, text });
    const expected = [
      "The",
      "Café's",
      "naïve",
      "owner",
      "paid",
      "£5",
      "or",
      "was",
      "it",
      "42",
      "Dr",
      "Smith",
      "It's",
      "done",
      "Really",
    ];
    expect(words?.map((word) => word.text)).toEqual(expected);
    for (const [at, { startMs, endMs }] of words!.entries()) {
      expect(startMs).toBeGreaterThanOrEqual(words![at - 1]?.endMs ?? 0);
      expect(endMs).toBeGreaterThan(startMs);
    }
    expect(words!.at(-1)!.endMs).toBeLessThanOrEqual(Math.ceil(durationMs));
  });

  it("times words where they are heard: speech after a pause begins with its word", async () => {
    for (const voice of ["slt", "kal16"]) {
      const { words, samples, format } = await speakWith(engine, { voice, text: "Tatata. Tatata. Tatata." });
      const onsets = onsetsMs(samples, format.sampleRateHz);
      expect(words).toHaveLength(3);
      expect(onsets).toHaveLength(3);
      for (const [at, { startMs }] of words!.entries()) expect(Math.abs(onsets[at]! - startMs)).toBeLessThan(130);
    }
  });

  it("reads letters with accents as their plain forms", async () => {
    const audio = async (text: string) => Buffer.from((await speakWith(engine, { voice: "kal16", text })).audio);
    expect(await audio("Café niño über")).toEqual(await audio("Cafe nino uber"));
    expect(await audio("It’s “fine” …")).toEqual(await audio('It\'s "fine"...'));
  });

  it("never drops the last word after a blank line", async () => {
    const { words } = await speakWith(engine, { voice: "kal16", text: "First line\n\nSecond" });
    expect(words?.map(({ text }) => text)).toEqual(["First", "line", "Second"]);
  });

  it("refuses languages other than English", async () => {
    await expect(speakWith(engine, { voice: "slt", language: "de-DE" })).rejects.toMatchObject({
      code: "engine_cannot_say",
    });
    await expect(speakWith(engine, { voice: "slt", language: "en-GB", text: "Yes." })).resolves.toBeDefined();
  });

  it("speaks at the ends of its ranges", async () => {
    const slow = await speakWith(engine, { voice: "rms", text: "Hello there.", speed: 0.25, pitch: 0.5 });
    const fast = await speakWith(engine, { voice: "rms", text: "Hello there.", speed: 4, pitch: 2 });
    expect(slow.durationMs / fast.durationMs).toBeGreaterThan(12);
    expect(peakOf(fast.samples)).toBeGreaterThan(1000);
  });

  it("gives up a synthesis past its deadline, without hurting others", async () => {
    const hasty = await createFliteEngine({ workers: 1, timeoutMs: 1, maxQueued: 1 });
    await expect(speakWith(hasty, { voice: "slt" })).rejects.toMatchObject({ code: "engine_timeout" });
    await hasty.close();
  });

  it("refuses more than may wait", async () => {
    const small = await createFliteEngine({ workers: 1, timeoutMs: 10_000, maxQueued: 1 });
    const calls = await Promise.allSettled(
      [1, 2, 3].map((n) => speakWith(small, { voice: "kal16", text: `Number ${n}.` })),
    );
    expect(calls.map(({ status }) => status)).toEqual(["fulfilled", "fulfilled", "rejected"]);
    expect((calls[2] as PromiseRejectedResult).reason).toMatchObject({ code: "overloaded" });
    await small.close();
  });
});

/** When sound begins again after at least 150 ms of near silence. */
function onsetsMs(samples: Int16Array, sampleRateHz: number): number[] {
  const frame = sampleRateHz / 100;
  const onsets: number[] = [];
  let quiet = 100;
  for (let at = 0; at + frame <= samples.length; at += frame) {
    if (peakOf(samples.subarray(at, at + frame)) < 900) quiet++;
    else {
      if (quiet >= 15) onsets.push((at / sampleRateHz) * 1000);
      quiet = 0;
    }
  }
  return onsets;
}
