import { describe, expect, it, onTestFinished } from "vitest";
import { WebSocket as WsWebSocket } from "ws";
import { type ConnectOptions, connect, MynahError, type SpeechSocket } from "../../../client/src/index.ts";
import { ERROR_CODES } from "../../src/core/errors.ts";
import { hashKey } from "../../src/identity/api-key.ts";
import { bytesOf, postSpeech, runGateway } from "../support/gateway.ts";
import { startGatewayProcess } from "../support/gateway-process.ts";
import { standInEngine } from "../support/stand-in-engine.ts";

const TEXT = "Hello there, it is me. How are you today? I am fine.";
const AS = { voice: "one", format: "pcm" } as const;

function open({ url }: { readonly url: string }, options: Partial<ConnectOptions> = {}): SpeechSocket {
  const socket = connect({ baseUrl: url, backoff: { minMs: 20, maxMs: 200, maxAttempts: 50 }, ...options });
  onTestFinished(() => socket.close());
  return socket;
}

async function read(audio: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of audio) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** As a language model writes: a few characters at a time, with time in between. */
async function* written(text: string) {
  for (let at = 0; at < text.length; at += 3) {
    yield text.slice(at, at + 3);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

describe("connect() and a real gateway", () => {
  it("says what is written piece by piece as HTTP says the whole, with its words, then from the cache", async () => {
    const gateway = await runGateway({}, { engines: [standInEngine({ words: true })] });
    const socket = open(gateway);
    const spoken = socket.stream(written(TEXT), { ...AS, words: true });
    const told: string[] = [];
    spoken.on("words", (words) => told.push(...words.map(({ text }) => text)));
    const audio = await read(spoken.audio);
    const http = await bytesOf(await postSpeech(gateway, { input: TEXT, voice: "one", response_format: "pcm" }));
    expect(audio.equals(http)).toBe(true);
    expect(await spoken.started).toMatchObject({ engine: "stand-in", format: "pcm", sampleRateHz: 24_000 });
    expect(await spoken.done).toMatchObject({ outcome: "done", fromCache: false, bytes: http.length });
    expect(told.join(" ").replaceAll(/[.,?]/g, "")).toBe(TEXT.replaceAll(/[.,?]/g, ""));
    expect(spoken.words.at(-1)!.endMs).toBeLessThanOrEqual(http.length / 48 + 1);

    const again = socket.speak({ text: TEXT, ...AS, words: true });
    expect((await read(again.audio)).equals(http)).toBe(true);
    expect(await again.done).toMatchObject({ fromCache: true });
    expect(again.words).toEqual(spoken.words);
  });

  it("tells marks and notices of SSML, says dialogues as HTTP does, and lives on after wrong SSML", async () => {
    const gateway = await runGateway({}, { engines: [standInEngine({ words: true })] });
    const socket = open(gateway);
    const text =
      '<speak><emphasis>Your</emphasis> total is <mark name="total"/>forty.<break time="1s"/><mark name="end"/></speak>';
    const marks = [
      { name: "total", timeMs: 280 },
      { name: "end", timeMs: 1400 },
    ];
    for (const fromCache of [false, true]) {
      const spoken = socket.speak({ text, inputType: "ssml", ...AS });
      const told: string[] = [];
      spoken.on("marks", (some) => told.push(...some.map(({ name }) => name)));
      expect((await read(spoken.audio)).length).toBe(1400 * 48);
      expect(await spoken.done).toMatchObject({ outcome: "done", fromCache });
      expect([spoken.marks, told]).toEqual([marks, ["total", "end"]]);
      expect((await spoken.started).notices).toEqual([
        { line: 1, column: 8, message: "emphasis is not done; its text is spoken as the rest" },
      ]);
    }
    const turns = [{ text: "How are you?" }, { text: "Fine.", voice: "two", speed: 2 }];
    const said = await read(socket.speak({ turns, turnPauseMs: 100, ...AS }).audio);
    const asked = { turns, turn_pause_ms: 100, voice: "one", response_format: "pcm" };
    expect(said.equals(await bytesOf(await postSpeech(gateway, asked)))).toBe(true);
    await expect(socket.speak({ text: "<speak>Hi", inputType: "ssml", ...AS }).done).rejects.toMatchObject({
      code: "ssml_invalid",
      message: expect.stringMatching(/^line 1, column \d+: /) as string,
      retryable: false,
    });
    expect(await socket.speak({ text: "Next.", ...AS }).done).toMatchObject({ outcome: "done" });
  });

  it("keeps utterances apart that are heard at the same time, more of them than a socket may have", async () => {
    const gateway = await runGateway({}, { engines: [standInEngine()] });
    const socket = open(gateway);
    const texts = Array.from({ length: 20 }, (_, at) => `This is sentence number ${at}.`);
    const audio = await Promise.all(texts.map((text) => read(socket.speak({ text, ...AS }).audio)));
    for (const [at, input] of texts.entries()) {
      const http = await bytesOf(await postSpeech(gateway, { input, voice: "one", response_format: "pcm" }));
      expect(audio[at]!.equals(http), input).toBe(true);
    }
  });

  it("writes a long text letter by letter without being closed for its many messages", async () => {
    const gateway = await runGateway({ socketMessagesPerSecond: 20 }, { engines: [standInEngine()] });
    const text = TEXT.repeat(8);
    const audio = await read(open(gateway).stream(text, AS).audio);
    const http = await bytesOf(await postSpeech(gateway, { input: text, voice: "one", response_format: "pcm" }));
    expect(audio.equals(http)).toBe(true);
  });

  it("cancel() stops the engine and tells what was spoken", async () => {
    const engine = standInEngine({ chunkMs: 30, words: true });
    const socket = open(await runGateway({}, { engines: [engine] }));
    const spoken = socket.speak({ text: TEXT, ...AS });
    await spoken.started;
    const end = await spoken.cancel();
    expect(end.outcome).toBe("cancelled");
    expect(TEXT.startsWith(end.outcome === "cancelled" ? (end.spokenText ?? "?") : "?")).toBe(true);
    await expect.poll(() => engine.active).toBe(0);
    expect(await socket.speak({ text: "Next.", ...AS }).done).toMatchObject({ outcome: "done" });
  });

  it("a refusal by a limit ends one utterance, with the time to wait", async () => {
    const gateway = await runGateway({ rateLimitPerMinute: 1, rateLimitPerHour: 9 }, { engines: [standInEngine()] });
    const socket = open(gateway);
    const first = socket.speak({ text: "One.", ...AS });
    await first.done;
    const error: unknown = await socket.speak({ text: "Two.", ...AS }).done.catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ name: "MynahError", code: "rate_limit_exceeded", retryable: true });
    expect((error as MynahError).retryAfterMs).toBeGreaterThan(30_000);
    await expect(socket.speak({ text: "Three.", voice: "nobody" }).done).rejects.toMatchObject({
      code: "voice_not_found",
      retryable: false,
    });
  });

  it("opens with a key in a header, or with a token that a server got for a browser", async () => {
    const key = "sdk-key-0123456789abcdef";
    const keys = [{ hash: hashKey(key), user: "ann" }];
    const gateway = await runGateway({ keys }, { engines: [standInEngine()] });
    const say = (socket: SpeechSocket): Promise<unknown> => socket.speak({ text: "Hello.", ...AS }).done;
    expect(await say(open(gateway, { apiKey: key }))).toMatchObject({ outcome: "done" });
    expect(await say(open(gateway, { apiKey: key, WebSocket: WsWebSocket }))).toMatchObject({ outcome: "done" });
    const token = async (): Promise<string> => {
      const headers = { authorization: `Bearer ${key}`, "content-type": "application/json" };
      const response = await fetch(`${gateway.url}/v1/speech/tokens`, { method: "POST", headers, body: "{}" });
      return ((await response.json()) as { token: string }).token;
    };
    expect(await say(open(gateway, { token }))).toMatchObject({ outcome: "done" });
    const refused = say(open(gateway, { apiKey: "wrong", backoff: { minMs: 1, maxAttempts: 2 } }));
    await expect(refused).rejects.toMatchObject({ code: "unreachable" });
  });

  it("a gateway that dies fails what was heard, and its successor says what had not begun", async () => {
    const gateway = await startGatewayProcess({}, { chunkMs: 50 });
    onTestFinished(() => gateway.stop());
    const socket = open(gateway, { backoff: { minMs: 20, maxMs: 200, maxAttempts: 1_000 } }); // a process may start slowly
    const heard = socket.speak({ text: TEXT, ...AS });
    await heard.started;
    await gateway.kill();
    await expect(heard.done).rejects.toMatchObject({ code: "connection_lost", retryable: true });
    const waiting = socket.speak({ text: "Are you back?", ...AS });
    await gateway.restart();
    expect((await read(waiting.audio)).length).toBeGreaterThan(1_000);
    expect(await waiting.done).toMatchObject({ outcome: "done" });
  }, 90_000);

  it("a gateway that stops finishes what it says", async () => {
    const gateway = await runGateway({}, { engines: [standInEngine({ chunkMs: 20 })] });
    const socket = open(gateway, { backoff: { minMs: 1, maxAttempts: 2 } });
    const spoken = socket.speak({ text: TEXT, ...AS });
    await spoken.started;
    const lost = new Promise<MynahError>((resolve) => socket.on("lost", resolve));
    const closed = gateway.close({ graceMs: 10_000 });
    expect(await spoken.done).toMatchObject({ outcome: "done" });
    expect((await lost).message).toMatch(/stopping|no connection/);
    await closed;
  });
});

describe("MynahError.retryable", () => {
  it("is what the gateway's own table says, for every code", () => {
    const codes = Object.keys(ERROR_CODES);
    expect(codes.filter((code) => new MynahError("", { status: 0, code }).retryable)).toEqual(
      Object.entries(ERROR_CODES).flatMap(([code, { retryable }]) => (retryable ? [code] : [])),
    );
  });
});
