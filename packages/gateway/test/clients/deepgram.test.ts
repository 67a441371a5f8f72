import { type Deepgram, DeepgramClient, DeepgramError } from "@deepgram/sdk";
import { describe, expect, it, onTestFinished } from "vitest";
import { WebSocket } from "ws";
import { hashKey } from "../../src/identity/api-key.ts";
import { decodeWithFfmpeg, hasTool, probe } from "../support/audio-decode.ts";
import { bytesOf, postSpeech, runGateway } from "../support/gateway.ts";
import { standInEngine } from "../support/stand-in-engine.ts";

const KEY = "mk-deepgram-test-key";
const engine = standInEngine({ name: "tones" });
const gateway = await runGateway(
  {
    keys: [
      { hash: hashKey(KEY), user: "ann", plan: "free" },
      { hash: hashKey("mk-poor"), user: "poor", plan: "tight" },
    ],
    plans: { free: {}, tight: { requestsPerMinute: 1 } },
    breakerFailures: 1_000,
  },
  { engines: [engine] },
);
const { url } = gateway;
const client = new DeepgramClient({ apiKey: KEY, baseUrl: url, maxRetries: 0 });
const ffmpeg = hasTool("ffmpeg");

async function generate(request: Deepgram.speak.v1.SpeakV1Request, from = client) {
  const { data, rawResponse } = await from.speak.v1.audio.generate(request).withRawResponse();
  return { audio: Buffer.from(await data.arrayBuffer()), headers: rawResponse.headers };
}

/** What the SDK makes of an error. */
async function refusal(request: Deepgram.speak.v1.SpeakV1Request, from = client) {
  const error = await generate(request, from).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(DeepgramError);
  const { statusCode, body } = error as DeepgramError;
  expect(body).toEqual({
    err_code: expect.any(String) as string,
    err_msg: expect.any(String) as string,
    request_id: expect.stringMatching(/^[0-9a-f-]{36}$/) as string,
  });
  return [statusCode, (body as { err_code: string }).err_code];
}

const posted = async (input: string) =>
  bytesOf(
    await postSpeech(
      gateway,
      { input, voice: "one", response_format: "pcm" },
      { headers: { authorization: `Bearer ${KEY}` } },
    ),
  );

