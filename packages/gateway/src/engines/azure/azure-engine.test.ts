import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { speakWith } from "../../../test/conformance/speech-engine.ts";
import { manualClock } from "../../../test/support/manual-clock.ts";
import { type AzureStandIn, azureStandIn } from "../../../test/support/stand-ins/azure.ts";
import { systemClock } from "../../core/clock.ts";
import { type AzureOptions, azureEngine } from "./azure-engine.ts";

const AVA = "en-US-AvaMultilingualNeural";
const { signal } = new AbortController();

describe("azureEngine()", () => {
  let server: AzureStandIn;
  const engines: { close(): Promise<void> }[] = [];
  beforeEach(async () => {
    server = await azureStandIn();
  });
  afterEach(async () => {
    await Promise.all(engines.splice(0).map((engine) => engine.close()));
    await server.close();
  });
  const engineWith = (options: Partial<AzureOptions> = {}) => {
    const engine = azureEngine({
      name: "azure",
      apiKey: "k",
      baseUrl: `${server.url}/tts/`,
      clock: systemClock,
      ...options,
    });
    engines.push(engine);
    return engine;
  };

  it("says text as text, and asks for speed and pitch only where they are not the voice's own", async () => {
    const engine = engineWith({ deployment: "a&b" });
    await speakWith(engine, { voice: AVA, text: "R&D <b>'now'</b>" });
    await speakWith(engine, { voice: "en-US-Ava:DragonHDLatestNeural", text: "Hi", speed: 0.8, pitch: 1.2 });
    expect(server.asked.map(({ ssml }) => ssml.replace(/^<speak[^>]*>|<\/speak>$/g, ""))).toEqual([
      `<voice name='${AVA}'>R&amp;D &lt;b&gt;'now'&lt;/b&gt;</voice>`,
      "<voice name='en-US-Ava:DragonHDLatestNeural'><prosody rate='-20%' pitch='+20%'>Hi</prosody></voice>",
    ]);
    expect(server.queries).toEqual(["?deploymentId=a%26b"]); // one connection
    expect(server.asked[0]?.connectionId).toMatch(/^[0-9a-f]{32}$/);
    expect(server.asked[0]?.requestId).not.toBe(server.asked[1]?.requestId);
  });

  it("tells voices of many languages which one, and styles to those that have them", async () => {
    const engine = engineWith();
    await engine.voices({ signal });
    await speakWith(engine, { voice: AVA, text: "Hallo", language: "de" });
    await speakWith(engine, { voice: AVA, text: "Hi", language: "en-GB" });
    await speakWith(engine, { voice: "de-DE-KatjaNeural", text: "Hallo", language: "de" });
    await speakWith(engine, { voice: "en-US-GuyNeural", text: "Hi", style: "Cheerful", speed: 1.1 });
    expect(server.asked.map(({ ssml }) => /<voice [^>]*>(.*)<\/voice>/.exec(ssml)?.[1])).toEqual([
      "<lang xml:lang='de-DE'>Hallo</lang>",
      "Hi",
      "Hallo",
      "<mstts:express-as style='cheerful'><prosody rate='+10%'>Hi</prosody></mstts:express-as>",
    ]);
    for (const [voice, style] of [
      [AVA, "cheerful"],
      ["en-US-GuyNeural", "x'/><break"],
    ] as const)
      await expect(speakWith(engine, { voice, style })).rejects.toMatchObject({ code: "setting_unsupported" });
    expect(server.calls).toBe(4);
  });

  it("says phonemes in a phoneme element, and names the voices that take none", async () => {
    const engine = engineWith();
    const text = "Say R&D, tomato.";
    const phonemes = [
      { from: 4, to: 7, alphabet: "x-sampa", phonemes: "'A:\"<&>" },
      { from: 9, to: 15, alphabet: "ipa", phonemes: "təˈmɑːtəʊ" },
    ];
    const { words } = await speakWith(engine, { voice: "en-US-GuyNeural", text, phonemes, speed: 1.5 });
    expect(/<voice [^>]*>(.*)<\/voice>/.exec(server.asked[0]!.ssml)?.[1]).toBe(
      `<prosody rate='+50%'>Say <phoneme alphabet="x-sampa" ph="'A:&quot;&lt;&amp;&gt;">R&amp;D</phoneme>, <phoneme alphabet="ipa" ph="təˈmɑːtəʊ">tomato</phoneme>.</prosody>`,
    );
    expect(words?.map((word) => word.text)).toEqual(["Say", "R&D", "tomato"]);
    const { exceptVoices } = engine.capabilities.phonemes!;
    expect([AVA, "en-US-Ava:DragonHDLatestNeural"].map((voice) => exceptVoices?.test(voice))).toEqual([false, true]);
    const unknown = [{ from: 0, to: 3, alphabet: "ipa", phonemes: "?" }];
    await expect(speakWith(engine, { voice: AVA, text, phonemes: unknown })).rejects.toMatchObject({
      code: "engine_rejected",
    });
  });

  it("goes on with a new connection when the service has left the kept one, also between our frames and its answer", async () => {
    const engine = engineWith();
    const first = await speakWith(engine, { voice: AVA });
    await server.hangUp();
    const second = await speakWith(engine, { voice: AVA });
    expect(Buffer.compare(first.audio, second.audio)).toBe(0);
    expect(server.queries.length).toBe(2);
    await server.fault({ kind: "cut-after", bytes: 0 });
    await expect(speakWith(engine, { voice: AVA })).rejects.toMatchObject({ code: "engine_failed" });
    expect(server.calls).toBeLessThanOrEqual(4); // not over and over
  });

  it("closes connections that rest too long", async () => {
    const clock = manualClock();
    await speakWith(engineWith({ clock }), { voice: AVA, text: "Hi." });
    await clock.advance(60_000);
    await speakWith(engineWith({ clock }), { voice: AVA, text: "Hi." });
    expect(server.queries.length).toBe(2);
  });

  it("gives MP3 with its word times", async () => {
    const { format, words, durationMs } = await speakWith(
      engineWith({ outputFormat: "audio-24khz-96kbitrate-mono-mp3" }),
      { voice: AVA },
    );
    expect(format).toEqual({ name: "mp3", sampleRateHz: 24_000, bitrateBps: 96_000 });
    expect(durationMs).toBeGreaterThan(4000);
    expect(words?.length).toBe(14);
  });

  it("voices() tells further languages and styles", async () => {
    const voices = await engineWith().voices({ signal });
    expect(voices.slice(0, 2)).toEqual([
      {
        id: AVA,
        name: "Ava Multilingual",
        language: "en-US",
        languages: ["de-DE", "fr-FR"],
        gender: "female",
        engine: "azure",
      },
      {
        id: "en-US-GuyNeural",
        name: "Guy",
        language: "en-US",
        styles: ["newscast", "cheerful"],
        gender: "male",
        engine: "azure",
      },
    ]);
    await expect(engineWith({ apiKey: "wrong" }).voices({ signal })).rejects.toMatchObject({
      code: "engine_unauthorized",
    });
    await expect(speakWith(engineWith({ apiKey: "wrong" }), { voice: AVA })).rejects.toMatchObject({
      code: "engine_unauthorized",
      message: "azure answered 401",
    });
  });

  it("refuses a voice that could be markup, without asking", async () => {
    const voice = "en-US-x'/><voice name='y";
    await expect(speakWith(engineWith(), { voice })).rejects.toMatchObject({ code: "voice_not_found" });
    expect(server.calls).toBe(0);
  });
});
