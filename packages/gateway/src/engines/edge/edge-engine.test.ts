import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { describeSpeechEngine, requestOf, speakWith } from "../../../test/conformance/speech-engine.ts";
import { levelAt } from "../../../test/support/audio-decode.ts";
import { type EdgeStandIn, edgeStandIn, MS_PER_CHAR } from "../../../test/support/stand-ins/edge.ts";
import { systemClock } from "../../core/clock.ts";
import { createEdgeEngine, type EdgeEngineOptions } from "./edge-engine.ts";

const VOICE = "en-US-EmmaMultilingualNeural";
const { signal } = new AbortController();

const servers: EdgeStandIn[] = [];
describeSpeechEngine(
  "edge",
  async () => {
    const server = await edgeStandIn();
    servers.push(server);
    const engine = createEdgeEngine({ name: "edge", baseUrl: server.url, clock: systemClock });
    const close = async (): Promise<void> => {
      await engine.close();
      await Promise.all(servers.splice(0).map((each) => each.close()));
    };
    return new Proxy(engine, {
      get: (target, key) => {
        if (key === "close") return close;
        const value: unknown = Reflect.get(target, key);
        return typeof value === "function" ? value.bind(target) : value;
      },
    });
  },
  {
    voice: VOICE,
    deterministic: true,
    cannotSay: ["", " \n ", "\u0000\u0007"],
    unknownVoiceCodes: ["voice_not_found", "engine_rejected"],
    msPerChar: [15, 25],
  },
);

