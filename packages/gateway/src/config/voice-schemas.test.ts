import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it, onTestFinished } from "vitest";
import { manualClock } from "../../test/support/manual-clock.ts";
import { voicedEngine } from "../../test/support/voiced-engine.ts";
import { FLITE_VOICES } from "../engines/flite/flite-voices.ts";
import { VoiceCatalogue } from "../speech/voice-catalogue.ts";
import { loadConfig } from "./load.ts";

function load(path: string) {
  return loadConfig({ env: { MYNAH_CONFIG: path }, checkEngine: (entry) => entry }).config;
}

function loadYaml(yaml: string) {
  const folder = mkdtempSync(join(tmpdir(), "mynah-voices-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const path = join(folder, "mynah.config.yaml");
  writeFileSync(path, yaml);
  return load(path).voices;
}

describe("voices of the config file", () => {
  it("are written by engine, or described", () => {
    const yaml =
      "voices:\n  alloy: { kokoro: af_alloy, flite: slt }\n  narrator: { gender: male, engines: { edge: en-GB-RyanNeural } }\n";
    expect(loadYaml(yaml)).toEqual({
      alloy: { kokoro: "af_alloy", flite: "slt" },
      narrator: { gender: "male", engines: { edge: "en-GB-RyanNeural" } },
    });
  });

  it.each([
    ["{ gender: man }", /voices\.a\.gender: must be female, male or neutral/],
    ["{ gender: male, stile: calm }", /voices\.a: "stile" is not known here; known: language, gender/],
    ["{ gender: male, edge: x }", /engines, which holds engine: voice/],
    ["{ language: '!' }", /voices\.a\.language: must be a BCP-47 tag/],
    ["{ age: 70 }", /voices\.a\.age: must be child, young, middle or old/],
    ["{ edge: 5 }", /voices\.a\.edge: /],
    ["slt", /voices\.a: /],
    ["[slt]", /voices\.a: /],
  ])("stop the start for %s", (voice, message) => {
    expect(() => loadYaml(`voices:\n  a: ${voice}\n`)).toThrow(message);
  });
});

describe("examples/voices.yaml", () => {
  const path = fileURLToPath(new URL("../../../../examples/voices.yaml", import.meta.url));

  it("has sixteen voices that the embedded engine alone can speak, men as men and women as women", async () => {
    const aliases = load(path).voices;
    expect(Object.keys(aliases)).toHaveLength(16);
    const flite = voicedEngine("flite", ...FLITE_VOICES);
    const voices = new VoiceCatalogue({ engines: [flite], aliases, clock: manualClock() });
    const { signal } = new AbortController();
    for (const alias of voices.aliases) {
      const [first] = await voices.resolve({ voice: alias.name }, { signal });
      const { gender } = FLITE_VOICES.find(({ id }) => id === first?.voice)!;
      expect([alias.name, gender]).toEqual([alias.name, alias.traits.gender]);
    }
    expect(await voices.resolve({ voice: "Narrator" }, { signal })).toMatchObject([{ voice: "awb" }]);
  });
});
