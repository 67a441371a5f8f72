import { afterEach, describe, expect, it } from "vitest";
import { fundamentalHz } from "../../test/support/signals.ts";
import { FORMATS, type RigOptions, speechRig, utterance } from "../../test/support/speech-rig.ts";
import { type StandInOptions, standInEngine } from "../../test/support/stand-in-engine.ts";
import { collect } from "../core/async.ts";
import { AUDIO_FORMAT_NAMES } from "../core/audio-format.ts";
import type { SpeechEngine, SpokenWord } from "../core/ports.ts";
import { DEFAULT_CACHE_POLICY, type Utterance } from "../core/utterance.ts";
import { createUnsay } from "./unsay.ts";

const HZ = 24_000;
const never = new AbortController().signal;
const rigs: ReturnType<typeof speechRig>[] = [];
afterEach(async () => {
  await Promise.all(rigs.splice(0).map((rig) => rig.close()));
});

function rigWith(options: RigOptions) {
  const rig = speechRig(options);
  rigs.push(rig);
  /** Until what was heard is stored. */
  const keep = async (said: Utterance) => {
    const result = await rig.speak(said, { signal: never, requestId: "r", words: true });
    if (!result.admitted) throw new Error("refused");
    const words: SpokenWord[] = [];
    const audio: Uint8Array[] = [];
    for await (const part of result.speech.parts) {
      if (part.type === "words") words.push(...part.words);
      if (part.type === "audio") audio.push(part.audio);
    }
    await rig.cache.close();
    return { ...result.speech, bytes: new Uint8Array(Buffer.concat(audio)), words };
  };
  return { ...rig, keep };
}

/** Of an engine that speaks at its own pace, pitch and loudness only. */
const PLAIN: StandInOptions = { capabilities: { speed: { min: 1, max: 1 }, pitch: { min: 1, max: 1 } } };
/** One tone. */
const NOTE = "m".repeat(40);
const TEXT = "Say this another way, please.";
const samplesOf = (pcm: Uint8Array): Float32Array =>
  Float32Array.from(new Int16Array(pcm.buffer, pcm.byteOffset, pcm.byteLength >> 1), (sample) => sample / 32_768);
const peakOf = (pcm: Uint8Array): number =>
  samplesOf(pcm).reduce((peak, sample) => Math.max(peak, Math.abs(sample)), 0);

