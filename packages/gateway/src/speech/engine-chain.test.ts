import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, describe, expect, it } from "vitest";
import { manualClock } from "../../test/support/manual-clock.ts";
import { FORMATS, type RigOptions, speechRig, utterance } from "../../test/support/speech-rig.ts";
import { standInEngine, toneAudio } from "../../test/support/stand-in-engine.ts";
import { collect } from "../core/async.ts";
import { SpeechError } from "../core/errors.ts";
import type { SpeechEvents } from "../core/events.ts";
import type { SpeechEngine } from "../core/ports.ts";
import type { Utterance } from "../core/utterance.ts";
import { MemoryAudioStore } from "../stores/memory-audio-store.ts";

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
    return { ...result.speech, bytes: await collect(result.speech.audio) };
  };
  const keep = async (said: Utterance) => {
    const heard = await hear(said);
    await rig.cache.close();
    return heard;
  };
  return { ...rig, hear, keep };
}

const tone = (text: string) => toneAudio({ text, voice: "one", speed: 1, pitch: 1, volume: 1, wanted: FORMATS.pcm });
const tones = (...texts: string[]) => new Uint8Array(Buffer.concat(texts.map(tone)));
const broken = (failWith: SpeechError) => standInEngine({ name: "first", failWith });
const failing = (details = {}) => new SpeechError("engine_failed", "broken", { engine: "first", ...details });

