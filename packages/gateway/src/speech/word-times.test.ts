import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { decodeWithFfmpeg, hasTool } from "../../test/support/audio-decode.ts";
import { FORMATS, speechRig, utterance } from "../../test/support/speech-rig.ts";
import { standInEngine } from "../../test/support/stand-in-engine.ts";
import { collect, only } from "../core/async.ts";
import { AUDIO_FORMAT_NAMES, type AudioFormatName } from "../core/audio-format.ts";
import type { SpokenWord } from "../core/ports.ts";
import { DEFAULT_CACHE_POLICY, type Utterance } from "../core/utterance.ts";
import type { Speech } from "./speak.ts";
import type { SpeechPart } from "./speech-part.ts";

const never = new AbortController().signal;
const TEXT = "First words here. Then some more. Very last ones.";
const WORDS = ["First", "words", "here.", "Then", "some", "more.", "Very", "last", "ones."];
const engine = standInEngine({ words: true, leadMs: 120, durationMsPerChar: 60, chunkDurationMs: 70 });
const rig = speechRig({ engines: [engine] });
const ffmpeg = hasTool("ffmpeg");
afterAll(() => rig.close());
beforeAll(() => rig.transcoder.inspect(new Uint8Array(480), FORMATS.pcm, { signal: never }));

const asked = (format: AudioFormatName, changes: Partial<Utterance> = {}) =>
  utterance(TEXT, { format: FORMATS[format], ...changes });

async function ask(said: Utterance, from = rig): Promise<Speech> {
  const result = await from.speak(said, { signal: never, requestId: "r", words: true });
  if (!result.admitted) throw new Error("refused");
  return result.speech;
}

async function partsOf(speech: Speech) {
  const parts: SpeechPart[] = [];
  for await (const part of speech.parts) parts.push(part);
  const audio = Buffer.concat(parts.flatMap((part) => (part.type === "audio" ? [part.audio] : [])));
  const words = parts.flatMap((part) => (part.type === "words" ? part.words : []));
  return { parts, audio, words, speech };
}

/** When it gets loud after at least 40 ms of quiet. */
async function onsetsMs(audio: Uint8Array, format: AudioFormatName): Promise<number[]> {
  const pcm =
    format === "aac"
      ? decodeWithFfmpeg(audio, format)
      : new Int16Array(
          new Uint8Array(
            await collect(rig.transcoder.transcode(only(audio), FORMATS[format], FORMATS.pcm, { signal: never })),
          ).buffer,
        );
  const onsets: number[] = [];
  let quietSince = -10_000;
  for (const [at, sample] of pcm.entries()) {
    if (Math.abs(sample) < 2_000) continue;
    if (at - quietSince > 960) onsets.push(at / 24);
    quietSince = at;
  }
  return onsets;
}

async function expectRight(audio: Uint8Array, words: readonly SpokenWord[], format: AudioFormatName, withinMs = 25) {
  expect(words.map(({ text }) => text)).toEqual(WORDS);
  const onsets = await onsetsMs(audio, format);
  expect(onsets.length).toBe(WORDS.length);
  for (const [at, { startMs }] of words.entries()) expect(Math.abs(onsets[at]! - startMs)).toBeLessThan(withinMs);
}

