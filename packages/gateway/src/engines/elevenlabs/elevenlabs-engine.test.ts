import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { describeSpeechEngine, speakWith } from "../../../test/conformance/speech-engine.ts";
import { type ElevenLabsStandIn, elevenLabsStandIn } from "../../../test/support/stand-ins/elevenlabs.ts";
import { elevenLabsEngine } from "./elevenlabs-engine.ts";

const RACHEL = "21m00Tcm4TlvDq8ikWAM";
const { signal } = new AbortController();

const servers: ElevenLabsStandIn[] = [];
describeSpeechEngine(
  "elevenlabs",
  async () => {
    const server = await elevenLabsStandIn();
    servers.push(server);
    const engine = elevenLabsEngine({ name: "eleven", apiKey: "any", baseUrl: server.url });
    return { ...engine, close: () => Promise.all(servers.splice(0).map((each) => each.close())).then(() => undefined) };
  },
  { voice: RACHEL, deterministic: true, unknownVoiceCodes: ["engine_rejected"] },
);

describe("elevenLabsEngine()", () => {
  let server: ElevenLabsStandIn;
  beforeEach(async () => {
    server = await elevenLabsStandIn();
  });
  afterEach(() => server.close());
  const engineWith = (options = {}) =>
    elevenLabsEngine({ name: "eleven", apiKey: "s3cret", baseUrl: `${server.url}/`, ...options });

  it("sends what was asked for, and no setting that was not", async () => {
    await speakWith(engineWith(), { voice: RACHEL, text: "Hi", language: "de-AT" });
    const settings = { stability: 0, similarityBoost: 0.5, style: 1, speakerBoost: false, seed: 0 };
    const model = "eleven_flash_v2_5";
    await speakWith(engineWith({ ...settings, model }), { voice: RACHEL, text: "Hi", language: "de-AT", speed: 1.1 });
    expect(server.requests.map(({ body, apiKey }) => [body, apiKey])).toEqual([
      [{ text: "Hi", model_id: "eleven_multilingual_v2" }, "s3cret"],
      [
        {
          text: "Hi",
          model_id: model,
          language_code: "de",
          seed: 0,
          voice_settings: { stability: 0, similarity_boost: 0.5, style: 1, use_speaker_boost: false, speed: 1.1 },
        },
        "s3cret",
      ],
    ]);
  });

  it("cannot be led to another path by a voice's name", async () => {
    const speaking = speakWith(engineWith(), { voice: "../../v1/user?a=b#c" });
    await expect(speaking).rejects.toMatchObject({ code: "engine_rejected" });
    expect(server.requests[0]?.voice).toBe(encodeURIComponent("../../v1/user?a=b#c"));
  });

  it("gives MP3 where the plan has no PCM", async () => {
    const engine = engineWith({ outputFormat: "mp3_44100_128" });
    const spoken = await speakWith(engine, { voice: RACHEL });
    expect(spoken.format).toEqual({ name: "mp3", sampleRateHz: 44_100, bitrateBps: 128_000 });
    expect(spoken.durationMs).toBeGreaterThan(4000);
    expect(spoken.words?.length).toBe(14);
  });

  it("gives the same word times whether the server's run on or begin anew with each line", async () => {
    const text = "Don't stop at 3.5, señor 😀 ok.";
    const running = await speakWith(engineWith(), { voice: RACHEL, text });
    server.relativeTimes = true;
    const relative = await speakWith(engineWith(), { voice: RACHEL, text });
    expect(running.words?.map((word) => word.text)).toEqual(["Don't", "stop", "at", "3.5", "señor", "ok"]);
    expect(relative.words).toEqual(running.words);
    expect(running.words?.[1]).toEqual({ text: "stop", startMs: 360, endMs: 600 });
  });

  it.each([
    [401, undefined, undefined, "engine_unauthorized", undefined, "eleven answered 401 (invalid_api_key)"],
    [
      422,
      undefined,
      [{ loc: ["body"], msg: "my secret text", type: "missing" }],
      "engine_rejected",
      undefined,
      "eleven answered 422 (missing)",
    ],
    [429, undefined, undefined, "engine_failed", 500, "eleven answered 429 (too_many_concurrent_requests)"],
    [429, undefined, { status: "system_busy" }, "engine_failed", 3000, "eleven answered 429 (system_busy)"],
    [429, 7, { status: "system_busy" }, "engine_failed", 7000, "eleven answered 429 (system_busy)"],
    [500, undefined, "a sentence with spaces", "engine_failed", undefined, "eleven answered 500"],
    [400, undefined, { status: "not a token; drop" }, "engine_rejected", undefined, "eleven answered 400"],
  ])(
    "takes status %i, Retry-After %s, detail %j for %s",
    async (status, retryAfterS, detail, code, retryAfterMs, message) => {
      server.detail = detail;
      await server.fault({ kind: "status", status, ...(retryAfterS !== undefined && { retryAfterS }) });
      const error = await speakWith(engineWith(), { voice: RACHEL }).catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ code, message });
      expect((error as { details: unknown }).details).toEqual({
        engine: "eleven",
        ...(retryAfterMs && { retryAfterMs }),
      });
    },
  );

  it("voices() reads all pages, or the older route, and what is known of each", async () => {
    const voices = await engineWith().voices({ signal });
    expect(voices.map(({ name, language, gender }) => [name, language, gender])).toEqual([
      ["Rachel", "en", "female"],
      ["George", "en", "male"],
      ["Adam", "en", "male"],
      ["Matilda", "de-DE", "female"],
      ["Dorothy", "en", undefined],
    ]);
    server.hasV2 = false;
    expect(await engineWith().voices({ signal })).toEqual(voices);
    await server.fault({ kind: "refuse" });
    await expect(engineWith().voices({ signal })).rejects.toMatchObject({ code: "engine_failed" });
  });

  it("has another version for everything configured that is heard", () => {
    const all = [{}, { model: "m" }, { stability: 0 }, { similarityBoost: 0 }, { style: 0 }, { speakerBoost: true }];
    const versions = [...all, { seed: 0 }, { version: "2" }].map((options) => engineWith(options).version);
    expect(new Set(versions).size).toBe(versions.length);
  });
});
