import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it } from "vitest";
import { int16 } from "../support/audio-decode.ts";
import { bytesOf, postSpeech, runGateway } from "../support/gateway.ts";
import { openAiStandIn } from "../support/openai-stand-in.ts";
import { azureStandIn } from "../support/stand-ins/azure.ts";
import { cartesiaStandIn } from "../support/stand-ins/cartesia.ts";
import { deepgramStandIn } from "../support/stand-ins/deepgram.ts";
import { elevenLabsStandIn } from "../support/stand-ins/elevenlabs.ts";
import { googleStandIn } from "../support/stand-ins/google.ts";
import { piperStandIn } from "../support/stand-ins/piper.ts";
import { pollyStandIn } from "../support/stand-ins/polly.ts";
import { wyomingStandIn } from "../support/stand-ins/wyoming.ts";

const PROGRAM = fileURLToPath(new URL("../fixtures/tone-program.mjs", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "mynah-engines-"));
const aws = { accessKeyId: "AKIDEXAMPLE", secretAccessKey: "k" };
const standIns = {
  openai: await openAiStandIn(),
  eleven: await elevenLabsStandIn(),
  piper: await piperStandIn(),
  azure: await azureStandIn(),
  google: await googleStandIn(),
  polly: await pollyStandIn(aws),
  deepgram: await deepgramStandIn(),
  cartesia: await cartesiaStandIn(),
  wyoming: await wyomingStandIn(),
};
const aiSdk = { module: "@ai-sdk/openai", export: "createOpenAI", model: "gpt-4o-mini-tts", sampleRateHz: 24_000 };
const command = { type: "command", command: process.execPath, format: "pcm", sampleRateHz: 16_000 };
const stuck = ["--do=hang,deaf,child", `--tell=${join(folder, "told")}`];
const gateway = await runGateway({
  engines: [
    { name: "openai", type: "openai", apiKey: "k", model: "gpt-4o-mini-tts", baseUrl: standIns.openai.url },
    { name: "eleven", type: "elevenlabs", apiKey: "k", baseUrl: standIns.eleven.url },
    { name: "piper", type: "piper", baseUrl: standIns.piper.url },
    { name: "azure", type: "azure", apiKey: "k", baseUrl: standIns.azure.url },
    { name: "google", type: "google", apiKey: "k", baseUrl: standIns.google.url },
    { name: "polly", type: "polly", region: "eu-west-1", ...aws, baseUrl: standIns.polly.url },
    { name: "deepgram", type: "deepgram", apiKey: "k", baseUrl: standIns.deepgram.url },
    { name: "cartesia", type: "cartesia", apiKey: "k", baseUrl: standIns.cartesia.url },
    { name: "wyoming", type: "wyoming", uri: standIns.wyoming.url },
    {
      ...{ name: "ai-sdk", type: "ai-sdk", ...aiSdk, voices: ["ash"] },
      settings: { apiKey: "k", baseURL: standIns.openai.url },
    },
    { name: "tones", ...command, args: [PROGRAM, "--speed={speed}"] },
    { name: "stuck", ...command, args: [PROGRAM, ...stuck], timeoutMs: 1500, killGraceMs: 50 },
  ],
});
afterAll(async () => {
  await Promise.all(Object.values(standIns).map((standIn) => standIn.close()));
  rmSync(folder, { recursive: true });
});
const TEXT = "All that is configured can be heard.";

describe("engines of the config file, through the gateway", () => {
  it.each([
    ["openai", "alloy"],
    ["eleven", "JBFqnCBsd6RMkjVDRZzb"],
    ["piper", "de_DE-thorsten-medium"],
    ["azure", "de-DE-KatjaNeural"],
    ["google", "en-US-Chirp3-HD-Kore"],
    ["polly", "Brian"],
    ["deepgram", "aura-2-apollo-en"],
    ["cartesia", "b9de4a89-2257-424b-94c2-db18ba68c81a"],
    ["wyoming", "en_GB-vctk-medium#p236"],
    ["ai-sdk", "ash"],
    ["tones", "tones"],
  ])("%s is heard in PCM at 24 kHz, and from the cache the second time", async (model, voice) => {
    const ask = () => postSpeech(gateway, { model, voice, input: TEXT, response_format: "pcm" });
    const first = await ask();
    expect([first.status, first.headers.get("mynah-engine")]).toEqual([200, model]);
    const audio = await bytesOf(first);
    const seconds = int16(audio).length / 24_000;
    expect(seconds).toBeCloseTo(TEXT.length * 0.06, 1);
    const second = await ask();
    expect(second.headers.get("cache-status")).toMatch(/hit/);
    expect((await bytesOf(second)).equals(audio)).toBe(true);
  });

  it("warns of a model that ends only where it is OpenAI's own", () => {
    expect(gateway.speech.warnings()).toEqual([]);
  });

  it("ends a program, with all that it started, when its answer is late", async () => {
    const body = { model: "stuck", voice: "stuck", input: "This one never ends.", response_format: "pcm" };
    const answer = await postSpeech(gateway, body);
    await expect(bytesOf(answer)).rejects.toThrow(); // it was heard, so it is cut
    const { pid } = JSON.parse(readFileSync(join(folder, "told"), "utf8")) as { pid: number };
    const child = Number(readFileSync(join(folder, "told.child"), "utf8"));
    for (const each of [pid, child])
      for (let n = 0; existsSync(`/proc/${each}`) && n < 500; n++) {
        if (readFileSync(`/proc/${each}/stat`, "utf8").includes(") Z ")) break;
        await new Promise((resolve) => setTimeout(resolve, 10));
        expect(n).toBeLessThan(499);
      }
  });
});
