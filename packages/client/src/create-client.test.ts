import { once } from "node:events";
import { createServer, type IncomingMessage, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { text as readText } from "node:stream/consumers";
import { afterEach, describe, expect, it } from "vitest";
import { createClient, type Speech } from "./create-client.ts";
import { MynahError } from "./mynah-error.ts";

const cleanups: (() => void)[] = [];
afterEach(() => {
  for (const cleanup of cleanups.splice(0)) cleanup();
});

async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener).listen(0, "127.0.0.1");
  cleanups.push(() => {
    server.close();
    server.closeAllConnections();
  });
  await once(server, "listening");
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function bytesOf(speech: Speech): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of speech.audio) chunks.push(chunk);
  return Buffer.concat(chunks);
}

const audio = Uint8Array.from({ length: 256 }, (_, byte) => byte); // every byte value: text encodings do not survive this

describe("createClient().speak()", () => {
  it("sends OpenAI's body and gives back the bytes and what the headers tell", async () => {
    let received: { request: IncomingMessage; body: unknown } | undefined;
    const baseUrl = await serve(async (request, response) => {
      received = { request, body: JSON.parse(await readText(request)) };
      response.writeHead(200, {
        "content-type": "audio/wav",
        "content-length": 512,
        "cache-status": "mynah; fwd=miss; stored",
        "mynah-engine": "flite",
        "mynah-voice": "slt",
        "mynah-duration-ms": "3100",
        "x-request-id": "r1",
        "server-timing": "engine;dur=51.5",
      });
      response.write(audio);
      response.end(audio);
    });
    const client = createClient({ baseUrl: `${baseUrl}/`, apiKey: "k" });
    const speech = await client.speak({ text: "Grüß dich 👋", voice: "alloy", format: "wav", speed: 1.25, pitch: 0.9 });

    expect(Buffer.compare(await bytesOf(speech), Buffer.concat([audio, audio]))).toBe(0);
    const { audio: _, ...told } = speech;
    expect(told).toEqual({
      contentType: "audio/wav",
      totalBytes: 512,
      durationMs: 3100,
      cache: { state: "miss", stored: true },
      engine: "flite",
      voice: "slt",
      requestId: "r1",
      serverTiming: [{ name: "engine", durationMs: 51.5 }],
    });
    expect(received?.request.url).toBe("/v1/audio/speech");
    expect(received?.request.headers).toMatchObject({ authorization: "Bearer k", "content-type": "application/json" });
    expect(received?.body).toEqual({
      model: "tts-1",
      input: "Grüß dich 👋",
      voice: "alloy",
      response_format: "wav",
      speed: 1.25,
      pitch: 0.9,
    });
  });

  it("yields the first bytes while the rest is still being made", async () => {
    let finish = () => {};
    const baseUrl = await serve((_, response) => {
      response.write("first");
      finish = () => response.end("last");
    });
    const speech = await createClient({ baseUrl }).speak({ text: "a", voice: "b" });
    const reader = speech.audio[Symbol.asyncIterator]();
    expect(Buffer.from((await reader.next()).value).toString()).toBe("first");
    finish();
    expect(Buffer.from((await reader.next()).value).toString()).toBe("last");
    expect((await reader.next()).done).toBe(true);
    expect(speech.totalBytes).toBeUndefined();
    expect(speech.cache.state).toBe("unknown");
  });

  it("rejects with the gateway's own error: status, code, param, retryAfterMs", async () => {
    const error = { message: "Slow down", type: "requests", param: null, code: "rate_limit_exceeded" };
    const baseUrl = await serve((_, response) => {
      response.writeHead(429, { "retry-after": "3", "retry-after-ms": "2417", "x-request-id": "r2" });
      response.end(JSON.stringify({ error }));
    });
    const refused = await createClient({ baseUrl })
      .speak({ text: "a", voice: "b" })
      .catch((thrown: unknown) => thrown);
    expect(refused).toBeInstanceOf(MynahError);
    expect(refused).toMatchObject({
      message: "Slow down",
      status: 429,
      code: "rate_limit_exceeded",
      param: undefined,
      retryAfterMs: 2417,
      requestId: "r2",
    });
  });

  it("reads Retry-After as seconds or as a date on the server's clock", async () => {
    const answers = [
      { "retry-after": "2" },
      { date: "Wed, 21 Oct 2015 07:28:00 GMT", "retry-after": "Wed, 21 Oct 2015 07:28:05 GMT" },
      { "retry-after": "soon" },
    ];
    const baseUrl = await serve((_, response) => {
      response.writeHead(503, answers.shift()).end("<html>bad gateway</html>");
    });
    const waits: unknown[] = [];
    for (let i = 0; i < 3; i++) {
      const thrown = await createClient({ baseUrl })
        .voices()
        .catch((reason: unknown) => reason);
      expect(thrown).toMatchObject({ name: "MynahError", status: 503, code: "bad_answer" });
      waits.push(thrown instanceof MynahError && thrown.retryAfterMs);
    }
    expect(waits).toEqual([2000, 5000, undefined]);
  });

  it("throws audio_cut_off when the connection breaks inside the audio", async () => {
    const baseUrl = await serve((_, response) => {
      response.writeHead(200, { "content-length": 1000, "x-request-id": "r3" });
      response.write("half", () => setTimeout(() => response.destroy(), 20));
    });
    const speech = await createClient({ baseUrl }).speak({ text: "a", voice: "b" });
    await expect(bytesOf(speech)).rejects.toMatchObject({ code: "audio_cut_off", status: 0, requestId: "r3" });
  });

  it("says unreachable when nobody listens", async () => {
    const baseUrl = await serve(() => {});
    for (const cleanup of cleanups.splice(0)) cleanup();
    await expect(createClient({ baseUrl }).speak({ text: "a", voice: "b" })).rejects.toMatchObject({
      code: "unreachable",
    });
  });

  it("ends the download when the reader leaves early", async () => {
    let left: Promise<unknown> | undefined;
    const baseUrl = await serve((_, response) => {
      left = once(response, "close");
      response.write("first"); // and never ends
    });
    const speech = await createClient({ baseUrl }).speak({ text: "a", voice: "b" });
    for await (const _ of speech.audio) break;
    await left;
  });

  it("rejects with the signal's reason when aborted, before and inside the audio", async () => {
    const baseUrl = await serve((request, response) => {
      if (request.headers.authorization) response.write("first"); // and never ends
    });
    const before = new AbortController();
    const waiting = createClient({ baseUrl }).speak({ text: "a", voice: "b", signal: before.signal });
    before.abort(new Error("changed my mind"));
    await expect(waiting).rejects.toThrow("changed my mind");

    const inside = new AbortController();
    const client = createClient({ baseUrl, apiKey: "k" });
    const speech = await client.speak({ text: "a", voice: "b", signal: inside.signal });
    const reading = bytesOf(speech);
    inside.abort(new Error("barge-in"));
    await expect(reading).rejects.toThrow("barge-in");
  });
});

describe("createClient().voices() and models()", () => {
  const voice = { id: "slt", name: "SLT", language: "en-US", gender: "female", engine: "flite" };
  const model = { id: "tts-1", object: "model", created: 0, owned_by: "mynah" };

  it("give the lists, below a path prefix too", async () => {
    const baseUrl = await serve((request, response) => {
      const lists = {
        "/tts/v1/audio/voices": { voices: [voice] },
        "/tts/v1/models": { object: "list", data: [model] },
      };
      response.end(JSON.stringify(lists[request.url as keyof typeof lists]));
    });
    const client = createClient({ baseUrl: `${baseUrl}/tts` });
    expect(await client.voices()).toEqual([voice]);
    expect(await client.models()).toEqual([model]);
  });

  it("reject with bad_answer when something else than a gateway answers", async () => {
    const baseUrl = await serve((_, response) => response.end("<!doctype html>"));
    await expect(createClient({ baseUrl }).voices()).rejects.toMatchObject({ code: "bad_answer", status: 200 });
    await expect(createClient({ baseUrl }).models()).rejects.toMatchObject({ code: "bad_answer" });
  });
});