describe("EngineChain: breakers", () => {
  it("asks a dead engine only until its breaker opens", async () => {
    const first = standInEngine({ name: "first", failAfterBytes: 0 });
    const rig = rigWith({ engines: [first, standInEngine({ name: "second" })], clock: manualClock() });
    for (let n = 0; n < 20; n++) expect(await rig.hear(utterance(`Number ${n}.`))).toMatchObject({ engine: "second" });
    expect(first.calls).toBe(3);
    expect(rig.states.of("first").stats).toMatchObject({ state: "open", calls: 3, failures: { engine_failed: 3 } });
  });

  it("finds out beside its caller whether the engine is well again, and then uses it", async () => {
    const clock = manualClock();
    const first = standInEngine({ name: "first", failAfterBytes: 0 });
    const rig = rigWith({ engines: [first, standInEngine({ name: "second" })], clock });
    for (let n = 0; n < 3; n++) await rig.hear(utterance(`Number ${n}.`));
    Object.assign(first.script, { failAfterBytes: undefined, hang: true, clock });
    await clock.advance(1_000);
    expect(await rig.hear(utterance("Nobody waits for the probe."))).toMatchObject({ engine: "second" });
    expect([first.calls, first.active]).toEqual([4, 1]);
    first.script.hang = false;
    await clock.advance(2_000); // the hanging one has had its time
    expect(await rig.hear(utterance("The next one looks."))).toMatchObject({ engine: "second" });
    await expect.poll(() => rig.states.of("first").stats.state).toBe("closed");
    expect(await rig.hear(utterance("It is back."))).toMatchObject({ engine: "first" });
    await clock.advance(5_000); // the hanging one's deadline
    await rig.cache.close();
    expect(await rig.hear(utterance("The next one looks."))).toMatchObject({ engine: "first", fromCache: true });
  });

  it("tries nothing when nobody asks", async () => {
    const clock = manualClock();
    const first = standInEngine({ name: "first", failAfterBytes: 0 });
    const rig = rigWith({ engines: [first, standInEngine({ name: "second" })], clock });
    for (let n = 0; n < 3; n++) await rig.hear(utterance(`Number ${n}.`));
    await clock.advance(600_000);
    expect(first.calls).toBe(3);
  });

  it("asks those whose breakers are open when nobody else could speak", async () => {
    const first = standInEngine({ name: "first", failAfterBytes: 0 });
    const second = standInEngine({ name: "second", failAfterBytes: 0 });
    const rig = rigWith({ engines: [first, second], clock: manualClock() });
    for (let n = 0; n < 3; n++) await expect(rig.hear(utterance(`Number ${n}.`))).rejects.toThrow();
    expect(rig.states.stats.map(({ state }) => state)).toEqual(["open", "open"]);
    delete second.script.failAfterBytes;
    expect(await rig.hear(utterance("One can."))).toMatchObject({ engine: "second" });
    expect(rig.states.of("second").stats.state).toBe("closed");
  });

  it("keeps away for as long as an engine says, and says so when there is no other", async () => {
    const first = broken(failing({ retryAfterMs: 40_000 }));
    const clock = manualClock();
    const rig = rigWith({ engines: [first], clock });
    await expect(rig.hear(utterance("Once."))).rejects.toThrow();
    await expect(rig.hear(utterance("Twice."))).rejects.toMatchObject({
      code: "engines_unavailable",
      details: { retryAfterMs: 40_000 },
    });
    expect(first.calls).toBe(1);
    delete first.script.failWith;
    await clock.advance(40_000);
    expect(await rig.hear(utterance("Thrice."))).toMatchObject({ engine: "first" });
  });

  it("leaves an engine that refuses our key alone at once", async () => {
    const first = broken(new SpeechError("engine_unauthorized", "401", { engine: "first" }));
    const rig = rigWith({ engines: [first, standInEngine({ name: "second" })], clock: manualClock() });
    for (let n = 0; n < 5; n++) await rig.hear(utterance(`Number ${n}.`));
    expect(first.calls).toBe(1);
    expect(rig.states.of("first").retryInMs).toBe(9_000);
  });

  it("holds nothing against an engine that callers cause", async () => {
    const first = broken(new SpeechError("engine_rejected", "not this text", { engine: "first" }));
    const rig = rigWith({ engines: [first, standInEngine({ name: "second" })] });
    for (let n = 0; n < 10; n++) await rig.hear(utterance(`Number ${n}.`));
    expect(first.calls).toBe(10);
    Object.assign(first.script, { failWith: undefined, hang: true });
    for (let n = 0; n < 5; n++) {
      const caller = new AbortController();
      const heard = rig.hear(utterance(`Leaving ${n}.`), caller.signal);
      await expect.poll(() => first.active).toBe(1);
      caller.abort(new Error("left"));
      await expect(heard).rejects.toThrow();
    }
    expect(rig.states.of("first").stats).toMatchObject({ state: "closed", successRate: null, inFlight: 0 });
  });

  it("hears what is stored of the first engine while it is down, also in another format, and then of the next", async () => {
    const first = standInEngine({ name: "first" });
    const second = standInEngine({ name: "second" });
    const rig = rigWith({ engines: [first, second], clock: manualClock() });
    const said = "Said before. By the first one.";
    await rig.keep(utterance(said, { format: FORMATS.flac }));
    Object.assign(first.script, { failAfterBytes: 0 });
    for (let n = 0; n < 3; n++) await rig.keep(utterance(`Number ${n}.`));
    const calls = second.calls;
    const again = await rig.hear(utterance(`${said} Number 1.`));
    expect(again.bytes).toEqual(tones("Said before.", "By the first one.", "Number 1."));
    expect([first.calls, second.calls]).toEqual([5, calls]);
  });

  it("does not ask an engine that was switched off, not even when there is no other", async () => {
    const first = standInEngine({ name: "first" });
    const rig = rigWith({ engines: [first] });
    rig.states.of("first").disable();
    await expect(rig.hear(utterance("Off."))).rejects.toMatchObject({ code: "engines_unavailable" });
    rig.states.of("first").enable();
    expect(await rig.hear(utterance("On."))).toMatchObject({ engine: "first" });
    expect(first.calls).toBe(1);
  });
});