describe("@deepgram/sdk, speak over HTTP", () => {
  it("hears a miss, then a hit, and reads the headers it knows", async () => {
    const request = { text: "Said once, heard twice.", model: "one", encoding: "linear16", container: "none" };
    const miss = await generate(request);
    expect(miss.audio.equals(await posted(request.text))).toBe(true);
    expect(miss.headers.get("dg-model-name")).toBe("one");
    expect(miss.headers.get("dg-char-count")).toBe("23");
    expect(miss.headers.get("dg-request-id")).toMatch(/^[0-9a-f-]{36}$/);
    const { calls } = engine;
    const hit = await generate(request);
    expect(hit.headers.get("cache-status")).toBe("mynah; hit");
    expect(hit.audio.equals(miss.audio)).toBe(true);
    expect(engine.calls).toBe(calls);
  });

  it("speaks as Deepgram's own models: by language and gender, or by an alias of that name", async () => {
    const text = "Who stands in?";
    const said = async (model?: string) => {
      await generate({ text, ...(model !== undefined && { model }), encoding: "linear16", container: "none" });
      return engine.requests.findLast((request) => request.text === text)?.voice;
    };
    expect(await said()).toBe("one"); // aura-asteria-en, a woman
    expect(await said("aura-2-apollo-en")).toBe("two");
    expect(await said("tones/two")).toBe("two");
    expect(await refusal({ text, model: "nova-3" })).toEqual([400, "INVALID_QUERY_PARAMETER"]);
  });

  it("gives every encoding that Deepgram names", async () => {
    const text = "Any shape you like, please.";
    const seconds = text.length * 0.02;
    const say = (settings: object) => generate({ text, model: "one", ...settings });
    const wavs: [object, format: number, rateHz: number, bytes: number][] = [
      [{ encoding: "linear16" }, 1, 24_000, 2],
      [{ encoding: "linear16", sample_rate: 48_000 }, 1, 48_000, 2],
      [{ encoding: "mulaw" }, 7, 8000, 1],
      [{ encoding: "alaw", sample_rate: 16_000 }, 6, 16_000, 1],
    ];
    for (const [settings, format, rateHz, bytes] of wavs) {
      const { audio, headers } = await say(settings);
      expect(headers.get("content-type")).toBe("audio/wav");
      expect([audio.readUInt16LE(20), audio.readUInt32LE(24)]).toEqual([format, rateHz]);
      expect(Math.abs(audio.length - seconds * rateHz * bytes)).toBeLessThan(100);
    }
    const raw = await say({ encoding: "mulaw", container: "none" });
    expect(raw.headers.get("content-type")).toBe("audio/basic");
    expect(Math.abs(raw.audio.length - seconds * 8000)).toBeLessThan(10);

    const coded: [object, type: string, codec: "mp3" | "opus" | "flac" | "aac", rateHz: number][] = [
      [{}, "audio/mpeg", "mp3", 22_050],
      [{ encoding: "opus" }, "audio/ogg; codecs=opus", "opus", 48_000],
      [{ encoding: "flac", sample_rate: 22_050 }, "audio/flac", "flac", 22_050],
      [{ encoding: "aac", bit_rate: 32_000 }, "audio/aac", "aac", 22_050],
    ];
    for (const [settings, type, codec, sampleRateHz] of coded) {
      const { audio, headers } = await say(settings);
      expect(headers.get("content-type")).toBe(type);
      if (!ffmpeg || sampleRateHz !== 22_050) continue; // the rate that nobody else asks for
      expect(probe(audio)).toMatchObject({ codec, sampleRateHz, channels: 1 });
      expect(Math.abs(decodeWithFfmpeg(audio, codec).length / 24_000 - seconds), codec).toBeLessThan(0.15);
    }
    expect((await say({ bit_rate: 32_000 })).audio.length).toBeLessThan((await say({})).audio.length * 0.8);
  });

  it("is told what is wrong in Deepgram's words", async () => {
    const text = "Never heard.";
    const bad: [Partial<Deepgram.speak.v1.SpeakV1Request> & Record<string, unknown>, unknown][] = [
      [{ encoding: "midi" }, [400, "INVALID_QUERY_PARAMETER"]],
      [{ encoding: "linear16", sample_rate: 11_025 }, [400, "INVALID_QUERY_PARAMETER"]],
      [{ encoding: "linear16", container: "ogg" }, [400, "INVALID_QUERY_PARAMETER"]],
      [{ encoding: "linear16", bit_rate: 1 }, [400, "INVALID_QUERY_PARAMETER"]],
      [{ encoding: "mp3", bit_rate: 64_000 }, [400, "INVALID_QUERY_PARAMETER"]],
      [{ encoding: "opus", bit_rate: 650_000 }, [400, "INVALID_QUERY_PARAMETER"]],
      [{ speed: 3 }, [400, "INVALID_QUERY_PARAMETER"]],
      [{ callback: "https://example.com/" }, [400, "INVALID_QUERY_PARAMETER"]],
      [{ text: " " }, [400, "PAYLOAD_ERROR"]],
      [{ text: "x".repeat(20_001) }, [413, "PAYLOAD_TOO_LARGE"]],
    ];
    for (const [settings, expected] of bad)
      expect(await refusal({ text, model: "one", ...settings }), JSON.stringify(settings).slice(0, 80)).toEqual(
        expected,
      );
    const stranger = new DeepgramClient({ apiKey: "wrong", baseUrl: url, maxRetries: 0 });
    expect(await refusal({ text }, stranger)).toEqual([401, "INVALID_AUTH"]);
    const answer = await fetch(`${url}/v1/speak`, {
      method: "POST",
      headers: { authorization: `Token ${KEY}`, "content-type": "application/json" },
      body: `{"url":"http://127.0.0.1/"}`,
    });
    expect([answer.status, await answer.json()]).toMatchObject([
      400,
      { err_msg: expect.stringContaining("url") as string },
    ]);
    expect(answer.headers.get("dg-error")).toContain("url");
    const get = await fetch(`${url}/v1/speak`, { headers: { authorization: `Token ${KEY}` } });
    expect([get.status, await get.json()]).toMatchObject([426, { err_code: "UPGRADE_REQUIRED" }]);
  });

  it("is refused by limits, fails with the engine, and leaves it when it leaves", async () => {
    const poor = new DeepgramClient({ apiKey: "mk-poor", baseUrl: url, maxRetries: 0 });
    await generate({ text: "The only one.", model: "one" }, poor);
    expect(await refusal({ text: "One too many.", model: "one" }, poor)).toEqual([429, "TOO_MANY_REQUESTS"]);

    engine.script.failAfterBytes = 0;
    expect(await refusal({ text: "It fails before.", model: "one" })).toEqual([503, "ENGINES_UNAVAILABLE"]);
    engine.script.failAfterBytes = 9_600;
    engine.script.chunkMs = 5;
    await expect(
      generate({ text: "It fails in the middle of this.", model: "one", encoding: "linear16" }),
    ).rejects.toThrow();
    delete engine.script.failAfterBytes;
    engine.script.chunkMs = 20;
    const abort = new AbortController();
    const { body } = await client.speak.v1.audio
      .generate({ text: "It would go on for long. ".repeat(20), model: "one" }, { abortSignal: abort.signal })
      .withRawResponse()
      .then(({ data }) => ({ body: data.stream()! }));
    await body.getReader().read();
    abort.abort();
    await expect.poll(() => engine.active).toBe(0);
    engine.script.chunkMs = 0;
  });
});

