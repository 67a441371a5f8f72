import { createRequire } from "node:module";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { describeSpeechEngine, speakWith } from "../../../test/conformance/speech-engine.ts";
import type { SpeechEngine } from "../../core/ports.ts";
import { detectEspeak } from "./detect-espeak.ts";

const common = { workers: 2, maxQueued: 100, timeoutMs: 10_000 };
const require = createRequire(import.meta.url);

const cli = await detectEspeak({ ...common, modulePath: false });
const wasmPath = process.env.MYNAH_TEST_ESPEAK_MODULE;
const wasm = await detectEspeak({ ...common, command: false, ...(wasmPath && { modulePath: wasmPath }) });

const FORMS: [string, SpeechEngine | undefined, () => Promise<SpeechEngine | undefined>, string][] = [
  ["espeak, the program", cli, () => detectEspeak({ ...common, modulePath: false }), "no espeak-ng on the PATH"],
  [
    "espeak, in WASM",
    wasm,
    () => detectEspeak({ ...common, command: false, ...(wasmPath && { modulePath: wasmPath }) }),
    "@echogarden/espeak-ng-emscripten is not installed (MYNAH_TEST_ESPEAK_MODULE may name its directory)",
  ],
];

for (const [title, found, create, reason] of FORMS) {
  await found?.close();
  if (!found) {
    it.skip(`SpeechEngine: ${title}: ${reason}`);
    continue;
  }
  describeSpeechEngine(title, async () => (await create())!, {
    voice: "en-us",
    // In WASM its noise generator runs on from one synthesis to the next.
    deterministic: found.capabilities.words === false,
    pitchVoices: ["en-us"],
    cannotSay: ["...", " "],
    unknownVoiceCodes: ["voice_not_found"],
    maxVoices: 60,
  });

  describe(title, () => {
    let engine: SpeechEngine;
    beforeAll(async () => {
      engine = (await create())!;
    });
    afterAll(() => engine.close());

    it("names itself and its version in `version`", () => {
      expect(engine.version).toMatch(/espeak-ng.*@\d+\.\d+.*\+\d+$/);
    });
    it("speaks other scripts and takes variants of a voice", async () => {
      expect((await speakWith(engine, { voice: "ru", text: "Доброе утро" })).durationMs).toBeGreaterThan(400);
      const [plain, female] = [await speakWith(engine, { voice: "de" }), await speakWith(engine, { voice: "de+f3" })];
      expect(Buffer.compare(plain.audio, female.audio)).not.toBe(0);
      await expect(speakWith(engine, { voice: "de+zz9" })).rejects.toMatchObject({ code: "voice_not_found" });
    });
    it("does not switch to phoneme input, nor stop at half a surrogate pair", async () => {
      const { durationMs } = await speakWith(engine, {
        voice: "en-us",
        text: "[[h@l'oU]] and then \ud800 some more words",
      });
      expect(durationMs).toBeGreaterThan(1500);
    });
    it("gives up a synthesis past its deadline", async () => {
      const hasty = await detectEspeak({
        ...{ ...common, timeoutMs: 1 },
        ...(engine.capabilities.words
          ? { command: false as const, ...(wasmPath && { modulePath: wasmPath }) }
          : { modulePath: false as const }),
      }).catch(() => undefined);
      if (!hasty) return; // the deadline was too short even for listing the voices
      await expect(speakWith(hasty, { voice: "en-us", text: "long ".repeat(190) })).rejects.toMatchObject({
        code: "engine_timeout",
      });
      await hasty.close();
    });
  });
}

describe("detectEspeak()", () => {
  it("finds nothing where there is nothing", async () => {
    const timers = () => process.getActiveResourcesInfo().filter((type) => type === "Timeout").length;
    const before = timers();
    expect(await detectEspeak({ ...common, modulePath: "/no/such/place", command: "no-such-program" })).toBeUndefined();
    expect(timers()).toBe(before); // a command line program ends when it has nothing more to say
    expect(await detectEspeak({ ...common, modulePath: false, command: false })).toBeUndefined();
    expect(await detectEspeak({ ...common, modulePath: false, command: "true" })).toBeUndefined();
  });
  it("looks for no package of ours: it is GPL and opt-in", () => {
    const { dependencies } = require("../../../package.json") as { dependencies: Record<string, string> };
    expect(Object.keys(dependencies).filter((name) => name.includes("espeak"))).toEqual([]);
  });
});
