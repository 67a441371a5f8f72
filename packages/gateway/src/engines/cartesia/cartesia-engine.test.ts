import { afterAll, describe, expect, it } from "vitest";
import { speakWith } from "../../../test/conformance/speech-engine.ts";
import { cartesiaStandIn } from "../../../test/support/stand-ins/cartesia.ts";
import { type CartesiaOptions, cartesiaEngine } from "./cartesia-engine.ts";

const server = await cartesiaStandIn();
afterAll(() => server.close());
const engineWith = (options: Partial<CartesiaOptions> = {}) =>
  cartesiaEngine({ name: "cartesia", apiKey: "k", baseUrl: server.url, ...options });
const TESSA = "6ccbfb76-1fc6-48f7-b71d-91ac6298247b";
const { signal } = new AbortController();

describe("cartesiaEngine()", () => {
  it("asks for what was asked for; without words for bytes as they are", async () => {
    const style = { speed: 1.25, volume: 0.5, style: "calm", language: "de-AT" };
    const timed = await speakWith(engineWith(), { voice: TESSA, text: "Oh, yes (3.5)!", ...style });
    const plain = engineWith({ words: false, sampleRateHz: 16_000, model: "sonic-2" });
    const bare = await speakWith(plain, { voice: TESSA, text: "Oh, yes (3.5)!" });
    expect(timed.words).toEqual([
      { text: "Oh", startMs: 0, endMs: 144 },
      { text: "yes", startMs: 192, endMs: 336 },
      { text: "3.5", startMs: 384, endMs: 672 },
    ]);
    expect([bare.words, bare.format]).toEqual([undefined, { name: "pcm", sampleRateHz: 16_000 }]);
    const output = { container: "raw", encoding: "pcm_s16le" };
    const said = { transcript: "Oh, yes (3.5)!", voice: { id: TESSA } };
    expect(server.requests.map(({ path, body }) => [path, body])).toEqual([
      [
        "/tts/sse",
        {
          ...{ ...said, model_id: "sonic-3.5", language: "de", add_timestamps: true },
          generation_config: { speed: 1.25, volume: 0.5, emotion: "calm" },
          output_format: { ...output, sample_rate: 24_000 },
        },
      ],
      ["/tts/bytes", { ...said, model_id: "sonic-2", output_format: { ...output, sample_rate: 16_000 } }],
    ]);
    expect(plain.capabilities).toMatchObject({ speed: { min: 1, max: 1 }, style: false, words: false });
  });

  it("passes an error within the stream on by Cartesia's own word for it", async () => {
    server.failsWith = "internal_error";
    const speaking = speakWith(engineWith(), { voice: TESSA });
    await expect(speaking).rejects.toMatchObject({
      code: "engine_failed",
      message: "cartesia broke off (internal_error)",
    });
    server.failsWith = undefined;
  });

  it("voices() reads all pages", async () => {
    expect(await engineWith().voices({ signal })).toEqual([
      {
        ...{ id: "a0e99841-438c-4a64-b679-ae501e7d6091", name: "Barbershop Man", engine: "cartesia" },
        ...{ language: "en-US", languages: ["de-DE"], gender: "male" },
      },
      { id: TESSA, name: "Tessa", language: "en-GB", gender: "female", engine: "cartesia" },
      {
        ...{ id: "b9de4a89-2257-424b-94c2-db18ba68c81a", name: "Viktoria", engine: "cartesia" },
        ...{ language: "de", gender: "neutral" },
      },
    ]);
    await expect(engineWith({ apiKey: "wrong" }).voices({ signal })).rejects.toMatchObject({
      ...{ code: "engine_unauthorized", message: "cartesia answered 401 (unauthorized)" },
    });
  });
});