type Message = { type: string; sequence_id?: number; code?: string; description?: string } & Record<string, unknown>;

/** A socket of the SDK's, what came by it, and the audio between two messages. */
async function connect(args: Record<string, unknown> = {}, from = client) {
  const socket = await from.speak.v1.connect({ model: "one", reconnectAttempts: 0, ...args });
  const messages: Message[] = [];
  const pieces: Promise<Buffer>[] = [];
  const closed = new Promise<{ code: number; reason: string }>((resolve) => socket.on("close", resolve));
  socket.on("message", (message: unknown) => {
    if (message instanceof Blob) pieces.push(message.arrayBuffer().then((bytes) => Buffer.from(bytes)));
    else messages.push(message as Message);
  });
  socket.on("error", () => {});
  socket.connect();
  await socket.waitForOpen();
  onTestFinished(() => socket.close());
  return {
    socket,
    messages,
    closed,
    say: (text: string) => socket.sendText({ type: "Speak", text }),
    flush: () => socket.sendFlush({ type: "Flush" }),
    clear: () => socket.sendClear({ type: "Clear" }),
    got: (type: string, count = 1) =>
      expect.poll(() => messages.filter((message) => message.type === type).length, { timeout: 10_000 }).toBe(count),
    frames: () => pieces.length,
    heard: async () => Buffer.concat(await Promise.all(pieces.splice(0))),
  };
}

