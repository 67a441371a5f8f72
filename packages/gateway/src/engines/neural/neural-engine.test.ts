import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { describeSpeechEngine, speakWith } from "../../../test/conformance/speech-engine.ts";
import { writeTinyVoice } from "../../../test/support/tiny-voice.ts";
import type { SpeechEngine } from "../../core/ports.ts";
import { createEngines } from "../registry.ts";
import { readModelFolder } from "./model-folder.ts";
import { createNeuralEngine, type NeuralEngineOptions } from "./neural-engine.ts";

const modulePath = process.env.MYNAH_TEST_SHERPA_MODULE;
const folder = mkdtempSync(join(tmpdir(), "mynah-neural-"));
const tiny = writeTinyVoice(join(folder, "vits-tiny-en_GB-tone"));
afterAll(() => rmSync(folder, { recursive: true }));

const create = async (options: Partial<NeuralEngineOptions> = {}): Promise<SpeechEngine> => {
  const common = { name: "neural", model: tiny, workers: 1, maxQueued: 10 };
  return (await createNeuralEngine({ ...common, ...(modulePath && { modulePath }), ...options }))!;
};

if (modulePath === undefined) it.skip("needs sherpa-onnx-node", () => {});
else {
  describeSpeechEngine("neural", () => create({ workers: 2 }), {
    voice: "0",
    deterministic: true,
    cannotSay: ["你好"],
    unknownVoiceCodes: ["voice_not_found"],
  });

  describe("createNeuralEngine()", () => {
    let engine: SpeechEngine;
    beforeAll(async () => {
      engine = await create();
    });
    afterAll(() => engine.close());
    const { signal } = new AbortController();
    const request = (text: string) => ({
      text,
      voice: "0",
      speed: 1,
      pitch: 1,
      volume: 1,
      wanted: engine.outputFormat({} as never),
    });
    const processes = (): number[] => {
      const listed = execFileSync("ps", ["-o", "pid=,args=", "--ppid", String(process.pid)], { encoding: "utf8" });
      return listed
        .split("\n")
        .filter((line) => line.includes("neural-worker"))
        .map((line) => Number.parseInt(line, 10));
    };

    it("names its voices after speakers and folder, or as it is told", async () => {
      expect(await engine.voices({ signal })).toEqual([{ id: "0", name: "0", language: "en-GB", engine: "neural" }]);
      const named = await create({ voices: [{ id: "amy", gender: "female", language: "en-US" }] });
      expect(await named.voices({ signal })).toEqual([
        { id: "amy", name: "amy", language: "en-US", gender: "female", engine: "neural" },
      ]);
      await named.close();
      const wrong = create({ voices: [{ id: "bob", speaker: 3 }] });
      await expect(wrong).rejects.toThrow('voices: "bob" is speaker 3, and the model has 1');
    });

    it("gives a text sentence by sentence, as they are made", async () => {
      const lengths: number[] = [];
      for await (const { audio } of engine.synthesize(request("hello there. how are you? i am fine."), { signal }))
        lengths.push(audio!.byteLength / 2);
      expect(lengths).toHaveLength(3);
      expect(lengths.every((length) => length % 1200 === 0)).toBe(true);
    });

    it("fails what a crash of its process cuts off, and speaks the next text", async () => {
      const [pid] = processes();
      process.kill(pid!, "SIGSTOP"); // or it would be done before it can be killed
      const speaking = engine.synthesize(request("cut off"), { signal })[Symbol.asyncIterator]().next();
      process.kill(pid!, "SIGKILL");
      await expect(speaking).rejects.toMatchObject({
        code: "engine_failed",
        message: "neural's model failed: its process ended (SIGKILL)",
      });
      expect((await speakWith(engine, { voice: "0", text: "again" })).durationMs).toBeGreaterThan(200);
    });

    it("ends a process that does not stop when it is told to, and starts a new one", async () => {
      await speakWith(engine, { voice: "0", text: "warm" });
      const [frozen] = processes();
      process.kill(frozen!, "SIGSTOP");
      const own = new AbortController();
      const speaking = engine
        .synthesize(request("nobody waits for this"), { signal: own.signal })
        [Symbol.asyncIterator]();
      const first = speaking.next();
      setTimeout(() => own.abort(new Error("left")), 50);
      await expect(first).rejects.toThrow("left");
      expect((await speakWith(engine, { voice: "0", text: "again" })).durationMs).toBeGreaterThan(200);
      expect(processes()).not.toContain(frozen);
    });

    it("says in one line what is wrong with a model that cannot be loaded, and goes on living", async () => {
      const broken = writeTinyVoice(join(folder, "broken"), { modelBytes: 400 });
      const failing = create({ name: "amy", model: broken });
      await expect(failing).rejects.toMatchObject({ name: "EngineConfigError" });
      await expect(failing).rejects.toThrow(
        /^engine "amy": amy's model failed: .+; is .*broken whole, and a vits model\?$/,
      );
      await expect(create({ loadTimeoutMs: 1 })).rejects.toThrow("neural's model was not loaded within 1 ms");
    });

    it("changes its version with the model", async () => {
      const other = await create({ model: writeTinyVoice(join(folder, "other"), { sampleRateHz: 16_000 }) });
      expect(other.version).not.toBe(engine.version);
      expect(other.outputFormat({} as never)).toEqual({ name: "pcm", sampleRateHz: 16_000 });
      await other.close();
    });
  });
}