describe("what an engine cannot do", () => {
  it("is done by us: speed, pitch and volume, each by as much as was asked", async () => {
    const engine = standInEngine(PLAIN);
    const rig = rigWith({ engines: [engine] });
    const normal = await rig.keep(utterance(NOTE));
    const f0 = fundamentalHz(samplesOf(normal.bytes), HZ);
    for (const speed of [0.5, 1.5, 3]) {
      const { bytes } = await rig.keep(utterance(NOTE, { speed }));
      expect(bytes.length * speed).toBeCloseTo(normal.bytes.length, -2);
      expect(fundamentalHz(samplesOf(bytes), HZ) / f0).toBeCloseTo(1, 1);
    }
    const { bytes: higher } = await rig.keep(utterance(NOTE, { pitch: 1.5 }));
    expect(Math.abs(higher.length - normal.bytes.length)).toBeLessThan(10);
    expect(fundamentalHz(samplesOf(higher), HZ) / f0).toBeCloseTo(1.5, 1);
    const { bytes: quieter } = await rig.keep(utterance(NOTE, { volume: 0.5 }));
    expect(peakOf(quieter) / peakOf(normal.bytes)).toBeCloseTo(0.5, 2);
    const { bytes: louder } = await rig.keep(utterance(NOTE, { volume: 4 }));
    expect(peakOf(louder)).toBeLessThanOrEqual(0.951);
    expect(engine.requests.every(({ speed, pitch, volume }) => speed * pitch * volume === 1)).toBe(true);
  });

  it("is asked of it as far as it goes", async () => {
    const engine = standInEngine({ capabilities: { speed: { min: 0.5, max: 2 }, volume: { min: 0.5, max: 1 } } });
    const rig = rigWith({ engines: [engine] });
    const normal = await rig.keep(utterance(TEXT));
    const { bytes } = await rig.keep(utterance(TEXT, { speed: 3, volume: 2, pitch: 1.5 }));
    expect(engine.requests.at(-1)).toMatchObject({ speed: 2, volume: 1, pitch: 1.5 });
    expect(bytes.length * 3).toBeCloseTo(normal.bytes.length, -2);
  });

  it("is stored as what was asked, in every format, and is no fallback's business", async () => {
    const engine = standInEngine({ ...PLAIN, name: "first" });
    const second = standInEngine({ name: "second" });
    const rig = rigWith({ engines: [engine, second] });
    for (const name of AUDIO_FORMAT_NAMES) {
      const said = utterance(TEXT, { speed: 1.5, format: FORMATS[name] });
      const { bytes } = await rig.keep(said);
      const { durationMs } = await rig.transcoder.inspect(bytes, FORMATS[name], { signal: never });
      expect(Math.abs(durationMs - (TEXT.length * 20) / 1.5)).toBeLessThan(170);
      const hit = await rig.keep(said);
      expect(hit).toMatchObject({ engine: "first", fromCache: true });
      expect(Buffer.compare(hit.bytes, bytes)).toBe(0);
    }
    expect([engine.calls, second.calls]).toEqual([1, 0]);
  });

  it("shares what the engine says: while it says it, and when it is stored", async () => {
    const engine = standInEngine({ ...PLAIN, firstByteMs: 20 });
    const rig = rigWith({ engines: [engine] });
    const asked = [0.5, 1, 1.5, 2].map((speed) => rig.keep(utterance(TEXT, { speed })));
    await Promise.all([...asked, rig.keep(utterance(TEXT, { volume: 0.5 }))]);
    expect(engine.calls).toBe(1);
    await rig.keep(utterance(TEXT, { speed: 1.25, format: FORMATS.opus }));
    const policy = { ...DEFAULT_CACHE_POLICY, onlyIfCached: true };
    await rig.keep(utterance(TEXT, { pitch: 0.8, cache: policy }));
    expect(engine.calls).toBe(1);
    await rig.keep(utterance(TEXT, { speed: 1.25, cache: { ...DEFAULT_CACHE_POLICY, read: false } }));
    expect(engine.calls).toBe(2);
  });

  it("puts the words where they are heard, live and stored", async () => {
    const engine = standInEngine({ ...PLAIN, words: true, leadMs: 100 });
    const rig = rigWith({ engines: [engine] });
    const normal = await rig.keep(utterance(TEXT));
    const live = await rig.keep(utterance(TEXT, { speed: 0.5 }));
    const stored = await rig.keep(utterance(TEXT, { speed: 0.5 }));
    expect(live.words.map(({ text }) => text)).toEqual(normal.words.map(({ text }) => text));
    for (const [at, { startMs, endMs }] of normal.words.entries()) {
      expect(live.words[at]!.startMs).toBeCloseTo(2 * startMs, 0);
      expect(live.words[at]!.endMs).toBeCloseTo(2 * endMs, 0);
    }
    expect(stored.words).toEqual(live.words);
    const begins = samplesOf(live.bytes).findIndex((sample) => Math.abs(sample) > 0.02);
    expect(Math.abs((begins / HZ) * 1000 - live.words[0]!.startMs)).toBeLessThan(20);
  });

  it("begins before the engine has ended", async () => {
    const gate = Promise.withResolvers<void>();
    const tones = standInEngine(PLAIN);
    const engine: SpeechEngine = {
      ...tones,
      async *synthesize(request, options) {
        let chunks = 0;
        for await (const chunk of tones.synthesize(request, options)) {
          if (++chunks > 4) await gate.promise;
          yield chunk;
        }
      },
    };
    const rig = rigWith({ engines: [engine] });
    const result = await rig.speak(utterance(TEXT, { speed: 1.5 }), { signal: never, requestId: "r" });
    gate.resolve();
    if (!result.admitted) throw new Error("refused");
    expect((await collect(result.speech.audio)).length).toBeGreaterThan(16_000);
  });

  it("is removed together with what it was made of", async () => {
    const engine = standInEngine(PLAIN);
    const rig = rigWith({ engines: [engine] });
    const unsay = createUnsay({ voices: rig.voices, cache: rig.cache, maxTextChars: 1_000 });
    await rig.keep(utterance(TEXT, { speed: 1.5 }));
    expect(await unsay(utterance(TEXT, { speed: 1.5 }), { signal: never })).toBe(2);
    await rig.keep(utterance(TEXT, { speed: 1.5 }));
    expect(engine.calls).toBe(2);
  });

  it("fails as the engine fails, and stores nothing", async () => {
    const engine = standInEngine({ ...PLAIN, failAfterBytes: 12_000, chunkMs: 1 });
    const rig = rigWith({ engines: [engine] });
    await expect(rig.keep(utterance(TEXT, { speed: 1.5 }))).rejects.toMatchObject({ code: "engines_unavailable" });
    engine.script.failAfterBytes = undefined;
    expect(await rig.keep(utterance(TEXT, { speed: 1.5 }))).toMatchObject({ fromCache: false });
  });
});