describe("EngineChain: when nobody can speak", () => {
  const refused = (name: string) =>
    standInEngine({ name, failWith: new SpeechError("engine_rejected", "not this text", { engine: name }) });

  it("tells a refusal as it is where nobody would take the text, and not where one may yet", async () => {
    const rig = rigWith({ engines: [refused("first"), refused("second")] });
    await expect(rig.hear(utterance("No."))).rejects.toMatchObject({
      code: "engine_rejected",
      details: { engine: "first" },
    });
    const mixed = rigWith({ engines: [refused("first"), standInEngine({ name: "second", failAfterBytes: 0 })] });
    await expect(mixed.hear(utterance("No."))).rejects.toMatchObject({
      code: "engines_unavailable",
      details: { retryAfterMs: 1_000 },
      message: "no engine could speak (first: engine_rejected, second: engine_failed)",
    });
  });

  it("says when to come back if every engine is switched off", async () => {
    const rig = rigWith({ engines: [standInEngine({ name: "first" })] });
    rig.states.of("first").disable();
    await expect(rig.hear(utterance("Off."))).rejects.toMatchObject({
      code: "engines_unavailable",
      details: { retryAfterMs: 1_000 },
    });
  });

  it("insists on the engine that may be well soonest", async () => {
    const clock = manualClock();
    const first = standInEngine({ name: "first", failAfterBytes: 0 });
    const second = standInEngine({ name: "second", failAfterBytes: 0 });
    const rig = rigWith({ engines: [first, second], clock });
    rig.states.of("second").disable();
    for (let n = 0; n < 2; n++) await expect(rig.hear(utterance(`First ${n}.`))).rejects.toThrow();
    rig.states.of("second").enable();
    rig.states.of("first").disable();
    for (let n = 0; n < 3; n++) await expect(rig.hear(utterance(`Second ${n}.`))).rejects.toThrow();
    await clock.advance(500);
    rig.states.of("second").disable();
    rig.states.of("first").enable();
    await expect(rig.hear(utterance("Third."))).rejects.toThrow();
    rig.states.of("second").enable();
    expect(rig.states.of("second").retryInMs).toBeLessThan(rig.states.of("first").retryInMs);
    delete first.script.failAfterBytes;
    delete second.script.failAfterBytes;
    expect(await rig.hear(utterance("Who?"))).toMatchObject({ engine: "second" });
  });

  it("gives expired audio rather than none, also of the engine that would not be asked first", async () => {
    const clock = manualClock();
    const first = standInEngine({ name: "first", failAfterBytes: 0 });
    const second = standInEngine({ name: "second" });
    const store = new MemoryAudioStore({ clock, maxBytes: 1 << 20, graceMs: 600_000 });
    const rig = rigWith({ engines: [first, second], clock, store });
    const { bytes } = await rig.keep(utterance("Said once."));
    second.script.failAfterBytes = 0;
    await clock.advance(61_000);
    expect(await rig.hear(utterance("Said once."))).toMatchObject({ engine: "second", bytes });
    expect(second.finished).toBe(1);
  });
});

describe("EngineChain: who can say it", () => {
  it("asks an engine that can be told before one that cannot, and looks there for what is stored", async () => {
    const told = standInEngine({ name: "told", capabilities: { style: true } });
    const rig = rigWith({ engines: [standInEngine({ name: "plain" }), told] });
    expect(await rig.keep(utterance("As usual."))).toMatchObject({ engine: "plain" });
    expect(await rig.keep(utterance("Calmly.", { style: "calm" }))).toMatchObject({ engine: "told" });
    expect(await rig.hear(utterance("Calmly.", { style: "calm" }))).toMatchObject({ engine: "told", fromCache: true });
  });
});

describe("EngineChain: within one answer", () => {
  const sentences = ["This is the first sentence.", "Then comes another one.", "And that was the last."];

  it("goes on with the next segment on the next engine: every sentence once, in order", async () => {
    const first = standInEngine({ name: "first" });
    const second = standInEngine({ name: "second" });
    const asked: string[] = [];
    const dying: SpeechEngine = {
      ...first,
      async *synthesize(request, options) {
        asked.push(request.text);
        if (request.text !== sentences[0]) throw failing();
        yield* first.synthesize(request, options);
      },
    };
    const rig = rigWith({ engines: [dying, second] });
    const replaced: SpeechEvents["engine.replaced"][] = [];
    rig.events.on("engine.replaced", (event) => {
      replaced.push(event);
    });
    const heard = await rig.hear(utterance(sentences.join(" ")));
    expect(heard.bytes).toEqual(tones(...sentences));
    expect(asked).toEqual(sentences.slice(0, 2)); // the third sentence does not wait for it again
    expect(second.requests.map(({ text }) => text)).toEqual(sentences.slice(1));
    expect(replaced).toEqual([{ requestId: "r", from: "first", to: "second" }]);
  });

  it("cuts the answer when it dies inside a segment that is heard: a true beginning, then an error", async () => {
    const first = standInEngine({ name: "first", failAfterBytes: 9_600, chunkMs: 5 });
    const rig = rigWith({ engines: [first, standInEngine({ name: "second" })] });
    const result = await rig.speak(utterance(sentences.join(" ")), { signal: never, requestId: "r" });
    if (!result.admitted) throw new Error("refused");
    const parts: Uint8Array[] = [];
    const all = (async () => {
      for await (const part of result.speech.audio) parts.push(part);
    })();
    await expect(all).rejects.toMatchObject({ code: "engine_failed" });
    const bytes = Buffer.concat(parts);
    expect(bytes.byteLength).toBeGreaterThan(0);
    expect(bytes.equals(Buffer.from(tones(...sentences)).subarray(0, bytes.byteLength))).toBe(true);
  });
});

