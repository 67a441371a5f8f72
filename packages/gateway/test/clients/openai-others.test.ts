import { createOpenAI } from "@ai-sdk/openai";
import { APICallError, generateSpeech, RetryError } from "ai";
import OpenAI from "openai";
import { describe, expect, it } from "vitest";
import { WebSocket } from "ws";
import { bytesOf, postSpeech, runGateway } from "../support/gateway.ts";
import { standInEngine } from "../support/stand-in-engine.ts";

/** Programs that speak OpenAI's API in their own ways. */
const engine = standInEngine({ name: "tones" });
const gateway = await runGateway({ breakerFailures: 1_000 }, { engines: [engine] });
const { url } = gateway;
const provider = createOpenAI({ baseURL: `${url}/v1`, apiKey: "any" });
const model = provider.speech("tts-1");

const posted = async (body: Record<string, unknown>) => bytesOf(await postSpeech(gateway, body));

describe("the AI SDK's generateSpeech() with @ai-sdk/openai", () => {
  it("hears a miss and a hit, in the format, voice and pace it asks for", async () => {
    const request = { model, text: "Spoken by another SDK.", voice: "one", speed: 1.5, outputFormat: "pcm" };
    const { audio, warnings } = await generateSpeech(request);
    expect(warnings).toEqual([]);
    const { text: input } = request;
    const same = await posted({ input, voice: "one", speed: 1.5, response_format: "pcm" });
    expect(same.equals(audio.uint8Array)).toBe(true);
    const { calls } = engine;
    expect(same.equals((await generateSpeech(request)).audio.uint8Array)).toBe(true);
    expect(engine.calls).toBe(calls);

    const usual = await generateSpeech({ model, text: "In its usual format." });
    expect([usual.audio.format, usual.audio.mediaType]).toEqual(["mp3", "audio/mpeg"]); // read off the bytes
  });

  it("gets our errors with status, retries what is worth it, and gives up on the rest", async () => {
    const refused = await generateSpeech({ model, text: "Hello.", voice: "nobody-at-all" }).catch(
      (error: unknown) => error,
    );
    expect(APICallError.isInstance(refused)).toBe(true);
    const { statusCode, isRetryable, message } = refused as APICallError;
    expect([statusCode, isRetryable, message]).toEqual([400, false, expect.stringContaining("nobody-at-all")]);

    engine.script.failAfterBytes = 0;
    const failed = await generateSpeech({ model, text: "Never.", voice: "one", maxRetries: 1 }).catch(
      (e: unknown) => e,
    );
    expect(RetryError.isInstance(failed)).toBe(true);
    expect((failed as RetryError).errors).toHaveLength(2);
    delete engine.script.failAfterBytes;

    const limited = await runGateway({ rateLimitPerMinute: 1 }, { engines: [standInEngine()] });
    const poor = createOpenAI({ baseURL: `${limited.url}/v1`, apiKey: "any" }).speech("tts-1");
    await generateSpeech({ model: poor, text: "One.", voice: "one" });
    const second = await generateSpeech({ model: poor, text: "Two.", voice: "one", maxRetries: 0 }).catch(
      (e: unknown) => e,
    );
    expect((second as APICallError).statusCode).toBe(429);
    expect(Number((second as APICallError).responseHeaders?.["retry-after"])).toBeGreaterThan(50);
  });

  it("leaves the engine when it is aborted", async () => {
    engine.script.chunkMs = 20;
    const abort = new AbortController();
    const text = Array.from({ length: 20 }, (_, at) => `Part ${at} of a long story.`).join(" ");
    const speech = generateSpeech({ model, text, voice: "one", abortSignal: abort.signal });
    await expect.poll(() => engine.active).toBeGreaterThan(0);
    abort.abort();
    await expect(speech).rejects.toThrow();
    await expect.poll(() => engine.active).toBe(0);
    engine.script.chunkMs = 0;
  });
});

