import OpenAI, { APIConnectionError, AuthenticationError, InternalServerError, RateLimitError } from "openai";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createTranscoder } from "../../src/audio/transcode.ts";
import { AUDIO_FORMAT_NAMES } from "../../src/core/audio-format.ts";
import { type OpenAiStandIn, openAiStandIn } from "../support/openai-stand-in.ts";
import { FORMATS } from "../support/speech-rig.ts";
import type { Fault } from "../support/stand-ins/fault.ts";

/** The judge of our stand-in is the vendor's own client. */
describe("OpenAI's stand-in, spoken to by the official client", () => {
  const { signal } = new AbortController();
  const input = "The quick brown fox jumps over the lazy dog.";
  let server: OpenAiStandIn;
  let openai: OpenAI;
  beforeEach(async () => {
    server = await openAiStandIn();
    openai = new OpenAI({ baseURL: server.url, apiKey: "any", maxRetries: 0 });
  });
  afterEach(() => server.close());
  const speak = (more: object = {}) =>
    openai.audio.speech.create({ model: "gpt-4o-mini-tts", voice: "nova", input, response_format: "pcm", ...more });
  const spoken = async (more: object = {}): Promise<Buffer> => Buffer.from(await (await speak(more)).arrayBuffer());

  it.each(AUDIO_FORMAT_NAMES)("speaks %s", async (format) => {
    const transcoder = createTranscoder({ workers: 1 });
    const { durationMs, peak } = await transcoder.inspect(await spoken({ response_format: format }), FORMATS[format], {
      signal,
    });
    await transcoder.close();
    expect(durationMs).toBeGreaterThan(2500);
    expect(durationMs).toBeLessThan(2900);
    if (format !== "aac") expect(peak).toBeGreaterThan(0.2);
  });

  it("speaks events to the same audio, ends them with the usage and lists models", async () => {
    const events = (await (await speak({ stream_format: "sse" })).text())
      .split("\n\n")
      .filter((line) => line !== "")
      .map((line) => JSON.parse(line.replace(/^data: /, "")) as { type: string; audio?: string; usage?: object });
    expect(events.pop()).toMatchObject({ type: "speech.audio.done", usage: { input_tokens: 11 } });
    const audio = Buffer.concat(events.map((event) => Buffer.from(event.audio!, "base64")));
    expect(audio.equals(await spoken())).toBe(true);
    expect((await openai.models.list()).data.map(({ id }) => id)).toContain("gpt-4o-mini-tts");
  });

  it("keeps connections for the calls that follow", async () => {
    for (let n = 0; n < 12; n++) await spoken();
    expect([server.calls, server.cancelled]).toEqual([12, 0]);
    expect(server.connections).toBeLessThanOrEqual(2); // the next call may begin before the last one's socket is given back
  });

  it.each([
    [{ kind: "refuse" }, APIConnectionError],
    [{ kind: "status", status: 401 }, AuthenticationError],
    [{ kind: "status", status: 429, retryAfterS: 3 }, RateLimitError],
    [{ kind: "status", status: 500 }, InternalServerError],
  ] satisfies [Fault, unknown][])("fails as %j, and is well again afterwards", async (fault, error) => {
    const whole = await spoken();
    await server.fault(fault);
    await expect(speak()).rejects.toBeInstanceOf(error);
    if ("retryAfterS" in fault)
      await expect(speak()).rejects.toSatisfy(
        (thrown) => thrown instanceof RateLimitError && thrown.headers.get("retry-after") === "3",
      );
    await server.fault(undefined);
    expect((await spoken()).equals(whole)).toBe(true);
  });

  it("hangs before and after its first audio until the caller leaves, and counts who left", async () => {
    for (const fault of [{ kind: "hang" }, { kind: "hang-after", bytes: 9600 }] as const) {
      await server.fault(fault);
      const gate = new AbortController();
      const asking = openai.audio.speech.create(
        { model: "gpt-4o-mini-tts", voice: "nova", input, response_format: "pcm" },
        { signal: gate.signal },
      );
      if (fault.kind === "hang") setTimeout(() => gate.abort(), 50);
      else {
        const reader = (await asking).body!.getReader();
        for (let bytes = 0; bytes < fault.bytes; ) bytes += (await reader.read()).value!.byteLength;
        const more = reader.read();
        gate.abort();
        await expect(more).rejects.toThrow();
        continue;
      }
      await expect(asking).rejects.toThrow();
    }
    while (server.cancelled < 2) await new Promise((resolve) => setTimeout(resolve, 5));
    expect(server.cancelled).toBe(2);
  });

  it("says too little, nothing, noise, too slowly, in another format or without end", async () => {
    const whole = await spoken();
    const under = async (fault: Fault): Promise<Buffer> => {
      await server.fault(fault);
      return spoken();
    };
    await expect(under({ kind: "cut-after", bytes: 9600 })).rejects.toThrow();
    expect((await under({ kind: "half", bytes: 9600 })).equals(whole.subarray(0, 9600))).toBe(true);
    const silence = await under({ kind: "silence" });
    expect([silence.length, silence.every((byte) => byte === 0)]).toEqual([whole.length, true]);
    const noise = await under({ kind: "noise" });
    expect([noise.length, noise.equals(whole)]).toEqual([whole.length, false]);
    expect((await under({ kind: "trickle", chunkBytes: 24_000, everyMs: 2 })).equals(whole)).toBe(true);
    const transcoder = createTranscoder({ workers: 1 });
    const other = await transcoder.inspect(await under({ kind: "wrong-format" }), FORMATS.mp3, { signal });
    await transcoder.close();
    expect(other.durationMs).toBeGreaterThan(2500);
    await server.fault({ kind: "endless" });
    const reader = (await speak()).body!.getReader();
    let bytes = 0;
    while (bytes < whole.length * 3) bytes += (await reader.read()).value!.byteLength;
    await reader.cancel();
    expect(server.cancelled).toBeLessThanOrEqual(1);
  });
});
