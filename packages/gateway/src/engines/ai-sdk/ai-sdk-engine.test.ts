import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { speakWith } from "../../../test/conformance/speech-engine.ts";
import { openAiStandIn } from "../../../test/support/openai-stand-in.ts";
import { type AiSdkOptions, createAiSdkEngine } from "./ai-sdk-engine.ts";

const server = await openAiStandIn();
const folder = mkdtempSync(join(tmpdir(), "mynah-ai-sdk-"));
afterAll(async () => {
  rmSync(folder, { recursive: true });
  await server.close();
});
const openai = {
  ...{ name: "ai", module: "@ai-sdk/openai", export: "createOpenAI", model: "gpt-4o-mini-tts" },
  settings: { apiKey: "s3cret", baseURL: server.url },
  ...{ voices: [{ id: "alloy" }], format: "pcm", sampleRateHz: 24_000 },
} as const satisfies AiSdkOptions;
/** A model of one's own, as a file. */
const ownModel = (generate: string): AiSdkOptions => {
  const module = join(folder, `${Math.random()}.mjs`);
  writeFileSync(module, `export const model = { doGenerate: ${generate} };`);
  return { ...openai, module, export: "model" };
};

describe("createAiSdkEngine()", () => {
  it("tells the model of a real provider what it said that it can be told, and nothing else", async () => {
    const engine = await createAiSdkEngine({ ...openai, speed: { min: 0.25, max: 4 }, instructions: true });
    const request = { voice: "alloy", text: "Hi & bye", speed: 2, instructions: "Whisper.", language: "de" };
    const { durationMs } = await speakWith(engine, request);
    expect(durationMs).toBeCloseTo(240, 0);
    expect(server.requests.at(-1)).toMatchObject({
      authorization: "Bearer s3cret",
      body: { model: "gpt-4o-mini-tts", voice: "alloy", speed: 2, instructions: "Whisper.", response_format: "pcm" },
    });
    expect((await engine.voices({ signal: new AbortController().signal }))[0]).toEqual({
      ...{ id: "alloy", name: "alloy", language: "en", engine: "ai" },
    });
    const wishful = await createAiSdkEngine({ ...openai, language: true });
    await expect(speakWith(wishful, request)).rejects.toMatchObject({ code: "setting_unsupported" });
  });

  it("keeps the text out of errors, whatever a provider puts into its own", async () => {
    await server.fault({ kind: "status", status: 400 });
    const speaking = speakWith(await createAiSdkEngine(openai), { voice: "alloy", text: "my secret text" });
    const error = (await speaking.catch((thrown: unknown) => thrown)) as Error;
    expect(error).toMatchObject({ code: "engine_rejected", message: "ai answered 400" });
    expect(error.cause).toBeUndefined();
    await server.fault(undefined);
    const telling = await createAiSdkEngine(ownModel('async ({ text }) => { throw new TypeError("no: " + text); }'));
    const told = (await speakWith(telling, { voice: "alloy", text: "my secret text" }).catch(
      (e: unknown) => e,
    )) as Error;
    expect([told.message, String(told.cause)]).toEqual(["ai cannot be reached or broke off", "Error: TypeError"]);
  });

  it("takes base64, and does not wait for a model that passes over its signal", async () => {
    const engine = await createAiSdkEngine(
      ownModel('async () => ({ audio: Buffer.alloc(9600, 9).toString("base64") })'),
    );
    expect((await speakWith(engine, { voice: "alloy" })).durationMs).toBe(200);
    const deaf = await createAiSdkEngine(ownModel("() => new Promise(() => {})"));
    const gate = new AbortController();
    const speaking = speakWith(deaf, { voice: "alloy" }, gate.signal);
    gate.abort(new Error("gone"));
    await expect(speaking).rejects.toThrow("gone");
  });

  it.each([
    [{ module: "@ai-sdk/nobody" }, /module: @ai-sdk\/nobody cannot be loaded; npm install it/],
    [{ module: "./no-such-file.mjs" }, /module: .\/no-such-file.mjs cannot be loaded/],
    [{ export: "createNobody" }, /export: @ai-sdk\/openai has no createNobody/],
    [{ export: "VERSION" }, /export: VERSION of @ai-sdk\/openai is no provider of speech models/],
    [{ model: undefined }, /model: must be given/],
  ])("says what is not there: %j", async (fields, message) => {
    const options = { ...openai, ...fields } as AiSdkOptions;
    await expect(createAiSdkEngine(options)).rejects.toThrow(message);
  });
});