describe("Open WebUI", () => {
  const headers = { "content-type": "application/json", authorization: "Bearer any", "X-OpenWebUI-User-Id": "7" };

  it("fills its settings from /audio/models and /audio/voices, and speaks with what it chose there", async () => {
    const read = async (path: string) =>
      (await fetch(`${url}/v1/audio/${path}`, { headers })).json() as Promise<unknown>;
    const { models } = (await read("models")) as { models: { id: string }[] };
    expect(models.map(({ id }) => id)).toEqual(expect.arrayContaining(["auto", "tones", "tts-1"]));
    const { voices } = (await read("voices")) as { voices: { id: string; name: string }[] };
    expect(Object.fromEntries(voices.map(({ id, name }) => [id, name]))).toEqual({ one: "One", two: "Two" });
    for (const id of ["tones", "tts-1"]) {
      const body = { input: `Spoken as ${id}.`, voice: voices[1]!.id, model: id };
      const answer = await fetch(`${url}/v1/audio/speech`, { method: "POST", headers, body: JSON.stringify(body) });
      expect(answer.status, id).toBe(200);
      expect((await bytesOf(answer)).subarray(0, 2).readUInt16BE() & 0xffe0, id).toBe(0xffe0); // it saves an .mp3
    }
  });
});

/**
 * What the plugins of release 1.9.0 send, as they were seen to send it to this gateway. They are no dependency: with
 * @livekit/agents and its native parts they are 294 MB.
 */
describe("LiveKit agents", () => {
  it("by the OpenAI plugin, gets the samples that it cuts into frames of 24 kHz", async () => {
    const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: "any", maxRetries: 0 });
    const abort = new AbortController();
    const ask = (input: string) =>
      client.audio.speech.create(
        { input, model: "tts-1", voice: "alloy", response_format: "pcm", speed: 1, ...{ instructions: undefined } },
        { signal: abort.signal },
      );
    const buffer = await (await ask("What an agent says.")).arrayBuffer();
    expect(buffer.byteLength).toBe(19 * 20 * 48);
    engine.script.hang = true;
    const left = ask("What nobody waits for.");
    left.catch(() => {});
    await expect.poll(() => engine.active).toBe(1);
    abort.abort(); // barge-in
    await expect(left).rejects.toThrow();
    await expect.poll(() => engine.active).toBe(0);
    delete engine.script.hang;
  });

  it("by the ElevenLabs plugin, gets the audio of a whole text and of one that is written, with its characters' times", async () => {
    const key = { "xi-api-key": "any" };
    const whole = await fetch(`${url}/v1/text-to-speech/one/stream?output_format=pcm_24000&enable_logging=true`, {
      method: "POST",
      headers: { ...key, "content-type": "application/json" },
      body: JSON.stringify({ text: "What an agent says.", model_id: "eleven_turbo_v2_5" }),
    });
    expect((await bytesOf(whole)).length).toBe(19 * 20 * 48);

    const query =
      "model_id=eleven_turbo_v2_5&output_format=pcm_24000&enable_ssml_parsing=false&enable_logging=true&inactivity_timeout=180" +
      "&apply_text_normalization=auto&sync_alignment=true&auto_mode=true";
    const socket = new WebSocket(`${url.replace("http", "ws")}/v1/text-to-speech/one/multi-stream-input?${query}`, {
      headers: key,
    });
    type Answer = { contextId: string; audio?: string; isFinal?: boolean; alignment?: { chars: string[] } };
    const answers: Answer[] = [];
    const final = new Promise<void>((resolve) => {
      socket.on("message", (data: Buffer) => {
        const answer = JSON.parse(data.toString()) as Answer;
        answers.push(answer);
        if (answer.isFinal) resolve();
      });
    });
    await new Promise((resolve) => socket.once("open", resolve));
    const context_id = "d626cd46-10f";
    for (const message of [
      { text: " ", voice_settings: {}, context_id },
      { text: "This is written word by word. ", context_id, flush: true },
      { text: "And a second sentence. ", context_id, flush: true },
      { text: "", context_id, flush: true },
      { context_id, close_context: true },
    ])
      socket.send(JSON.stringify(message));
    await final;
    socket.close();
    expect(answers.every(({ contextId }) => contextId === context_id)).toBe(true);
    const heard = Buffer.concat(answers.map(({ audio = "" }) => Buffer.from(audio, "base64")));
    const input = "This is written word by word. And a second sentence.";
    expect(heard.equals(await posted({ input, voice: "one", response_format: "pcm" }))).toBe(true);
    expect(
      answers
        .flatMap(({ alignment }) => alignment?.chars ?? [])
        .join("")
        .replaceAll(/\s+/g, " ")
        .trim(),
    ).toBe(input);
  });
});