describe("@deepgram/sdk, speak over a socket", () => {
  it("is told who speaks, speaks text as it comes, and confirms each flush behind its audio", async () => {
    const queryParams = { container: "wav", bit_rate: "32000" };
    const talk = await connect({ encoding: "linear16", sample_rate: 24_000, queryParams });
    await talk.got("Metadata");
    expect(talk.messages[0]!.mynah_ignored).toEqual(["container", "bit_rate"]);
    expect(talk.messages[0]).toMatchObject({
      model_name: "one",
      request_id: expect.stringMatching(/^[0-9a-f-]{36}$/) as string,
      model_uuid: expect.stringMatching(/^[0-9a-f]{8}-[0-9a-f]{4}-8/) as string,
      model_version: expect.any(String) as string,
    });
    for (const piece of ["The first tu", "rn has two sen", "tences. This is one. "]) talk.say(piece);
    await expect.poll(talk.frames).toBeGreaterThan(0); // of its first sentence, before any flush
    talk.flush();
    await talk.got("Flushed");
    expect((await talk.heard()).equals(await posted("The first turn has two sentences. This is one."))).toBe(true);
    talk.say("The second has no end");
    talk.flush();
    talk.flush(); // of nothing
    await talk.got("Flushed", 3);
    expect(talk.messages.map(({ type, sequence_id: id }) => `${type} ${id ?? ""}`)).toEqual([
      "Metadata ",
      "Flushed 0",
      "Flushed 1",
      "Flushed 2",
    ]);
    expect((await talk.heard()).equals(await posted("The second has no end"))).toBe(true);
  });

  it("speaks what is left when it is told to close, and closes", async () => {
    const talk = await connect({ encoding: "mulaw", sample_rate: 8000 });
    talk.say("Famous last words");
    talk.socket.sendClose({ type: "Close" });
    expect(await talk.closed).toMatchObject({ code: 1000 });
    expect(Math.abs((await talk.heard()).length - 17 * 160)).toBeLessThan(10);
  });

  it("is silent at once when it is cleared, leaves the engine, and goes on with what comes then", async () => {
    engine.script.chunkMs = 20;
    const talk = await connect();
    const started = engine.calls;
    for (let at = 0; at < 9; at++) talk.say(`Sentence number ${at} of many goes on and on. `);
    talk.flush();
    await expect.poll(talk.frames).toBeGreaterThan(1);
    talk.clear();
    await talk.got("Cleared");
    const frames = talk.frames();
    await expect.poll(() => engine.active).toBe(0);
    expect(engine.calls - started).toBeLessThan(9);
    expect(talk.frames()).toBe(frames);
    await talk.heard();
    engine.script.chunkMs = 0;
    talk.say("Now this.");
    talk.flush();
    await talk.got("Flushed");
    expect((await talk.heard()).equals(await posted("Now this."))).toBe(true);
    expect(talk.messages.map(({ type }) => type)).toEqual(["Metadata", "Cleared", "Flushed"]);
  });

  it("is warned of the 21st flush in a minute, which is not heard", async () => {
    const talk = await connect();
    for (let count = 0; count < 20; count++) talk.flush();
    await talk.got("Flushed", 20);
    talk.say("Still here.");
    talk.flush();
    await talk.got("Warning");
    expect(talk.messages.at(-1)).toMatchObject({ code: "FLUSH_LIMIT_EXCEEDED" });
    talk.socket.sendClose({ type: "Close" });
    await talk.closed;
    expect((await talk.heard()).equals(await posted("Still here."))).toBe(true);
  });

  it("is warned when a turn fails or is refused, with the flush confirmed and the socket alive", async () => {
    const talk = await connect();
    engine.script.failAfterBytes = 0;
    talk.say("Nobody can say this.");
    await talk.got("Warning");
    talk.say(" What comes before the flush belongs to it.");
    talk.flush();
    await talk.got("Flushed");
    delete engine.script.failAfterBytes;
    expect(talk.messages.slice(1)).toMatchObject([
      { type: "Warning", code: "ENGINES_UNAVAILABLE" },
      { type: "Flushed", sequence_id: 0 },
    ]);
    talk.say("x".repeat(20_001));
    talk.flush();
    await talk.got("Flushed", 2);
    expect(talk.messages[3]).toMatchObject({ type: "Warning", code: "PAYLOAD_TOO_LARGE" });
    expect((await talk.heard()).length).toBe(0);

    const poor = await connect({}, new DeepgramClient({ apiKey: "mk-poor", baseUrl: url }));
    poor.say("One too many on a socket.");
    poor.flush();
    await poor.got("Flushed");
    expect(poor.messages.at(-2)).toMatchObject({ type: "Warning", code: "TOO_MANY_REQUESTS" });
  });

  it("is refused before it opens, with the reason in a header; closed for what cannot be read", async () => {
    const open = (path: string, options: { headers?: Record<string, string>; protocols?: string[] } = {}) =>
      new Promise<WebSocket | Record<string, unknown>>((resolve) => {
        const { protocols = [], headers = {} } = options;
        const socket = new WebSocket(`${url.replace("http", "ws")}${path}`, protocols, { headers });
        socket.on("unexpected-response", (_, answer) =>
          resolve({ status: answer.statusCode, error: answer.headers["dg-error"] }),
        );
        socket.on("open", () => resolve(socket)).on("error", () => {});
      });
    const token = { authorization: `Token ${KEY}` };
    expect(await open("/v1/speak")).toMatchObject({ status: 401, error: expect.stringContaining("key") as string });
    expect(await open("/v1/speak?encoding=mp3", { headers: token })).toMatchObject({
      status: 400,
      error: expect.stringContaining("linear16, mulaw, alaw") as string,
    });
    const browser = (await open("/v1/speak?model=one", { protocols: ["token", KEY] })) as WebSocket;
    expect(browser.protocol).toBe("token");
    const closed = new Promise<[number, string]>((resolve) =>
      browser.on("close", (code, reason) => resolve([code, reason.toString()])),
    );
    browser.send(`{"type":"Speak"}`);
    expect(await closed).toEqual([1008, expect.stringMatching(/^DATA-0000 /)]);
  });
});

describe("a Deepgram socket whose server stops", () => {
  it("says what was begun, and closes", async () => {
    const slow = standInEngine({ chunkMs: 5 });
    const other = await runGateway({}, { engines: [slow] });
    const from = new DeepgramClient({ apiKey: "any", baseUrl: other.url });
    const [busy, idle] = [await connect({}, from), await connect({}, from)];
    busy.say("This was begun, and is said to its end.");
    await expect.poll(() => slow.calls).toBe(1);
    const closing = other.close({ graceMs: 10_000 });
    expect(await idle.closed).toMatchObject({ code: 1001 });
    busy.flush();
    await busy.got("Flushed");
    expect(await busy.closed).toMatchObject({ code: 1001 });
    expect((await busy.heard()).length).toBe(39 * 20 * 48);
    await closing;
  });
});
