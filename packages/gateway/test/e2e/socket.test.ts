import { SOCKET_PROTOCOL } from "@mynah/protocol";
import { describe, expect, it } from "vitest";
import { bytesOf, postSpeech, runGateway } from "../support/gateway.ts";
import { connectSocket } from "../support/socket-client.ts";
import { standInEngine } from "../support/stand-in-engine.ts";

const text = "Hello there, it's me. How are you? 😀 I'm fine, e\u0301 and all. 今日は。元気ですか。";

describe("/v1/speech/ws", () => {
  it("says a text as HTTP does, from the engine and from the cache, with its words", async () => {
    const gateway = await runGateway({}, { engines: [standInEngine({ words: true })] });
    const client = await connectSocket(gateway);
    expect(client.socket.protocol).toBe(SOCKET_PROTOCOL);
    expect(await client.message("ready")).toMatchObject({ protocol: "mynah.v1", maxUtterances: 8, limits: [] });
    client.send({ type: "speak", id: "a", text, voice: "one", format: "pcm", words: true });
    const fresh = await client.last("a");
    const http = await bytesOf(await postSpeech(gateway, { input: text, voice: "one", response_format: "pcm" }));
    expect(client.heard("a").audio.equals(http)).toBe(true);
    expect(fresh).toMatchObject({ type: "done", fromCache: false, bytes: http.length, engine: "stand-in" });
    client.send({ type: "speak", id: "b", text, voice: "one", format: "pcm", words: true });
    expect(await client.last("b")).toMatchObject({ fromCache: true, durationMs: http.length / 48 });
    expect(client.heard("b").audio.equals(http)).toBe(true);
    expect(client.heard("b").words).toEqual(client.heard("a").words);
    expect(client.heard("b").words.length).toBeGreaterThan(8);
  });
  it("cancels", async () => {
    const engine = standInEngine({ chunkMs: 20, words: true });
    const gateway = await runGateway({}, { engines: [engine] });
    const client = await connectSocket(gateway);
    client.send({ type: "speak", id: "a", text, voice: "one", format: "pcm" });
    await client.audible("a");
    client.send({ type: "cancel", id: "a" });
    expect(await client.last("a")).toMatchObject({ type: "cancelled" });
    await expect.poll(() => engine.active).toBe(0);
  });
  it("appends", async () => {
    const gateway = await runGateway(
      { socketTextPauseMs: 5000, socketSentencePauseMs: 5000 },
      { engines: [standInEngine({ words: true })] },
    );
    const client = await connectSocket(gateway);
    for (const [at, piece] of text.split("").entries())
      client.send({ type: "append", id: "a", text: piece, ...(at === 0 && { voice: "one", format: "pcm" }) });
    client.send({ type: "end", id: "a" });
    expect(await client.last("a")).toMatchObject({ type: "done" });
    const http = await bytesOf(await postSpeech(gateway, { input: text, voice: "one", response_format: "pcm" }));
    expect(client.heard("a").audio.equals(http)).toBe(true);
  });
});
