import { describe, expect, it } from "vitest";
import { systemClock } from "../core/clock.ts";
import { checkEngineConfig, createEngines, type EngineEntry } from "./registry.ts";

const deps = { clock: systemClock, workers: 1, timeoutMs: 5000 };
const entry = (fields: Record<string, unknown>): EngineEntry => fields as EngineEntry;

describe("checkEngineConfig()", () => {
  it.each([
    [{ name: "a", type: "flyte" }, /no engine type "flyte"; known are flite, espeak, openai-compatible, edge/],
    [{ name: "a", type: "toString" }, /no engine type/],
    [{ name: "a", type: "openai-compatible" }, /^baseUrl: /],
    [{ name: "a", type: "openai-compatible", baseUrl: "file:///etc/passwd" }, /^baseUrl: /],
    [{ name: "a", type: "openai-compatible", baseUrl: "http://x/v1", formats: ["ogg"] }, /^formats\.0: /],
    [{ name: "a", type: "flite", workers: 0 }, /^workers: /],
    [{ name: "a", type: "flite", voice: "slt" }, /voice/],
    [{ name: "a", type: "edge", chromiumVersion: "143\r\nX: y" }, /^chromiumVersion: must be four numbers/],
    [{ name: "a", type: "edge", outputFormat: "webm-24khz-16bit-mono-opus" }, /^outputFormat: /],
  ])("refuses %j", (fields, message) => {
    expect(() => checkEngineConfig(entry(fields))).toThrow(message);
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
  it("rejects when an engine is not there and was not optional", async () => {
    const missing = entry({ name: "e", type: "espeak", modulePath: "/no/such/place", command: "no-such-program" });
    await expect(createEngines([entry({ name: "f", type: "flite" }), missing], deps)).rejects.toThrow(
      /"e": espeak is not installed/,
    );
  });
});
