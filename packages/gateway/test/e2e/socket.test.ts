import { SOCKET_PROTOCOL } from "@mynah/protocol";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { AUDIO_FORMAT_NAMES } from "../../src/core/audio-format.ts";
import { SpeechError } from "../../src/core/errors.ts";
import { hashKey } from "../../src/identity/api-key.ts";
import { bytesOf, postSpeech, runGateway } from "../support/gateway.ts";
import { connectSocket, type SocketClient } from "../support/socket-client.ts";
import { standInEngine } from "../support/stand-in-engine.ts";

const text = "Hello there, it's me. How are you? 😀 I'm fine, e\u0301 and all. 今日は。元気ですか。";
const settings = { voice: "one", format: "pcm" } as const;
/** Pauses that no busy machine makes by accident. */
const patient = { socketTextPauseMs: 60_000, socketSentencePauseMs: 60_000 };

function append(client: SocketClient, id: string, pieces: readonly string[], given: object = settings): void {
  for (const [at, piece] of pieces.entries()) client.send({ type: "append", id, text: piece, ...(at === 0 && given) });
}

const http = async (gateway: { url: string }, input: string, format = "pcm", headers = {}) =>
  bytesOf(await postSpeech(gateway, { input, voice: "one", response_format: format }, { headers }));

