import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { speakWith } from "../../../test/conformance/speech-engine.ts";
import { type PollyStandIn, pollyStandIn } from "../../../test/support/stand-ins/polly.ts";
import { systemClock } from "../../core/clock.ts";
import { createPollyEngine, type PollyOptions } from "./polly-engine.ts";
import { signedHeaders } from "./sign-request.ts";

const keys = { accessKeyId: "AKIDEXAMPLE", secretAccessKey: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY" };
const { signal } = new AbortController();

describe("signedHeaders()", () => {
  const base = { region: "us-east-1", service: "service", body: "", headers: {}, nowMs: Date.UTC(2015, 7, 30, 12, 36) };
  it.each([
    ["/", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"],
    ["/?Param2=value2&Param1=value1", "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"],
  ])("signs GET %s as AWS's own test suite has it", (path, signature) => {
    const url = new URL(path, "https://example.amazonaws.com");
    const { authorization } = signedHeaders({ ...base, method: "GET", url }, keys);
    expect(authorization).toBe(
      `AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, SignedHeaders=host;x-amz-date, Signature=${signature}`,
    );
  });
});

describe("createPollyEngine()", () => {
  let server: PollyStandIn;
  beforeEach(async () => {
    server = await pollyStandIn(keys);
  });
  afterEach(() => server.close());
  const engineWith = (options: Partial<PollyOptions> = {}) =>
    createPollyEngine({
      ...{ name: "polly", clock: systemClock, region: "eu-west-1", credentials: keys, baseUrl: server.url, ...options },
    });

  it("asks for plain text, and for SSML only where the speed needs it", async () => {
    const engine = await engineWith();
    const { format, durationMs } = await speakWith(engine, { voice: "Joanna", text: "Salt & <b>pepper</b>." });
    expect(format).toEqual({ name: "mp3", sampleRateHz: 24_000, bitrateBps: 48_000 });
    await speakWith(engine, { voice: "Kajal", text: "Salt & pepper.", speed: 1.25, language: "hi-IN" });
    expect(durationMs).toBeGreaterThan(1200);
    const output = { Engine: "neural", OutputFormat: "mp3", SampleRate: "24000" };
    expect(server.bodies).toEqual([
      { ...output, VoiceId: "Joanna", Text: "Salt & <b>pepper</b>." },
      {
        ...{ ...output, VoiceId: "Kajal", LanguageCode: "hi-IN", TextType: "ssml" },
        Text: '<speak><prosody rate="125%">Salt &amp; pepper.</prosody></speak>',
      },
    ]);
  });

  it("tells a language by the voice's own codes, and none that it has not", async () => {
    const engine = await engineWith();
    await engine.voices({ signal });
    for (const [voice, language] of [
      ["Kajal", "hi"],
      ["Kajal", "EN-in"],
      ["Joanna", "en"],
      ["Joanna", "de-DE"],
    ] as const)
      await speakWith(engine, { voice, language, text: "Hi." });
    expect(server.bodies.map(({ LanguageCode }) => LanguageCode)).toEqual(["hi-IN", "en-IN", "en-US", undefined]);
  });

  it("says phonemes in SSML, but not with generative voices", async () => {
    const engine = await engineWith();
    const phonemes = [{ from: 0, to: 5, alphabet: "x-sampa", phonemes: 'pI"kA:n' }];
    const ask = { voice: "Joanna", text: "Pecan & pie.", phonemes };
    await speakWith(engine, ask);
    await speakWith(engine, { ...ask, speed: 0.8 });
    const said = '<phoneme alphabet="x-sampa" ph="pI&quot;kA:n">Pecan</phoneme> &amp; pie.';
    expect(server.bodies.map(({ Text, TextType }) => [Text, TextType])).toEqual([
      [`<speak>${said}</speak>`, "ssml"],
      [`<speak><prosody rate="80%">${said}</prosody></speak>`, "ssml"],
    ]);
    const unknown = [{ from: 0, to: 5, alphabet: "ipa", phonemes: "?" }];
    await expect(speakWith(engine, { ...ask, phonemes: unknown })).rejects.toMatchObject({ code: "engine_rejected" });
    expect((await engineWith({ model: "generative" })).capabilities.phonemes).toBeUndefined();
  });

  it("gives the words of MP3 too, the last one as long as the audio", async () => {
    const spoken = await speakWith(await engineWith({ words: true }), { voice: "Joanna", text: "R&D never stops." });
    expect(spoken.words?.slice(0, 2)).toEqual([
      { text: "R&D", startMs: 0, endMs: 240 },
      { text: "never", startMs: 240, endMs: 600 },
    ]);
    expect(Math.abs(spoken.words!.at(-1)!.endMs - spoken.durationMs)).toBeLessThan(60);
  });

  it("takes Polly's 400 for too many requests as what it is", async () => {
    server.throttles = true;
    await expect(speakWith(await engineWith(), { voice: "Joanna" })).rejects.toMatchObject({
      ...{ code: "engine_failed", message: "polly answered 400 (ThrottlingException)" },
      details: { retryAfterMs: 1000 },
    });
  });

  it("voices() reads all pages of the model's voices", async () => {
    const engine = await engineWith();
    expect(await engine.voices({ signal })).toEqual([
      { id: "Joanna", name: "Joanna", language: "en-US", gender: "female", engine: "polly" },
      { id: "Brian", name: "Brian", language: "en-GB", gender: "male", engine: "polly" },
      { id: "Kajal", name: "Kajal", language: "en-IN", languages: ["hi-IN"], gender: "female", engine: "polly" },
    ]);
    const { voices } = await engineWith({ model: "generative" });
    expect((await voices({ signal })).map(({ id }) => id)).toEqual(["Kajal"]);
    const wrong = await engineWith({ credentials: { ...keys, secretAccessKey: "another secret" } });
    const error = await wrong.voices({ signal }).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({
      code: "engine_unauthorized",
      message: "polly answered 403 (InvalidSignatureException)",
    });
  });

  it("finds credentials as AWS's own tools do, when told to", async () => {
    vi.stubEnv("AWS_ACCESS_KEY_ID", keys.accessKeyId);
    vi.stubEnv("AWS_SECRET_ACCESS_KEY", keys.secretAccessKey);
    const { credentials: _, ...options } = {
      name: "polly",
      clock: systemClock,
      region: "eu-west-1",
      credentials: keys,
      baseUrl: server.url,
    };
    const engine = await createPollyEngine(options);
    vi.unstubAllEnvs();
    vi.stubEnv("AWS_ACCESS_KEY_ID", keys.accessKeyId);
    vi.stubEnv("AWS_SECRET_ACCESS_KEY", keys.secretAccessKey);
    expect((await speakWith(engine, { voice: "Joanna", text: "Found." })).durationMs).toBeGreaterThan(300);
    vi.unstubAllEnvs();
  });
});
