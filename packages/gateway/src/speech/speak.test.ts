import { afterEach, describe, expect, it } from "vitest";
import { FORMATS, type RigOptions, speechRig, utterance } from "../../test/support/speech-rig.ts";
import { standInEngine, toneAudio } from "../../test/support/stand-in-engine.ts";
import { collect } from "../core/async.ts";
import { AUDIO_FORMAT_NAMES, type AudioFormat } from "../core/audio-format.ts";
import { SpeechError } from "../core/errors.ts";
import { DEFAULT_CACHE_POLICY, type Utterance } from "../core/utterance.ts";

const never = new AbortController().signal;
const rigs: ReturnType<typeof speechRig>[] = [];
afterEach(async () => {
  await Promise.all(rigs.splice(0).map((rig) => rig.close()));
});

function rigWith(options: RigOptions) {
  const rig = speechRig(options);
  rigs.push(rig);
  const hear = async (said: Utterance, signal = never) => {
    const result = await rig.speak(said, { signal, requestId: "r" });
    if (!result.admitted) throw new Error("refused");
    const audio = await collect(result.speech.audio);
    return { ...result.speech, bytes: audio };
  };
  /** As `hear`, and until what was heard is stored. */
  const keep = async (said: Utterance) => {
    const heard = await hear(said);
    await rig.cache.close();
    return heard;
  };
  return { ...rig, hear, keep };
}

const tone = (text: string, voice = "one") =>
  toneAudio({ text, voice, speed: 1, pitch: 1, volume: 1, wanted: FORMATS.pcm });

