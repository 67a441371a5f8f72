import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { describeSpeechEngine, requestOf, speakWith } from "../../test/conformance/speech-engine.ts";
import { type OpenAiStandIn, openAiStandIn } from "../../test/support/openai-stand-in.ts";
import { openAiCompatibleEngine } from "./openai-compatible.ts";

const servers: OpenAiStandIn[] = [];
describeSpeechEngine(
  "openai-compatible",
  async () => {
    const server = await openAiStandIn();
    servers.push(server);
    const engine = openAiCompatibleEngine({ name: "upstream", baseUrl: server.baseUrl });
    return { ...engine, close: () => Promise.all(servers.splice(0).map((each) => each.close())).then(() => undefined) };
  },
  { voice: "alloy", deterministic: true, unknownVoiceCodes: ["engine_rejected"] },
);

describe("openAiCompatibleEngine()", () => {
  let server: OpenAiStandIn;
  beforeEach(async () => {
    server = await openAiStandIn();
  });
  afterEach(() => server.close());
  const engineWith = (options = {}) =>
    openAiCompatibleEngine({ name: "up", baseUrl: `${server.baseUrl}/`, ...options });

  it("sends OpenAI's fields, and nothing that was not asked for", async () => {
    await speakWith(engineWith({ apiKey: "s3cret" }), {
      voice: "alloy",
      text: "Hi",
      speed: 1.5,
      instructions: "softly",
      model: "m",
    });
    await speakWith(engineWith({ model: "own" }), { voice: "nova", text: "Hi" });
    expect(server.requests.map(({ body, authorization }) => [body, authorization])).toEqual([
      [
        { model: "m", input: "Hi", voice: "alloy", response_format: "wav", speed: 1.5, instructions: "softly" },
        "Bearer s3cret",
      ],
      [{ model: "own", input: "Hi", voice: "nova", response_format: "wav", speed: 1 }, undefined],
    ]);
  });

  it("outputFormat() is what the caller wants if the server can, else what it has", () => {
    const mp3 = requestOf({ voice: "a", wanted: { name: "mp3", sampleRateHz: 24_000, bitrateBps: 48_000 } });
    const pcm8 = requestOf({ voice: "a", wanted: { name: "pcm", sampleRateHz: 8000 } });
    expect(engineWith().outputFormat(mp3)).toEqual(mp3.wanted);
    expect(engineWith().outputFormat(pcm8)).toEqual({ name: "wav", sampleRateHz: 24_000 });
    expect(engineWith({ formats: ["mp3"] }).outputFormat(pcm8).name).toBe("mp3");
    expect(engineWith({ nativeFormat: "wav", sampleRateHz: 22_050 }).outputFormat(mp3)).toEqual({
      name: "wav",
      sampleRateHz: 22_050,
    });
  });

  it.each([
    [400, "engine_rejected"],
    [401, "engine_unauthorized"],
    [408, "engine_failed"],
    [429, "engine_failed"],
    [500, "engine_failed"],
    [503, "engine_failed"],
  ])("takes status %i for %s", async (status, code) => {
    Object.assign(server.faults, { status, headers: { "retry-after": "7" } });
    const error = await speakWith(engineWith(), { voice: "alloy" }).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code, details: { engine: "up", retryAfterMs: 7000 } });
  });

  it("takes a broken connection, an empty answer and words instead of audio for failures", async () => {
    server.faults.cutAfterBytes = 4800;
    await expect(speakWith(engineWith(), { voice: "alloy" })).rejects.toMatchObject({ code: "engine_failed" });
    server.faults.answer = { type: "audio/mpeg", body: "" };
    await expect(speakWith(engineWith(), { voice: "alloy" })).rejects.toMatchObject({ code: "engine_no_audio" });
    server.faults.answer = { type: "application/json", body: '{"error":"later"}' };
    await expect(speakWith(engineWith(), { voice: "alloy" })).rejects.toMatchObject({ code: "engine_failed" });
    const nobody = openAiCompatibleEngine({ name: "nobody", baseUrl: "http://127.0.0.1:1/v1" });
    await expect(speakWith(nobody, { voice: "alloy" })).rejects.toMatchObject({ code: "engine_failed" });
  });

  it("ends the request at the server when its caller leaves, before and in the middle of the audio", async () => {
    server.faults.hang = true;
    const gate = new AbortController();
    const reason = new Error("barge-in");
    const waiting = speakWith(engineWith(), { voice: "alloy" }, gate.signal);
    while (server.requests.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    gate.abort(reason);
    await expect(waiting).rejects.toBe(reason);
    expect(await server.requests[0]!.completed).toBe(false);

    Object.assign(server.faults, { hang: false, chunkMs: 30 });
    for await (const { audio } of engineWith().synthesize(requestOf({ voice: "alloy" }), {
      signal: new AbortController().signal,
    }))
      if (audio) break;
    expect(await server.requests[1]!.completed).toBe(false);
  });

  it("streams: the first chunk comes before the server has made the last", async () => {
    server.faults.chunkMs = 20;
    const engine = engineWith();
    let chunks = 0;
    for await (const { audio } of engine.synthesize(requestOf({ voice: "alloy" }), {
      signal: new AbortController().signal,
    }))
      if (audio) chunks++;
    expect(chunks).toBeGreaterThan(3);
  });

  it.each([
    [{ voices: ["a", "b"] }, ["a", "b"]],
    [{ voices: [{ id: "a", name: "Anna", language: "de-DE", gender: "Female" }] }, ["a"]],
    [["a"], ["a"]],
    [{ data: [{ voice_id: "a" }, { nonsense: 1 }] }, ["a"]],
    [undefined, ["configured"]],
    [{ detail: "none" }, ["configured"]],
  ])("voices() understands %j", async (answer, ids) => {
    server.voices = answer;
    const voices = await engineWith({ voices: ["configured"] }).voices({ signal: new AbortController().signal });
    expect(voices.map(({ id }) => id)).toEqual(ids);
    if (ids[0] === "a" && voices[0]!.name === "Anna")
      expect(voices[0]).toMatchObject({ language: "de-DE", gender: "female" });
  });

  it("voices() says so when nobody knows them", async () => {
    server.voices = undefined;
    const asking = engineWith().voices({ signal: new AbortController().signal });
    await expect(asking).rejects.toMatchObject({ code: "engine_failed" });
  });
});