describe("readModelFolder()", () => {
  const of = (files: Readonly<Record<string, string>>, options: object = {}) => {
    const model = mkdtempSync(join(folder, "model-"));
    for (const [name, text] of Object.entries(files)) {
      if (text === "/") mkdirSync(join(model, name));
      else writeFileSync(join(model, name), text);
    }
    return readModelFolder({ model, threads: 1, ...options });
  };
  const tokens = { "tokens.txt": "_ 0\n^ 1\n$ 2\na 3\n" };

  it.each([
    ["piper", { "en_US-amy-low.onnx": "m", "espeak-ng-data": "/", "en_US-amy-low.onnx.json": "{}", ...tokens }],
    ["vits", { "model.onnx": "m", "lexicon.txt": "a a", ...tokens }],
    ["kokoro", { "model.onnx": "m", "voices.bin": "v", "espeak-ng-data": "/", ...tokens }],
    ["kitten", { "kitten-nano.onnx": "m", "voices.bin": "v", "espeak-ng-data": "/", ...tokens }],
    ["matcha", { "model-steps-3.onnx": "m", "vocos-22khz-univ.onnx": "v", "espeak-ng-data": "/", ...tokens }],
  ] as const)("knows a %s model by its files", (type, files) => {
    const { type: found, config } = of(files);
    expect(found).toBe(type);
    const parts = Object.entries(config.model).filter(([, part]) => typeof part === "object");
    expect(parts.map(([name]) => name)).toEqual([type === "piper" ? "vits" : type]);
  });

  it.each([
    ["there is no folder", {}, { model: "/nowhere/model" }],
    ["lacks a model (.onnx)", tokens, {}],
    ["lacks tokens.txt", { "model.onnx": "m" }, {}],
    ["has several models; say which with modelFile: a.onnx, b.onnx", { "a.onnx": "m", "b.onnx": "m", ...tokens }, {}],
    ["has no c.onnx; it has a.onnx", { "a.onnx": "m", ...tokens }, { modelFile: "c.onnx" }],
    ["lacks voices.bin", { "model.onnx": "m", "espeak-ng-data": "/", ...tokens }, { modelType: "kokoro" }],
    ["lacks espeak-ng-data", { "model.onnx": "m", "voices.bin": "v", ...tokens }, {}],
    ["tokens.txt in", { "model.onnx": "m", "espeak-ng-data": "/", "tokens.txt": "a 0\nb 1\n" }, {}],
    ["Matcha needs one", { "model.onnx": "m", "espeak-ng-data": "/", ...tokens }, { modelType: "matcha" }],
  ])("says what is wrong: %s", (message, files, options) => {
    expect(() => of(files, options)).toThrow(message);
  });

  it("is told of by the configuration: without sherpa-onnx, what to install", async () => {
    const deps = { workers: 1, timeoutMs: 1_000 } as never;
    const entry = { name: "amy", type: "neural", model: tiny, modulePath: "/nowhere/sherpa.js" };
    await expect(createEngines([entry], deps)).rejects.toThrow(
      'engine "amy": sherpa-onnx is not installed; run `npm install',
    );
    expect(await createEngines([{ ...entry, optional: true }], deps)).toEqual([]);
  });
});
