import OpenAI, { BadRequestError, InternalServerError, NotFoundError, RateLimitError } from "openai";
import { describe, expect, it } from "vitest";
import { createTranscoder } from "../../src/audio/transcode.ts";
import { AUDIO_FORMAT_NAMES } from "../../src/core/audio-format.ts";
import { runGateway } from "../support/gateway.ts";
import { FORMATS } from "../support/speech-rig.ts";
import { standInEngine } from "../support/stand-in-engine.ts";

const gateway = await runGateway();
const openai = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: "any", maxRetries: 0 });
const never = new AbortController().signal;

describe("the official openai client", () => {
  it.each(AUDIO_FORMAT_NAMES)("gets %s that is audio of a plausible length", async (format) => {
    const response = await openai.audio.speech.create({
      model: "tts-1",
      voice: "alloy",
      input: "The quick brown fox jumps over the lazy dog.",
      response_format: format,
    });
    const audio = new Uint8Array(await response.arrayBuffer());
    const transcoder = createTranscoder({ workers: 1 });
    const { durationMs } = await transcoder.inspect(audio, FORMATS[format], { signal: never });
    await transcoder.close();
    expect(durationMs).toBeGreaterThan(1_500);
    expect(durationMs).toBeLessThan(5_000);
  });

  it("reads the SSE stream to the same audio", async () => {
    const body = {
      model: "gpt-4o-mini-tts",
      voice: "nova",
      input: "Streamed as events.",
      response_format: "pcm",
    } as const;
    const response = await openai.audio.speech.create({ ...body, stream_format: "sse" });
    expect(response.headers.get("content-type")).toContain("text/event-stream");
    const events = (await response.text())
      .split("\n\n")
      .filter((line) => line !== "")
      .map(
        (line) =>
          JSON.parse(line.replace(/^data: /, "")) as { type: string; audio?: string; usage?: Record<string, number> },
      );
    const done = events.pop();
    expect(done).toEqual({
      type: "speech.audio.done",
      usage: { input_tokens: 5, output_tokens: 26, total_tokens: 31 },
    });
    expect(events.every(({ type }) => type === "speech.audio.delta")).toBe(true);
    const streamed = Buffer.concat(events.map(({ audio }) => Buffer.from(audio!, "base64")));
    const plain = Buffer.from(await (await openai.audio.speech.create(body)).arrayBuffer());
    expect(streamed.equals(plain)).toBe(true);
  });

  it("may name the voice as an object, as for OpenAI's own custom voices", async () => {
    const body = { model: "tts-1", input: "Named as an object.", response_format: "pcm" } as const;
    const [named, plain] = [{ id: "nova" }, "nova"].map((voice) => openai.audio.speech.create({ ...body, voice }));
    const heard = Buffer.from(await (await named!).arrayBuffer());
    expect(heard.equals(Buffer.from(await (await plain!).arrayBuffer()))).toBe(true);
  });

  it("lists models", async () => {
    const ids = (await openai.models.list()).data.map(({ id }) => id);
    expect(ids).toEqual(expect.arrayContaining(["auto", "flite", "tts-1"]));
  });

  it("maps our refusals to its classes", async () => {
    const ask = (changes: object) =>
      openai.audio.speech.create({ model: "tts-1", voice: "alloy", input: "Hello.", ...changes });
    await expect(ask({ speed: 9 })).rejects.toSatisfy(
      (error) => error instanceof BadRequestError && error.param === "speed",
    );
    await expect(ask({ voice: "nobody" })).rejects.toSatisfy(
      (error) => error instanceof BadRequestError && error.code === "voice_not_found",
    );
    await expect(ask({ model: "unheard-of" })).rejects.toBeInstanceOf(NotFoundError);
    await expect(ask({ input: "" })).rejects.toSatisfy(
      (error) => error instanceof BadRequestError && typeof error.requestID === "string",
    );
  });

  it("maps limits and failures to its classes", async () => {
    const engine = standInEngine();
    const limited = await runGateway({ rateLimitPerMinute: 1, rateLimitPerHour: 10 }, { engines: [engine] });
    const client = new OpenAI({ baseURL: `${limited.url}/v1`, apiKey: "any", maxRetries: 0 });
    const ask = (input: string) => client.audio.speech.create({ model: "auto", voice: "one", input });
    await ask("First.");
    const refused = (await ask("Second.").catch((error: unknown) => error)) as RateLimitError;
    expect(refused).toBeInstanceOf(RateLimitError);
    expect([refused.type, refused.code, refused.param]).toEqual(["requests", "rate_limit_exceeded", null]);
    expect(refused.headers.get("x-should-retry")).toBe("true");
    expect(Number(refused.headers.get("retry-after-ms"))).toBeGreaterThan(50_000);
    expect(refused.headers.get("x-ratelimit-remaining-requests")).toBe("0");
    expect(refused.headers.get("x-ratelimit-reset-requests")).toMatch(/^(\d+m)?[\d.]+m?s$/);
    const broken = await runGateway({}, { engines: [standInEngine({ failAfterBytes: 0 })] });
    const other = new OpenAI({ baseURL: `${broken.url}/v1`, apiKey: "any", maxRetries: 0 });
    await expect(other.audio.speech.create({ model: "auto", voice: "one", input: "No." })).rejects.toBeInstanceOf(
      InternalServerError,
    );
  });

  it("retries by itself what we say is worth it, and hears it then", async () => {
    const engine = standInEngine({ failAfterBytes: 0 });
    const { url } = await runGateway({}, { engines: [engine] });
    setTimeout(() => delete engine.script.failAfterBytes, 300);
    const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: "any", maxRetries: 3 });
    const response = await client.audio.speech.create({
      model: "auto",
      voice: "one",
      input: "At last.",
      response_format: "pcm",
    });
    expect((await response.arrayBuffer()).byteLength).toBeGreaterThan(1_000);
  });
});