describe("speak()", () => {
  it("makes a segment once and then has it", async () => {
    const engine = standInEngine();
    const rig = rigWith({ engines: [engine] });
    const miss = await rig.keep(utterance("Hello there."));
    const hit = await rig.hear(utterance("Hello there."));
    expect(miss).toMatchObject({ fromCache: false, outcomes: { miss: 1 } });
    expect(hit).toMatchObject({ fromCache: true, outcomes: { hit: 1 }, whole: { durationMs: 240 } });
    expect(hit.bytes).toEqual(miss.bytes);
    expect(miss.bytes).toEqual(tone("Hello there."));
    expect(engine.calls).toBe(1);
  });

  it("speaks every segment once, in order, mixing stored and new ones", async () => {
    const engine = standInEngine();
    const rig = rigWith({ engines: [engine] });
    await rig.keep(utterance("Second one."));
    const { bytes, outcomes } = await rig.hear(utterance("First one. Second one. Third one."));
    expect(bytes).toEqual(new Uint8Array(Buffer.concat([tone("First one."), tone("Second one."), tone("Third one.")])));
    expect(outcomes).toEqual({ hit: 1, miss: 2, coalesced: 0, stale: 0 });
    expect(engine.requests.map(({ text }) => text)).toEqual(["Second one.", "First one.", "Third one."]);
  });

  it("synthesizes once for 200 who ask at the same time, in two formats", async () => {
    const engine = standInEngine({ firstByteMs: 20 });
    const rig = rigWith({ engines: [engine] });
    const asked = Array.from({ length: 200 }, (_, at) =>
      rig.hear(utterance("Ask all at once.", { format: at % 2 ? FORMATS.wav : FORMATS.flac })),
    );
    const heard = await Promise.all(asked);
    expect(engine.calls).toBe(1);
    for (const format of ["wav", "flac"] as const) {
      const alike = heard.filter((one) => one.format.name === format);
      expect(alike.every(({ bytes }) => Buffer.compare(bytes, alike[0]!.bytes) === 0)).toBe(true);
    }
    expect(rig.counters).toMatchObject({ misses: 2, coalesced: 198 });
  });

  it("makes each format from the one that is stored, not by the engine again", async () => {
    const engine = standInEngine();
    const rig = rigWith({ engines: [engine] });
    await rig.keep(utterance("Only once, please.", { format: FORMATS.flac }));
    for (const name of AUDIO_FORMAT_NAMES) {
      const { bytes } = await rig.keep(utterance("Only once, please.", { format: FORMATS[name] }));
      const { durationMs } = await rig.transcoder.inspect(bytes, FORMATS[name], { signal: never });
      expect(Math.abs(durationMs - 360)).toBeLessThan(150);
    }
    expect(engine.calls).toBe(1);
    expect(rig.counters.transcoded).toBe(5);
  });

  it.each([FORMATS.mp3, FORMATS.opus])("makes PCM as long as it was spoken of a stored $name", async (lossy) => {
    const engine = standInEngine();
    const rig = rigWith({ engines: [engine] });
    await rig.keep(utterance("As long as ever.", { format: lossy }));
    const { bytes } = await rig.keep(utterance("As long as ever.", { format: FORMATS.pcm }));
    expect(bytes.length).toBe(toneAudio(engine.requests[0]!).length);
    expect([engine.calls, rig.counters.transcoded]).toEqual([1, 1]);
  });

  it("never makes a copy of a copy", async () => {
    const engine = standInEngine();
    const rig = rigWith({ engines: [engine] });
    await rig.keep(utterance("A copy.", { format: FORMATS.mp3 }));
    await rig.keep(utterance("A copy.", { format: FORMATS.opus })); // made from the mp3
    await rig.store.clear({ signal: never });
    expect(rig.counters.transcoded).toBe(1);
    await rig.keep(utterance("A copy.", { format: FORMATS.opus })); // made by the engine
    await rig.keep(utterance("A copy.", { format: FORMATS.flac })); // from that opus: generation 0
    expect(engine.calls).toBe(2);
    expect(rig.counters.transcoded).toBe(2);
  });

  it("does not begin a long text's later segments before their turn is near", async () => {
    const engine = standInEngine({ chunkDurationMs: 20 });
    const rig = rigWith({ engines: [engine] });
    const text = Array.from({ length: 12 }, (_, at) => `This is sentence number ${at}.`).join(" ");
    const result = await rig.speak(utterance(text), { signal: never, requestId: "r" });
    if (!result.admitted) throw new Error("refused");
    const audio = result.speech.audio[Symbol.asyncIterator]();
    await audio.next();
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(engine.calls).toBeLessThanOrEqual(3);
    await audio.return?.();
  });

  it("falls over to the next engine before the first audio, and stores under that engine only", async () => {
    const broken = standInEngine({ name: "broken", failAfterBytes: 0 });
    const sound = standInEngine({ name: "sound" });
    const rig = rigWith({ engines: [broken, sound] });
    expect(await rig.keep(utterance("Say it."))).toMatchObject({ engine: "sound", fromCache: false });
    delete broken.script.failAfterBytes;
    expect(await rig.hear(utterance("Say it."))).toMatchObject({ engine: "broken", fromCache: false });
  });

  it.each([
    ["hangs", { hang: true }],
    ["is silent", { silence: true }],
    ["breaks off at once", { failAfterBytes: 0 }],
  ])("hears the next engine when the first one %s", async (_, script) => {
    const first = standInEngine({ name: "first", ...script });
    const rig = rigWith({ engines: [first, standInEngine({ name: "second" })], engineTimeoutMs: 100 });
    expect(await rig.keep(utterance("Never silence."))).toMatchObject({ engine: "second" });
    expect(rig.counters.synthesesFailed).toBe(1);
  });

  it("cuts the answer and stores nothing when an engine dies in the middle", async () => {
    const engine = standInEngine({ failAfterBytes: 9_600, chunkMs: 5 });
    const rig = rigWith({ engines: [engine] });
    await expect(rig.hear(utterance("This will break off in the middle."))).rejects.toMatchObject({
      code: "engine_failed",
    });
    await rig.cache.close();
    delete engine.script.failAfterBytes;
    expect(await rig.hear(utterance("This will break off in the middle."))).toMatchObject({ fromCache: false });
  });

  it("tells that no engine could speak, with a time to come back", async () => {
    const rig = rigWith({ engines: [standInEngine({ failAfterBytes: 0 })] });
    await expect(rig.hear(utterance("Nobody."))).rejects.toMatchObject({
      code: "engines_unavailable",
      details: { retryAfterMs: 1_000 },
    });
    const cannot = standInEngine({ failWith: new SpeechError("engine_cannot_say", "not this script") });
    await expect(rigWith({ engines: [cannot] }).hear(utterance("你好。"))).rejects.toMatchObject({
      code: "engine_cannot_say",
    });
  });

  it("cancels at the engine when the only caller leaves, and lets a second one hear it all", async () => {
    const engine = standInEngine({ chunkMs: 5 });
    const rig = rigWith({ engines: [engine] });
    const caller = new AbortController();
    const one = rig.hear(utterance("Leave me alone now, will you?"), caller.signal);
    const two = rig.hear(utterance("Leave me alone now, will you?"));
    setTimeout(() => caller.abort(new Error("hung up")), 15);
    await expect(one).rejects.toThrow("hung up");
    expect((await two).bytes).toEqual(tone("Leave me alone now, will you?"));
    expect(engine.aborts).toHaveLength(0);

    const last = new AbortController();
    const alone = rig.hear(utterance("Nobody is listening to this at all."), last.signal);
    setTimeout(() => last.abort(new Error("hung up")), 15);
    await expect(alone).rejects.toThrow("hung up");
    await expect.poll(() => engine.aborts.length).toBe(1);
  });

  it("ends what it began when the listener stops listening without a word", async () => {
    const engine = standInEngine({ chunkMs: 5 });
    const rig = rigWith({ engines: [engine] });
    const result = await rig.speak(utterance("One sentence here. And another one there."), {
      signal: never,
      requestId: "r",
    });
    if (!result.admitted) throw new Error("refused");
    for await (const _ of result.speech.audio) break;
    await expect.poll(() => engine.active).toBe(0);
  });

  it("finishes a nearly free synthesis for the cache when its caller leaves", async () => {
    const engine = standInEngine({ chunkMs: 5, nearlyFree: true });
    const rig = rigWith({ engines: [engine] });
    const caller = new AbortController();
    const heard = rig.hear(utterance("Worth keeping anyway."), caller.signal);
    setTimeout(() => caller.abort(new Error("hung up")), 15);
    await expect(heard).rejects.toThrow("hung up");
    await rig.cache.close();
    expect(await rig.hear(utterance("Worth keeping anyway."))).toMatchObject({ fromCache: true });
    expect(engine.calls).toBe(1);
  });

  it("does what the request says of the cache", async () => {
    const engine = standInEngine();
    const rig = rigWith({ engines: [engine] });
    const said = (changes: Partial<Utterance["cache"]>) =>
      utterance("Cache or not?", { cache: { ...DEFAULT_CACHE_POLICY, ...changes } });
    await expect(rig.hear(said({ onlyIfCached: true }))).rejects.toMatchObject({ code: "not_cached" });
    await rig.keep(said({ read: false, write: false }));
    expect(await rig.keep(said({}))).toMatchObject({ fromCache: false });
    expect(await rig.keep(said({ read: false }))).toMatchObject({ fromCache: false });
    expect(await rig.hear(said({ onlyIfCached: true }))).toMatchObject({ fromCache: true });
    expect(engine.calls).toBe(3);
  });

  it("refuses beyond the limit without asking an engine", async () => {
    const engine = standInEngine();
    const rig = rigWith({ engines: [engine], limitPerMinute: 2 });
    await rig.hear(utterance("One."));
    await rig.hear(utterance("Two."));
    const third = await rig.speak(utterance("Three."), { signal: never, requestId: "r" });
    expect(third).toMatchObject({ admitted: false, quota: { window: { name: "minute" } } });
    expect(engine.calls).toBe(2);
    expect(await rig.hear(utterance("Three.", { subject: "somebody else" }))).toBeDefined();
  });

  it.each(["", "   \n", "😀😀", "?!…", "\u0000\u0007", "\ud800"])("refuses %j, which nobody can say", async (text) => {
    const engine = standInEngine();
    await expect(rigWith({ engines: [engine] }).hear(utterance(text))).rejects.toMatchObject({
      code: "text_empty",
      details: { param: "input" },
    });
    expect(engine.calls).toBe(0);
  });

  it("makes no format out of a copy that has lost what the engine gives", async () => {
    const wide = standInEngine({ name: "wide", format: { name: "pcm", sampleRateHz: 44_100 } });
    const usual = standInEngine({ name: "usual" });
    const rig = rigWith({ engines: [wide, usual] });
    const say = async (model: string, format: AudioFormat) => {
      const { bytes } = await rig.keep(utterance("Widely heard.", { model, format }));
      return bytes.length;
    };
    const at = (sampleRateHz: number, encoding?: "mulaw"): AudioFormat => ({
      name: "pcm",
      sampleRateHz,
      ...(encoding && { encoding }),
    });
    const atUsual = await say("wide", at(24_000));
    expect(await say("wide", at(8000))).toBeLessThan(atUsual);
    expect(wide.calls).toBe(1); // 24 kHz is enough for that
    expect(await say("wide", at(48_000))).toBeGreaterThan(atUsual * 1.9);
    expect(wide.calls).toBe(2);

    await say("usual", at(8000, "mulaw"));
    await say("usual", at(24_000));
    expect(usual.calls).toBe(2); // no telephone's copy became a wide one
    await say("usual", at(48_000));
    await say("usual", at(8000));
    expect(usual.calls).toBe(2);
  });

  it("names the parameter that is wrong, and charges nothing for it", async () => {
    const rig = rigWith({ engines: [standInEngine()], limitPerMinute: 1 });
    await expect(rig.hear(utterance("Hi.", { voice: "nobody" }))).rejects.toMatchObject({
      code: "voice_not_found",
      details: { param: "voice" },
    });
    await expect(rig.hear(utterance("Hi.", { model: "nothing" }))).rejects.toMatchObject({
      code: "model_not_found",
      details: { param: "model" },
    });
    await expect(rig.hear(utterance("x".repeat(20_001)))).rejects.toMatchObject({ code: "text_too_long" });
    expect(await rig.hear(utterance("Hi."))).toBeDefined();
  });

  it("speaks with a broken store as if it were empty", async () => {
    const failing = async () => {
      throw new Error("store down");
    };
    const store = {
      get: failing,
      getStale: failing,
      set: failing,
      has: failing,
      delete: failing,
      tag: failing,
      purge: failing,
      clear: failing,
      close: async () => {},
    };
    const rig = rigWith({ engines: [standInEngine()], store });
    expect((await rig.keep(utterance("Still speaking."))).bytes).toEqual(tone("Still speaking."));
    expect((await rig.keep(utterance("Still speaking."))).bytes).toEqual(tone("Still speaking."));
  });

  it("keeps word times on the clock of the whole answer", async () => {
    const engine = standInEngine({ words: true });
    const rig = rigWith({ engines: [engine] });
    await rig.keep(utterance("One two. Three."));
    const { whole } = await rig.hear(utterance("One two. Three."));
    expect(whole?.words.map(({ text }) => text)).toEqual(["One", "two.", "Three."]);
    expect(whole?.words[2]).toMatchObject({ text: "Three.", startMs: 160, endMs: 280 });
  });
});