describe("EngineChain: hedging", () => {
  const guards = { hedge: true };

  async function warmedUp(options: Partial<RigOptions> = {}) {
    const clock = manualClock();
    const first = standInEngine({ name: "first", clock });
    const second = standInEngine({ name: "second", clock });
    const rig = rigWith({ engines: [first, second], clock, guards, ...options });
    for (let n = 0; n < 20; n++) await rig.hear(utterance(`Warm up ${n}.`));
    return { ...rig, clock, first, second };
  }

  it("asks the next engine when the first is slower than usual; the loser is cancelled, the winner kept as its own", async () => {
    const { hear, clock, first, second, counters, cache, states } = await warmedUp();
    first.script.firstByteMs = 3_000;
    const heard = hear(utterance("Rather slow."));
    await expect.poll(() => first.active).toBe(1);
    await clock.advance(19);
    expect(second.calls).toBe(0);
    await clock.advance(1);
    expect(await heard).toMatchObject({ engine: "second" });
    await expect.poll(() => first.aborts).toHaveLength(1);
    await cache.close();
    expect(counters.stored).toBe(21);
    expect(states.of("first").stats).toMatchObject({ state: "closed", inFlight: 0 });
    first.script.firstByteMs = 0;
    expect(await hear(utterance("Rather slow."))).toMatchObject({ engine: "first", fromCache: false });
  });

  it("hears the first one after all when that is faster", async () => {
    const { hear, clock, first, second } = await warmedUp();
    Object.assign(first.script, { firstByteMs: 100 });
    Object.assign(second.script, { firstByteMs: 500 });
    const heard = hear(utterance("A bit slow."));
    await expect.poll(() => first.active).toBe(1);
    await clock.advance(20);
    expect(second.calls).toBe(1);
    await clock.advance(80);
    expect(await heard).toMatchObject({ engine: "first" });
    await expect.poll(() => second.aborts).toHaveLength(1);
  });

  it("asks nobody twice when both fail", async () => {
    const { hear, clock, first, second } = await warmedUp();
    Object.assign(first.script, { hang: true });
    second.script.failAfterBytes = 0;
    const heard = hear(utterance("Neither."));
    heard.catch(() => {});
    await expect.poll(() => first.active).toBe(1);
    await clock.advance(20);
    await clock.advance(5_000);
    await expect(heard).rejects.toMatchObject({ code: "engines_unavailable" });
    expect(second.calls).toBe(1);
  });

  it("is not done where it was not asked for", async () => {
    const { hear, clock, first, second } = await warmedUp({ guards: {} });
    first.script.firstByteMs = 1_000;
    const heard = hear(utterance("Slow."));
    await expect.poll(() => first.active).toBe(1);
    await clock.advance(1_000);
    expect(await heard).toMatchObject({ engine: "first" });
    expect(second.calls).toBe(0);
  });
});

it("EngineChain.close() ends probes that hang", async () => {
  const first = standInEngine({ name: "first", failAfterBytes: 0 });
  const guards = { breaker: { openMs: 10 } };
  const rig = speechRig({ engines: [first, standInEngine({ name: "second" })], guards });
  const say = async (text: string) => {
    const result = await rig.speak(utterance(text), { signal: never, requestId: "r" });
    if (result.admitted) await collect(result.speech.audio);
  };
  for (let n = 0; n < 3; n++) await say(`Number ${n}.`);
  Object.assign(first.script, { failAfterBytes: undefined, hang: true });
  await sleep(20);
  await say("Look.");
  expect(first.active).toBe(1);
  await rig.close();
  await expect.poll(() => first.active).toBe(0);
});