describe("/v1/speech/ws", () => {
  it("says a text as HTTP does, from the engine and from the cache, with its words", async () => {
    const gateway = await runGateway({}, { engines: [standInEngine({ words: true })] });
    const client = await connectSocket(gateway);
    expect(client.socket.protocol).toBe(SOCKET_PROTOCOL);
    expect(await client.message("ready")).toMatchObject({ protocol: "mynah.v1", maxUtterances: 8, limits: [] });
    client.send({ type: "speak", id: "a", text, ...settings, words: true });
    const fresh = await client.last("a");
    const same = await http(gateway, text);
    expect(client.heard("a").audio.equals(same)).toBe(true);
    expect(fresh).toMatchObject({ type: "done", fromCache: false, bytes: same.length, engine: "stand-in" });
    client.send({ type: "speak", id: "b", text, ...settings, words: true });
    expect(await client.last("b")).toMatchObject({ fromCache: true, durationMs: same.length / 48 });
    expect(client.heard("b").audio.equals(same)).toBe(true);
    const { words } = client.heard("b");
    expect(words).toEqual(client.heard("a").words);
    expect(words.map((word) => word.text).join(" ")).toContain("How are you?");
    expect(words.every(({ startMs }, at) => startMs >= (words[at - 1]?.startMs ?? 0))).toBe(true);
  });

  it.each(AUDIO_FORMAT_NAMES)("gives the same %s for text that was cut anywhere", async (format) => {
    const gateway = await runGateway(patient, { engines: [standInEngine()] });
    const client = await connectSocket(gateway);
    const same = await http(gateway, text, format, { "cache-control": "no-store" });
    append(client, "a", text.split(""), { voice: "one", format }); // between the halves of the emoji, too
    client.send({ type: "end", id: "a" });
    expect(await client.last("a")).toMatchObject({ type: "done", bytes: same.length });
    expect(client.heard("a").audio.equals(same)).toBe(true);
  });

  it("gives the same audio however the text was cut", async () => {
    const gateway = await runGateway(patient, { engines: [standInEngine()] });
    const client = await connectSocket(gateway);
    const same = await http(gateway, text);
    let id = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(text.length), { maxLength: 8 }), async (cuts) => {
        const places = [0, ...cuts.sort((a, b) => a - b), text.length];
        append(
          client,
          `${++id}`,
          places.slice(1).map((end, at) => text.slice(places[at], end)),
        );
        client.send({ type: "end", id: `${id}` });
        expect(await client.last(`${id}`)).toMatchObject({ type: "done" });
        expect(client.heard(`${id}`).audio.equals(same)).toBe(true);
      }),
      { numRuns: 25 },
    );
  });

  it("speaks a segment as soon as it is complete, on flush, and when the text pauses", async () => {
    const engine = standInEngine();
    const gateway = await runGateway({ ...patient, socketTextPauseMs: 60_000 }, { engines: [engine] });
    const client = await connectSocket(gateway);
    append(client, "a", ["First one. S"]);
    await client.audible("a");
    client.send({ type: "append", id: "a", text: "econd part" });
    client.send({ type: "flush", id: "a" });
    await expect.poll(() => engine.requests.map((request) => request.text)).toEqual(["First one.", "Second part"]);
    client.send({ type: "end", id: "a" });
    expect(await client.last("a")).toMatchObject({ type: "done", segments: { miss: 2 } });
    const impatient = await runGateway({ socketTextPauseMs: 30 }, { engines: [standInEngine()] });
    const other = await connectSocket(impatient);
    append(other, "a", ["Let me see"]);
    await other.audible("a");
    append(other, "b", ["That is all there is."]);
    await other.audible("b");
  });

  it("makes what two sockets say at once only once, and runs several utterances on one socket", async () => {
    const engine = standInEngine({ chunkMs: 5 });
    const gateway = await runGateway({}, { engines: [engine] });
    const [one, two] = await Promise.all([connectSocket(gateway), connectSocket(gateway)]);
    one.send({ type: "speak", id: "a", text: "The same for all.", ...settings });
    two.send({ type: "speak", id: "a", text: "The same for all.", ...settings });
    two.send({ type: "speak", id: "b", text: "Another one.", ...settings });
    const lasts = await Promise.all([one.last("a"), two.last("a"), two.last("b")]);
    expect(lasts.map(({ type }) => type)).toEqual(["done", "done", "done"]);
    expect(engine.calls).toBe(2);
    const same = await http(gateway, "The same for all.");
    expect(one.heard("a").audio.equals(same) && two.heard("a").audio.equals(same)).toBe(true);
    expect(two.heard("b").audio.equals(await http(gateway, "Another one."))).toBe(true);
  });

  it("stops at once when it is interrupted, tells what was said, and leaves the engine", async () => {
    const engine = standInEngine({ chunkMs: 10 });
    const gateway = await runGateway({}, { engines: [engine] });
    const client = await connectSocket(gateway);
    const long = `Said whole. ${"And so on, ".repeat(40)}`.trim();
    client.send({ type: "speak", id: "a", text: long, ...settings });
    await expect.poll(() => client.heard("a").audio.length, { timeout: 10_000 }).toBeGreaterThan(60_000);
    const at = performance.now();
    client.send({ type: "cancel", id: "a" });
    const { spokenText } = (await client.last("a")) as { spokenText: string };
    expect(performance.now() - at).toBeLessThan(1_000); // 20 ms where nothing else runs; the bench measures it
    expect(long.startsWith(spokenText)).toBe(true);
    expect(spokenText.length).toBeGreaterThan("Said whole.".length);
    expect(spokenText.length).toBeLessThan(long.length / 2);
    await expect.poll(() => engine.active).toBe(0);
    const bytes = client.heard("a").audio.length;
    client.send({ type: "speak", id: "a", text: "The id is free again.", ...settings });
    expect(await client.message("done", ({ id }) => id === "a")).toBeDefined();
    const order = client.arrivals.map((arrival) =>
      arrival.type === "frame" ? `frame ${arrival.stream}` : arrival.type,
    );
    expect(order.lastIndexOf("frame 1")).toBeLessThan(order.indexOf("cancelled"));
    expect(client.heard("a").audio.length).toBe(bytes);
  });

  it("gives back the stream it was counted for, whenever it is interrupted", async () => {
    const gateway = await runGateway(
      { keys: [{ hash: hashKey("ann-key-0123456789"), user: "ann", plan: "one" }], plans: { one: { streams: 1 } } },
      { engines: [standInEngine({ chunkMs: 2 })] },
    );
    const client = await connectSocket(gateway, { headers: { "xi-api-key": "ann-key-0123456789" } });
    for (let n = 0; n < 20; n++) {
      client.send({ type: n % 2 === 0 ? "speak" : "append", id: `${n}`, text: `Take ${n}. And more.`, ...settings });
      await new Promise((resolve) => setTimeout(resolve, n));
      client.send({ type: "cancel", id: `${n}` });
      expect(["cancelled", "done"]).toContain((await client.last(`${n}`)).type);
    }
    client.send({ type: "speak", id: "last", text: "There is room for this.", ...settings });
    expect(await client.last("last")).toMatchObject({ type: "done" });
  });

  it("ends an utterance that breaks off with what was said of it, and goes on with others", async () => {
    const engine = standInEngine();
    const gateway = await runGateway(patient, { engines: [engine] });
    const client = await connectSocket(gateway);
    append(client, "a", ["This was heard. N"]);
    await client.audible("a");
    Object.assign(engine.script, { failAfterBytes: 9_600, chunkMs: 20 });
    append(client, "a", ["ow it breaks in the middle of it. A"], {});
    expect(await client.last("a")).toMatchObject({ type: "error", code: "engine_failed" });
    expect((await client.message("error")).spokenText).toMatch(/^This was heard\. ?(Now)?/);
    append(client, "a", ["nd this is lost, not spoken."], {}); // on its way when the error came
    delete engine.script.failAfterBytes;
    client.send({ type: "speak", id: "b", text: "Fine.", ...settings });
    expect(await client.last("b")).toMatchObject({ type: "done" });
    expect(engine.requests.some((request) => request.text.includes("lost"))).toBe(false);
  });

  it("tells a failure before any audio by its code", async () => {
    const failWith = new SpeechError("engine_rejected", "no", { engine: "stand-in" });
    const gateway = await runGateway({}, { engines: [standInEngine({ failWith })] });
    const client = await connectSocket(gateway);
    client.send({ type: "speak", id: "a", text: "No.", ...settings });
    client.send({ type: "speak", id: "b", text: "No.", voice: "nobody" });
    client.send({ type: "speak", id: "c", text: " 🎉 ", ...settings });
    append(client, "d", [" 🎉 "]);
    client.send({ type: "end", id: "d" });
    const codes = await Promise.all(["a", "b", "c", "d"].map((id) => client.last(id)));
    expect(codes.map((last) => "code" in last && last.code)).toEqual([
      "engine_rejected",
      "voice_not_found",
      "text_empty",
      "text_empty",
    ]);
    expect(codes.every((last) => !("spokenText" in last))).toBe(true);
  });

  it("counts as over HTTP: a refusal ends one utterance, also in its middle", async () => {
    const gateway = await runGateway(
      {
        ...patient,
        keys: [{ hash: hashKey("ann-key-0123456789"), user: "ann", plan: "small" }],
        plans: { small: { requestsPerMinute: 2, charactersPerMinute: 30 } },
      },
      { engines: [standInEngine()] },
    );
    const client = await connectSocket(gateway, { headers: { "xi-api-key": "ann-key-0123456789" } });
    expect(await client.message("ready")).toMatchObject({
      user: "ann",
      limits: [
        { name: "minute", unit: "requests", limit: 2, remaining: 2 },
        { unit: "characters", limit: 30, remaining: 30 },
      ],
    });
    append(client, "a", ["Twenty characters it is. N"]);
    await client.audible("a");
    append(client, "a", ["ow it is too much. A"], {});
    expect(await client.last("a")).toMatchObject({
      type: "error",
      code: "rate_limit_exceeded",
      spokenText: "Twenty characters it is.",
    });
    expect((await client.message("error")).retryAfterMs).toBeGreaterThan(1_000);
    client.send({ type: "speak", id: "b", text: "Twenty characters it is.", ...settings }); // stored: costs a request only
    expect(await client.last("b")).toMatchObject({ type: "done" });
    client.send({ type: "speak", id: "c", text: "No.", ...settings });
    expect(await client.last("c")).toMatchObject({ type: "error", code: "rate_limit_exceeded" });
    client.send({ type: "speak", id: "d", text: "No.", ...settings, user: "her guest" });
    expect(await client.last("d")).toMatchObject({ type: "done" });
  });

  it("lets in whoever HTTP lets in, and refuses before the upgrade in its words", async () => {
    const key = "ann-key-0123456789";
    const gateway = await runGateway({ keys: [{ hash: hashKey(key), user: "ann" }] }, { engines: [standInEngine()] });
    const authorization = `Bearer ${key}`;
    await expect(connectSocket(gateway)).rejects.toThrow(/^401 .*"unauthorized"/);
    await expect(connectSocket(gateway, { query: `?token=${key}` })).rejects.toThrow(/^401 .*speech\/tokens/);
    await expect(connectSocket(gateway, { protocols: ["other"], headers: { authorization } })).rejects.toThrow(/^400 /);
    expect(
      (await (await connectSocket(gateway, { headers: { authorization }, protocols: [] })).message("ready")).user,
    ).toBe("ann");
    const asked = await fetch(`${gateway.url}/v1/speech/tokens`, {
      method: "POST",
      headers: { authorization, "content-type": "application/json" },
      body: JSON.stringify({ user: "guest" }),
    });
    const { token, expiresInS } = (await asked.json()) as { token: string; expiresInS: number };
    expect([asked.status, expiresInS]).toEqual([201, 60]);
    const plain = await fetch(`${gateway.url}/v1/speech/ws`, { headers: { authorization } });
    expect([plain.status, plain.headers.get("upgrade")]).toEqual([426, "websocket"]);
    const browserLike = new globalThis.WebSocket(
      `${gateway.url.replace("http", "ws")}/v1/speech/ws?token=${token}`,
      SOCKET_PROTOCOL,
    );
    browserLike.binaryType = "arraybuffer";
    const received: unknown[] = [];
    const done = new Promise<void>((resolve, reject) => {
      browserLike.onerror = () => reject(new Error("refused"));
      browserLike.onmessage = ({ data }) => {
        received.push(typeof data === "string" ? JSON.parse(data) : (data as ArrayBuffer).byteLength);
        if (typeof data === "string" && data.includes('"done"')) resolve();
      };
    });
    browserLike.onopen = () =>
      browserLike.send(JSON.stringify({ type: "speak", id: "a", text: "Hi.", voice: "one", format: "pcm" }));
    await done;
    expect(received[0]).toMatchObject({ type: "ready", user: "guest" });
    expect(received[2]).toBe(4 + 2_880);
    browserLike.close();
  });

  it("shows its sockets and utterances in the statistics", async () => {
    const engine = standInEngine({ hang: true });
    const gateway = await runGateway({}, { engines: [engine] });
    const client = await connectSocket(gateway);
    client.send({ type: "speak", id: "a", text: "Never.", ...settings });
    await expect.poll(() => engine.active).toBe(1);
    const stats = async () => ((await (await fetch(`${gateway.url}/v1/stats`)).json()) as { sockets: object }).sockets;
    expect(await stats()).toEqual({ open: 1, utterances: 1 });
    client.socket.terminate();
    await expect.poll(stats).toEqual({ open: 0, utterances: 0 });
    await expect.poll(() => engine.active).toBe(0);
  });
});
