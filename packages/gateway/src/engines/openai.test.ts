import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { describeSpeechEngine, requestOf, speakWith } from "../../test/conformance/speech-engine.ts";
import { type OpenAiStandIn, openAiStandIn } from "../../test/support/openai-stand-in.ts";
import { systemClock } from "../core/clock.ts";
import { VoiceCatalogue } from "../speech/voice-catalogue.ts";
import { openAiEngine } from "./openai.ts";

const { signal } = new AbortController();
const servers: OpenAiStandIn[] = [];
describeSpeechEngine(
  "openai",
  async () => {
    const server = await openAiStandIn();
    servers.push(server);
    const engine = openAiEngine({ name: "openai", apiKey: "k", model: "gpt-4o-mini-tts", baseUrl: server.url });
    return { ...engine, close: () => Promise.all(servers.splice(0).map((each) => each.close())).then(() => undefined) };
  },
  { voice: "marin", deterministic: true, unknownVoiceCodes: ["engine_rejected"] },
);

describe("openAiEngine()", () => {
  let server: OpenAiStandIn;
  beforeEach(async () => {
    server = await openAiStandIn();
  });
  afterEach(() => server.close());
  const engineWith = (options = {}) =>
    openAiEngine({ name: "openai", apiKey: "k3y", model: "gpt-4o-mini-tts", baseUrl: server.url, ...options });

  it("asks OpenAI itself unless told otherwise", async () => {
    const asked: string[] = [];
    const fetch = (async (url: string) => {
      asked.push(url);
      return new Response("{}", { status: 400 });
    }) as unknown as typeof globalThis.fetch;
    const engine = openAiEngine({ name: "openai", apiKey: "k", model: "m", fetch });
    await expect(speakWith(engine, { voice: "alloy" })).rejects.toMatchObject({ code: "engine_rejected" });
    expect(asked).toEqual(["https://api.openai.com/v1/audio/speech"]);
  });

  it("takes PCM whatever is wanted, and refuses instructions for models that do not follow them", async () => {
    const engine = engineWith();
    const request = requestOf({ voice: "sage", wanted: { name: "mp3", sampleRateHz: 24_000, bitrateBps: 48_000 } });
    expect(engine.outputFormat(request)).toEqual({ name: "pcm", sampleRateHz: 24_000 });
    await speakWith(engine, { voice: "sage", text: "Hi", instructions: "softly" });
    const untold = { voice: "sage", text: "Hi", instructions: "softly", model: "tts-1-1106" };
    await expect(speakWith(engine, untold)).rejects.toMatchObject({ code: "setting_unsupported" });
    expect(engine.capabilities.instructions).toBe(true);
    expect(engineWith({ model: "tts-1" }).capabilities.instructions).toBe(false);
    const [first, ...more] = server.requests;
    const common = { input: "Hi", voice: "sage", response_format: "pcm", speed: 1 };
    expect(first?.body).toEqual({ ...common, model: "gpt-4o-mini-tts", instructions: "softly" });
    expect(first?.authorization).toBe("Bearer k3y");
    expect(more).toEqual([]);
  });

  it("has thirteen voices, nine of them with the first models", async () => {
    expect((await engineWith().voices({ signal })).length).toBe(13);
    const first = await engineWith({ model: "tts-1-hd" }).voices({ signal });
    expect(first.map(({ id }) => id)).toEqual("alloy ash coral echo fable nova onyx sage shimmer".split(" "));
  });

  it("gets the caller's model, of OpenAI's names, only where the entry says so", async () => {
    const engines = [engineWith({ name: "strict" }), engineWith({ name: "passing", passModel: true })];
    const catalogue = new VoiceCatalogue({ engines, aliases: {}, clock: systemClock });
    const modelsFor = async (model: string) => {
      const candidates = await catalogue.resolve({ voice: "alloy", model }, { signal });
      return candidates.map((candidate) => [candidate.engine.name, candidate.model]);
    };
    expect(await modelsFor("tts-1-hd")).toEqual([
      ["strict", undefined],
      ["passing", "tts-1-hd"],
    ]);
    expect(await modelsFor("auto")).toEqual([
      ["strict", undefined],
      ["passing", undefined],
    ]);
    expect(await modelsFor("passing")).toEqual([["passing", undefined]]);
  });
});