describe("createEdgeEngine()", () => {
  let server: EdgeStandIn;
  beforeEach(async () => {
    server = await edgeStandIn();
  });
  afterEach(() => server.close());
  const engineWith = (options: Partial<EdgeEngineOptions> = {}) =>
    createEdgeEngine({ name: "edge", baseUrl: `${server.url}/`, clock: systemClock, ...options });
  const shifted = (ms: number) => ({ ...systemClock, now: () => systemClock.now() + ms });

  it("asks in the form that the service knows, with a new muid each time", async () => {
    const engine = engineWith();
    await speakWith(engine, { voice: VOICE, text: "Hi <b>R&D</b>", speed: 1.5, pitch: 1.2 });
    await speakWith(engineWith({ outputFormat: "audio-24khz-96kbitrate-mono-mp3" }), {
      voice: "de-DE-KatjaNeural",
      text: "Hallo",
    });
    expect(server.asked).toMatchObject([
      { voice: VOICE, text: "Hi <b>R&D</b>", speed: 1.5, pitch: 1.2, outputFormat: "audio-24khz-48kbitrate-mono-mp3" },
      {
        voice: "de-DE-KatjaNeural",
        text: "Hallo",
        speed: 1,
        pitch: 1,
        outputFormat: "audio-24khz-96kbitrate-mono-mp3",
      },
    ]);
    expect(new Set(server.cookies).size).toBe(2);
    expect(server.refused).toEqual([]);
  });

  it("gives the MP3 that outputFormat() says", async () => {
    const engine = engineWith({ outputFormat: "audio-24khz-96kbitrate-mono-mp3" });
    const { format, audio, durationMs } = await speakWith(engine, { voice: VOICE });
    expect(format).toEqual({ name: "mp3", sampleRateHz: 24_000, bitrateBps: 96_000 });
    expect((audio.byteLength * 8) / durationMs).toBeCloseTo(96, 0);
  });

  it("corrects its clock after a 403, once, and remembers: for speech and for the list", async () => {
    for (const ask of ["speech", "list"] as const) {
      const engine = engineWith({ clock: shifted(-3_600_000) });
      const refusedBefore = server.refused.length;
      const say = () =>
        ask === "speech" ? speakWith(engine, { voice: VOICE, text: "Hi" }) : engine.voices({ signal });
      await say();
      expect(server.refused.slice(refusedBefore)).toEqual(["Sec-MS-GEC"]);
      await say();
      await engine.voices({ signal });
      expect(server.refused.length).toBe(refusedBefore + 1);
    }
  });

  it("gives up after two refusals, and says what to do", async () => {
    await server.fault({ kind: "status", status: 403 });
    const message = expect.stringContaining("chromiumVersion");
    await expect(speakWith(engineWith(), { voice: VOICE })).rejects.toMatchObject({ code: "engine_failed", message });
    expect(server.refused).toHaveLength(2);
    await expect(engineWith().voices({ signal })).rejects.toMatchObject({ code: "engine_failed", message });
    expect(server.refused).toHaveLength(4);
  });

  it("speaks two at once, each its own text", async () => {
    const engine = engineWith();
    const say = (text: string, voice: string) => speakWith(engine, { text, voice });
    const [one, two] = await Promise.all([
      say("aaaaaaaaaaaaaaaaaaaa", VOICE),
      say("PPPPPPPPPPPPPPPP", "en-GB-RyanNeural"),
    ]);
    expect(levelAt(one.samples, 206)).toBeGreaterThan(0.2); // of "a", code 97 % 96
    expect(levelAt(two.samples, 680 * 0.75)).toBeGreaterThan(0.2);
    expect(two.words?.map(({ text }) => text)).toEqual(["PPPPPPPPPPPPPPPP"]);
  });

  it.each([
    "]]></prosody></voice><voice name='x'>boo",
    "<speak><break time='9s'/>&lt;&#0;&xxe;",
    "lone \ud800 and \udc00 surrogates",
    "null \u0000 bell \u0007 page \u000c \uffff",
    "X-Path:turn.end\r\n\r\n{}",
    "'\"`${1+1}%00",
  ])("says %j as text", async (text) => {
    const { durationMs } = await speakWith(engineWith(), { voice: VOICE, text });
    expect(durationMs).toBeGreaterThan(100);
    expect(server.asked[0]?.text).toBe(
      text
        .toWellFormed()
        .replace(/(?!\s)\p{Cc}|\f|\uffff/gu, " ")
        .trim(),
    );
  });

  it("says a long text in parts, each word where it is heard", async () => {
    const text = Array.from({ length: 1_450 }, (_, n) => `w${n}&`)
      .join(" ")
      .slice(0, 10_000);
    const { durationMs, words } = await speakWith(engineWith(), { voice: VOICE, text, speed: 2 });
    expect(server.asked.length).toBeGreaterThan(2);
    expect(server.asked.map((ask) => ask.text).join(" ")).toBe(text);
    expect(durationMs).toBeGreaterThan((text.length * MS_PER_CHAR) / 2);
    expect(words?.map((word) => word.text)).toEqual(text.match(/w\d+&?/g));
    for (const [at, { startMs }] of words!.entries())
      expect(startMs).toBeGreaterThanOrEqual(words![at - 1]?.endMs ?? 0);
    // Every part begins where the audio of the others ends: MP3 frames are 24 ms, the encoder's run-in 46.
    expect(Math.abs(words!.at(-1)!.endMs - durationMs)).toBeLessThan(100);
  });

  it("streams: audio comes before the service has sent all, and a slow reader is not buffered for", async () => {
    await server.fault({ kind: "endless" });
    const started = process.memoryUsage().arrayBuffers;
    let chunks = 0;
    for await (const { audio } of engineWith().synthesize(requestOf({ voice: VOICE }), { signal })) {
      if (!audio) continue;
      await new Promise((resolve) => setTimeout(resolve, 2));
      if (++chunks === 100) break;
    }
    expect(process.memoryUsage().arrayBuffers - started).toBeLessThan(32 << 20);
    await expect.poll(() => server.cancelled).toBe(1);
  });

  it("hangs up at once when its caller leaves: in the handshake, while waiting, in the middle", async () => {
    await server.fault({ kind: "hang-after", bytes: 1440 });
    const gate = new AbortController();
    const reason = new Error("barge-in");
    const speaking = engineWith()
      .synthesize(requestOf({ voice: VOICE }), { signal: gate.signal })
      [Symbol.asyncIterator]();
    await speaking.next();
    gate.abort(reason);
    await expect(Array.fromAsync({ [Symbol.asyncIterator]: () => speaking })).rejects.toBe(reason);
    await expect.poll(() => server.cancelled).toBe(1);

    await server.fault({ kind: "hang" });
    for (const waitForCall of [false, true]) {
      const calls = server.calls;
      const own = new AbortController();
      const asking = speakWith(engineWith(), { voice: VOICE }, own.signal);
      asking.catch(() => {});
      if (waitForCall) await expect.poll(() => server.calls).toBe(calls + 1);
      own.abort(reason);
      await expect(asking).rejects.toBe(reason);
    }
    await expect.poll(() => server.cancelled).toBe(2);
  });

  it("close() ends what is running with an error, and what comes later", async () => {
    await server.fault({ kind: "hang" });
    const engine = engineWith();
    const asking = speakWith(engine, { voice: VOICE });
    asking.catch(() => {});
    await expect.poll(() => server.calls).toBe(1);
    await engine.close();
    await expect(asking).rejects.toMatchObject({ code: "shutting_down" });
    await expect(speakWith(engine, { voice: VOICE })).rejects.toMatchObject({ code: "shutting_down" });
  });

  it("voices() lists them as people would", async () => {
    const voices = await engineWith().voices({ signal });
    expect(voices).toMatchObject([
      { id: VOICE, name: "Emma Multilingual", language: "en-US", gender: "female", engine: "edge" },
      { id: "en-GB-RyanNeural", name: "Ryan", language: "en-GB", gender: "male" },
      { id: "de-DE-KatjaNeural", name: "Katja", language: "de-DE" },
      { id: "zh-CN-liaoning-XiaobeiNeural", name: "Xiaobei", language: "zh-CN-liaoning" },
    ]);
  });

  it.each([
    ["no JSON", "<html>"],
    ["no list", "{}"],
    ["nothing in it", '[{"ShortName":7}]'],
    ["more than any list", " ".repeat((8 << 20) + 1)],
  ])("voices() does not take %s for a list", async (_, body) => {
    const engine = engineWith({ fetch: async () => new Response(body) });
    await expect(engine.voices({ signal })).rejects.toMatchObject({ code: "engine_failed" });
  });
});