describe.each(AUDIO_FORMAT_NAMES.filter((name) => name !== "aac" || ffmpeg))("word times in %s", (format) => {
  it("are when the words are heard, while they are made and once they are stored", async () => {
    await rig.store.clear({ signal: never });
    const live = await partsOf(await ask(asked(format)));
    expect(live.speech.fromCache).toBe(false);
    await expectRight(live.audio, live.words, format);
    await rig.cache.close();

    const stored = await partsOf(await ask(asked(format)));
    expect(stored.speech.fromCache).toBe(true);
    await expectRight(stored.audio, stored.words, format);
    await expectRight(stored.speech.whole!.bytes, stored.speech.whole!.words, format);
    expect(stored.speech.whole!.words).toEqual(stored.words);
    expect(stored.words.map(({ startMs }) => startMs)).toEqual(live.words.map(({ startMs }) => startMs));
  });

  it("are right when some segments are stored and some are made", async () => {
    await rig.store.clear({ signal: never });
    await partsOf(await ask(asked(format, { text: "Then some more." })));
    await rig.cache.close();
    const mixed = await partsOf(await ask(asked(format)));
    expect(mixed.parts.flatMap((part) => (part.type === "segment" ? [part.segment.outcome] : []))).toEqual([
      "miss",
      "hit",
      "miss",
    ]);
    await expectRight(mixed.audio, mixed.words, format);
  });

  it("are right in what is made from a stored mp3, whose run-in is cut off", async () => {
    if (format === "mp3") return;
    await rig.store.clear({ signal: never });
    await partsOf(await ask(asked("mp3")));
    await rig.cache.close();
    const { calls } = engine;
    const copy = await partsOf(await ask(asked(format)));
    expect(engine.calls).toBe(calls);
    await expectRight(copy.audio, copy.words, format, 30);
  });
});

describe("parts", () => {
  it("come segment by segment, the words before the end, the position never going back", async () => {
    const { parts } = await partsOf(await ask(asked("pcm", { cache: { ...DEFAULT_CACHE_POLICY, read: false } })));
    expect(parts.flatMap((part) => (part.type === "segment" ? [part.segment] : []))).toEqual(
      ["First words here.", "Then some more.", "Very last ones."].map((text) => ({
        text,
        engine: "stand-in",
        voice: "one",
        outcome: "miss",
      })),
    );
    const kinds = parts.map(({ type }) => type).filter((type, at, all) => type !== all[at - 1]);
    expect(kinds[0]).toBe("segment");
    expect(kinds.join(" ").match(/ended segment/g)).toHaveLength(2);
    const until = parts.flatMap((part) => ("untilMs" in part ? [part.untilMs] : []));
    expect(until).toEqual([...until].sort((a, b) => a - b));
    const bytes = parts.reduce((sum, part) => sum + (part.type === "audio" ? part.audio.length : 0), 0);
    expect(until.at(-1)).toBeCloseTo(bytes / 48, 6);
  });

  it("have no words for who wants none", async () => {
    const result = await rig.speak(asked("pcm"), { signal: never, requestId: "r" });
    if (!result.admitted) throw new Error("refused");
    for await (const { type } of result.speech.parts) expect(type).not.toBe("words");
  });

  it("estimate words for an engine that gives none, alike from engine and cache, within the segment", async () => {
    const silentOnWords = speechRig({ engines: [standInEngine({ leadMs: 0, durationMsPerChar: 60 })] });
    try {
      const live = await partsOf(await ask(asked("opus"), silentOnWords));
      expect(live.words.map(({ text }) => text)).toEqual(WORDS.map((word) => word.replace(".", "")));
      expect(live.words.every(({ estimated }) => estimated)).toBe(true);
      const onsets = await onsetsMs(live.audio, "opus");
      for (const [at, { startMs }] of live.words.entries()) {
        if (at % 3 === 0 && at > 0) expect(startMs - live.words[at - 1]!.endMs).toBeGreaterThanOrEqual(0);
        if (at % 3 === 1)
          expect(
            Math.abs(onsets.toSorted((a, b) => Math.abs(a - startMs) - Math.abs(b - startMs))[0]! - startMs),
          ).toBeLessThan(200);
      }
      await silentOnWords.cache.close();
      const stored = await partsOf(await ask(asked("opus"), silentOnWords));
      expect(stored.speech.fromCache).toBe(true);
      expect(stored.words).toEqual(live.words);
    } finally {
      await silentOnWords.close();
    }
  });

  it("end the engine's work when their reader leaves", async () => {
    const slow = standInEngine({ chunkMs: 5, durationMsPerChar: 100 });
    const own = speechRig({ engines: [slow] });
    try {
      for await (const { type } of (await ask(asked("mp3"), own)).parts) if (type === "audio") break;
      await expect.poll(() => slow.active, { timeout: 5_000 }).toBe(0);
      expect(slow.aborts.length + slow.abandoned).toBeGreaterThan(0);
    } finally {
      await own.close();
    }
  });
});
