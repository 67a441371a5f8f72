import { afterAll, describe, expect, it } from "vitest";
import { speakWith } from "../../../test/conformance/speech-engine.ts";
import { deepgramStandIn } from "../../../test/support/stand-ins/deepgram.ts";
import { type DeepgramOptions, deepgramEngine } from "./deepgram-engine.ts";

const server = await deepgramStandIn();
afterAll(() => server.close());
const engineWith = (options: Partial<DeepgramOptions> = {}) =>
  deepgramEngine({ name: "deepgram", apiKey: "k", baseUrl: server.url, ...options });
const { signal } = new AbortController();

describe("deepgramEngine()", () => {
  it("asks for what was asked for, and has a speed only where it was said that it has", async () => {
    await speakWith(engineWith(), { voice: "aura-2-viktoria-de", text: "Hallo" });
    const paced = engineWith({ nativeSpeed: true, optOut: true, sampleRateHz: 16_000 });
    const { format } = await speakWith(paced, { voice: "aura-2-thalia-en", text: "Hi & bye", speed: 1.2 });
    expect([format, paced.capabilities.speed, engineWith().capabilities.speed]).toEqual([
      { name: "pcm", sampleRateHz: 16_000 },
      { min: 0.7, max: 1.5 },
      { min: 1, max: 1 },
    ]);
    const pcm = { encoding: "linear16", container: "none" };
    expect(server.requests).toEqual([
      {
        ...{ query: { ...pcm, model: "aura-2-viktoria-de", sample_rate: "24000" }, body: { text: "Hallo" } },
        authorization: "Token k",
      },
      {
        query: { ...pcm, model: "aura-2-thalia-en", sample_rate: "16000", speed: "1.2", mip_opt_out: "true" },
        ...{ body: { text: "Hi & bye" }, authorization: "Token k" },
      },
    ]);
  });

  it("voices() reads what the tags of models say", async () => {
    expect(await engineWith().voices({ signal })).toEqual([
      {
        ...{ id: "aura-2-thalia-en", name: "Thalia", language: "en-US", engine: "deepgram" },
        ...{ gender: "female", age: "middle", accent: "american" },
      },
      {
        ...{ id: "aura-2-apollo-en", name: "Apollo", language: "en-US", engine: "deepgram" },
        ...{ gender: "male", age: "old", accent: "american" },
      },
      {
        ...{ id: "aura-2-viktoria-de", name: "Viktoria", language: "de-DE", engine: "deepgram" },
        ...{ gender: "female", age: "young", accent: "german" },
      },
    ]);
    await expect(engineWith({ apiKey: "wrong" }).voices({ signal })).rejects.toMatchObject({
      ...{ code: "engine_unauthorized", message: "deepgram answered 401 (INVALID_AUTH)" },
    });
  });
});
