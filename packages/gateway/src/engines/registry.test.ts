import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { systemClock } from "../core/clock.ts";
import { checkEngineConfig, createEngines, ENGINE_SCHEMAS, type EngineEntry, engineWarnings } from "./registry.ts";

const deps = { clock: systemClock, workers: 1, timeoutMs: 5000 };
const entry = (fields: Record<string, unknown>): EngineEntry => fields as EngineEntry;

describe("checkEngineConfig()", () => {
  it.each([
    [{ name: "a", type: "flyte" }, /no engine type "flyte"; known are flite, espeak, openai-compatible, openai,/],
    [{ name: "a", type: "toString" }, /no engine type/],
    [{ name: "a", type: "openai-compatible" }, /^baseUrl: /],
    [{ name: "a", type: "openai-compatible", baseUrl: "file:///etc/passwd" }, /^baseUrl: /],
    [{ name: "a", type: "openai-compatible", baseUrl: "http://x/v1", formats: ["ogg"] }, /^formats\.0: /],
    [{ name: "a", type: "openai", model: "m" }, /^apiKey: must be given/],
    [{ name: "a", type: "openai", apiKey: "k" }, /^model: must be given/],
    [{ name: "a", type: "elevenlabs" }, /^apiKey: must be given/],
    [{ name: "a", type: "elevenlabs", apiKey: "k", outputFormat: "ulaw_8000" }, /^outputFormat: /],
    [{ name: "a", type: "elevenlabs", apiKey: "k", stability: 2 }, /^stability: /],
    [{ name: "a", type: "azure", apiKey: "k" }, /^region: must be given, or baseUrl/],
    [{ name: "a", type: "azure", apiKey: "k", region: "West Europe" }, /^region: must be a region in small letters/],
    [{ name: "a", type: "azure", region: "westeurope" }, /^apiKey: must be given/],
    [{ name: "a", type: "polly", region: "eu-west-1" }, /^accessKeyId: must be given, or credentials: chain/],
    [{ name: "a", type: "polly", region: "eu-west-1", accessKeyId: "k" }, /^secretAccessKey: must be given with/],
    [{ name: "a", type: "deepgram" }, /^apiKey: must be given/],
    [{ name: "a", type: "deepgram", apiKey: "k", sampleRateHz: 44_100 }, /^sampleRateHz: /],
    [{ name: "a", type: "cartesia" }, /^apiKey: must be given/],
    [{ name: "a", type: "wyoming", uri: "http://x:1" }, /^uri: must be tcp:/],
    [{ name: "a", type: "ai-sdk", module: "m", export: "e", sampleRateHz: 24_000 }, /^voices: /],
    [{ name: "a", type: "google" }, /^apiKey: must be given, or credentials/],
    [{ name: "a", type: "google", apiKey: "k", model: "gemini", words: true }, /^words: Gemini's models have no/],
    [{ name: "a", type: "command", command: "x" }, /^sampleRateHz: /],
    [
      { name: "a", type: "command", command: "x", sampleRateHz: 16_000, args: ["{wort}"] },
      /^args: there is no {wort}; there are {text}/,
    ],
    [
      { name: "a", type: "command", command: "x", sampleRateHz: 16_000, args: ["{text}"] },
      /^args: {text} needs input: argument/,
    ],
    [
      { name: "a", type: "command", command: "x", sampleRateHz: 16_000, input: "file" },
      /^args: input: file needs {file}/,
    ],
    [{ name: "a", type: "flite", workers: 0 }, /^workers: /],
    [{ name: "a", type: "flite", voice: "slt" }, /voice/],
    [{ name: "a", type: "edge", chromiumVersion: "143\r\nX: y" }, /^chromiumVersion: must be four numbers/],
    [{ name: "a", type: "edge", outputFormat: "webm-24khz-16bit-mono-opus" }, /^outputFormat: /],
  ])("refuses %j", (fields, message) => {
    expect(() => checkEngineConfig(entry(fields))).toThrow(message);
  });
  it("has a description for every field, of which docs/engine-fields.md is made", () => {
    const bare = Object.entries(ENGINE_SCHEMAS).flatMap(([type, { shape }]) =>
      Object.entries(shape).flatMap(([field, { description }]) =>
        field === "type" || description !== undefined ? [] : `${type}.${field}`,
      ),
    );
    expect(bare).toEqual([]);
  });
  it("gives a good entry back", () => {
    const good = {
      name: "k",
      type: "openai-compatible",
      baseUrl: "http://127.0.0.1:1/v1",
      apiKey: "x",
      timeoutMs: 4000,
    };
    expect(checkEngineConfig(entry(good))).toEqual(good);
  });
});

describe("createEngines()", () => {
  it("makes engines in the order of their entries", async () => {
    const engines = await createEngines(
      [
        entry({ name: "far", type: "openai-compatible", baseUrl: "http://127.0.0.1:1/v1" }),
        entry({ name: "none", type: "espeak", modulePath: "/no/such/place", command: false, optional: true }),
        entry({ name: "cloud", type: "edge", outputFormat: "audio-24khz-96kbitrate-mono-mp3" }),
        entry({ name: "near", type: "flite" }),
      ],
      deps,
    );
    expect(engines.map(({ name }) => name)).toEqual(["far", "cloud", "near"]);
    await Promise.all(engines.map((engine) => engine.close()));
  });
  it("makes every type that needs no network to begin with", async () => {
    const engines = await createEngines(
      [
        entry({ name: "o", type: "openai", apiKey: "k", model: "m" }),
        entry({ name: "e", type: "elevenlabs", apiKey: "k" }),
        entry({ name: "a", type: "azure", apiKey: "k", region: "westeurope" }),
        entry({ name: "a", type: "polly", region: "eu-west-1", accessKeyId: "a", secretAccessKey: "s" }),
        entry({ name: "d", type: "deepgram", apiKey: "k" }),
        entry({ name: "s", type: "cartesia", apiKey: "k" }),
        entry({ name: "w", type: "wyoming", uri: "tcp://127.0.0.1:1" }),
        entry({
          ...{ name: "i", type: "ai-sdk", module: "@ai-sdk/openai", export: "openai", model: "tts-1" },
          ...{ voices: ["alloy", { id: "ash", gender: "male" }], sampleRateHz: 24_000 },
        }),
        entry({ name: "g", type: "google", credentials: "metadata" }),
        entry({ name: "p", type: "piper", baseUrl: "http://127.0.0.1:1" }),
        entry({
          name: "c",
          type: "command",
          command: process.execPath,
          sampleRateHz: 16_000,
          voices: ["a", { id: "b", language: "de" }],
        }),
      ],
      deps,
    );
    expect(engines.map(({ version }) => version.split("@")[0])).toEqual([
      "openai",
      "elevenlabs",
      "azure",
      "polly",
      "deepgram",
      "cartesia",
      "wyoming",
      "ai-sdk",
      "google",
      "piper",
      "command",
    ]);
    const voices = await engines.at(-1)!.voices({ signal: new AbortController().signal });
    expect(voices.map(({ id, language }) => [id, language])).toEqual([
      ["a", "en"],
      ["b", "de"],
    ]);
    await Promise.all(engines.map((engine) => engine.close()));
  });
  it("rejects when a command's program is not there and was not optional", async () => {
    const missing = { name: "c", type: "command", command: "no-such-program", sampleRateHz: 16_000 };
    await expect(createEngines([entry(missing)], deps)).rejects.toThrow(
      /"c": there is no program "no-such-program"; install it/,
    );
    expect(await createEngines([entry({ ...missing, optional: true })], deps)).toEqual([]);
  });
  it("rejects when an engine is not there and was not optional", async () => {
    const missing = entry({ name: "e", type: "espeak", modulePath: "/no/such/place", command: "no-such-program" });
    await expect(createEngines([entry({ name: "f", type: "flite" }), missing], deps)).rejects.toThrow(
      /"e": espeak is not installed/,
    );
  });
});

describe("engineWarnings()", () => {
  it("names models that OpenAI ends, where they are OpenAI's", () => {
    const openai = { type: "openai", apiKey: "k" };
    const compatible = { type: "openai-compatible", baseUrl: "https://api.openai.com/v1" };
    const warnings = engineWarnings([
      entry({ name: "a", ...openai, model: "gpt-4o-mini-tts" }),
      entry({ name: "b", ...openai, model: "something-newer" }),
      entry({ name: "c", ...compatible }),
      entry({ name: "d", ...compatible, baseUrl: "http://127.0.0.1:8880/v1", model: "tts-1" }),
      entry({ name: "e", type: "flite" }),
    ]);
    expect(warnings).toEqual([
      expect.stringMatching(/^engine "a": OpenAI ends the model gpt-4o-mini-tts on 2027-01-06; name another/),
      expect.stringMatching(/^engine "c": OpenAI ends the model tts-1 on/),
    ]);
  });
});

describe("the examples of docs/engines", () => {
  const pages = new URL("../../../../docs/engines/", import.meta.url);
  it.each(readdirSync(pages))("%s are understood", (page) => {
    const blocks = [...readFileSync(new URL(page, pages), "utf8").matchAll(/```yaml\n(.*?)```/gs)];
    expect(blocks.length).toBeGreaterThan(0);
    for (const [, yaml] of blocks) {
      const { engines } = parse(yaml!) as { engines: EngineEntry[] };
      for (const each of engines) expect(() => checkEngineConfig(each)).not.toThrow();
    }
  });
});
