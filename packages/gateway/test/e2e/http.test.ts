import { request as httpRequest } from "node:http";
import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { AUDIO_FORMAT_NAMES } from "../../src/core/audio-format.ts";
import { bytesOf, postSpeech, runGateway } from "../support/gateway.ts";
import { standInEngine } from "../support/stand-in-engine.ts";

const gateway = await runGateway();

describe("POST /v1/audio/speech", () => {
  it.each(AUDIO_FORMAT_NAMES)("speaks %s, as a stream at first and whole the second time", async (format) => {
    const body = { input: `This is ${format}. It has two sentences.`, response_format: format };
    const miss = await postSpeech(gateway, body);
    expect(miss.status).toBe(200);
    expect(miss.headers.get("cache-status")).toBe("mynah; fwd=miss; stored");
    expect(miss.headers.get("content-length")).toBeNull();
    expect(miss.headers.get("mynah-engine")).toBe("flite");
    expect(miss.headers.get("server-timing")).toMatch(/cache;dur=[\d.]+, engine;dur=[\d.]+/);
    expect(miss.headers.get("x-request-id")).toMatch(/^[\w-]{36}$/);
    const first = await bytesOf(miss);
    await expect
      .poll(async () => (await postSpeech(gateway, body)).headers.get("cache-status"), { timeout: 5_000 })
      .toBe("mynah; hit");
    const hit = await postSpeech(gateway, body);
    const second = await bytesOf(hit);
    expect(hit.headers.get("content-length")).toBe(String(second.byteLength));
    if (format === "wav") {
      // A stream cannot know its length when it begins; the stored answer does.
      expect(first.readUInt32LE(40)).toBe(0xffff_ffff);
      expect(second.readUInt32LE(40)).toBe(second.byteLength - 44);
      expect(second.subarray(44)).toEqual(first.subarray(44));
    } else if (format !== "flac") {
      expect(second.equals(first)).toBe(true);
    }
  });

  it("says how long it is, and obeys Cache-Control", async () => {
    const body = { input: "Cached or not, that is the question." };
    const only = await postSpeech(gateway, body, { headers: { "cache-control": "only-if-cached" } });
    expect(only.status).toBe(504);
    expect(await only.json()).toMatchObject({ error: { code: "not_cached" } });
    await bytesOf(await postSpeech(gateway, body, { headers: { "cache-control": "no-store" } }));
    await sleep(50);
    const again = await postSpeech(gateway, body);
    expect(again.headers.get("cache-status")).toBe("mynah; fwd=miss; stored");
    await bytesOf(again);
  });

  it("takes a request id that is harmless, and no other", async () => {
    const kept = await postSpeech(gateway, { input: "" }, { headers: { "x-request-id": "trace-1.a:b" } });
    expect(kept.headers.get("x-request-id")).toBe("trace-1.a:b");
    const replaced = await postSpeech(gateway, { input: "" }, { headers: { "x-request-id": "a b\tc" } });
    expect(replaced.headers.get("x-request-id")).toMatch(/^[0-9a-f-]{36}$/);
  });

  it("speaks what looks like SSML or HTML as text", async () => {
    const plain = await bytesOf(await postSpeech(gateway, { input: "Wait here", response_format: "wav" }));
    const tagged = await bytesOf(
      await postSpeech(gateway, {
        input: 'Wait <break time="30s"/> here <script>alert(1)</script>',
        response_format: "wav",
      }),
    );
    const seconds = (bytes: Buffer) => (bytes.byteLength - 44) / 48_000;
    expect(seconds(tagged)).toBeGreaterThan(seconds(plain));
    expect(seconds(tagged)).toBeLessThan(15);
  });
});

describe("bad input", () => {
  const good = { model: "tts-1", voice: "alloy", input: "Hello." };
  const cases: [string, Record<string, unknown> | string, number, string, string | null][] = [
    ["empty text", { ...good, input: "" }, 400, "invalid_request", "input"],
    ["blank text", { ...good, input: " \n\t " }, 400, "text_empty", "input"],
    ["only emoji", { ...good, input: "🎉🎉" }, 400, "text_empty", "input"],
    ["only punctuation", { ...good, input: "?! … —" }, 400, "text_empty", "input"],
    ["only NUL", { ...good, input: "\u0000\u0000" }, 400, "text_empty", "input"],
    ["only a lone surrogate", '{"model":"tts-1","voice":"alloy","input":"\\ud800"}', 400, "text_empty", "input"],
    ["text of 1 MB", { ...good, input: "a ".repeat(500_000) }, 413, "body_too_large", null],
    ["text that is too long", { ...good, input: "a ".repeat(15_000) }, 400, "text_too_long", "input"],
    ["no text", { model: "tts-1", voice: "alloy" }, 400, "invalid_request", "input"],
    ["a number as text", { ...good, input: 5 }, 400, "invalid_request", "input"],
    ["no voice", { model: "tts-1", input: "Hello." }, 400, "invalid_request", "voice"],
    ["an unknown voice", { ...good, voice: "nobody" }, 400, "voice_not_found", "voice"],
    ["a voice named __proto__", { ...good, voice: "__proto__" }, 400, "voice_not_found", "voice"],
    ["an unknown voice object", { ...good, voice: { id: "nobody" } }, 400, "voice_not_found", "voice"],
    ["a wrong voice object", { ...good, voice: { name: "x" } }, 400, "invalid_request", "voice"],
    ["an unknown model", { ...good, model: "nonsense" }, 404, "model_not_found", "model"],
    ["an unknown format", { ...good, response_format: "midi" }, 400, "invalid_request", "response_format"],
    ["speed 0", { ...good, speed: 0 }, 400, "invalid_request", "speed"],
    ["speed 100", { ...good, speed: 100 }, 400, "invalid_request", "speed"],
    ["speed as text", { ...good, speed: "1" }, 400, "invalid_request", "speed"],
    [
      "speed beyond numbers",
      '{"model":"a","voice":"alloy","input":"b","speed":1e999}',
      400,
      "invalid_request",
      "speed",
    ],
    ["speed NaN", '{"model":"a","voice":"alloy","input":"b","speed":NaN}', 400, "invalid_json", null],
    ["a wrong stream_format", { ...good, stream_format: "x" }, 400, "invalid_request", "stream_format"],
    ["an unknown field", { ...good, emotion: "sad" }, 400, "invalid_request", "emotion"],
    ["a wrong language", { ...good, language: "!" }, 400, "invalid_request", "language"],
    ["broken JSON", '{"model":', 400, "invalid_json", null],
    ["no body", "", 400, "invalid_json", null],
    ["JSON that is no object", "[]", 400, "invalid_request", null],
    ["null", "null", 400, "invalid_request", null],
    ["a key twice", '{"model":"tts-1","voice":"alloy","input":"a","input":"b"}', 400, "invalid_json", "input"],
  ];

  it.each(cases)("%s is refused", async (_, body, status, code, param) => {
    const before = gateway.speech.stats();
    const response = await postSpeech(gateway, typeof body === "string" ? body : JSON.stringify(body));
    const answer = (await response.json()) as { error: Record<string, unknown> };
    expect({ status: response.status, code: answer.error.code, param: answer.error.param }).toEqual({
      status,
      code,
      param,
    });
    expect(answer.error.message).toMatch(/\w+ \w+/);
    expect(Object.keys(answer.error).sort()).toEqual(["code", "message", "param", "type"]);
    expect(gateway.speech.stats().syntheses.started).toBe(before.syntheses.started);
  });

  it("wants JSON", async () => {
    for (const type of ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"]) {
      const response = await postSpeech(gateway, "input=hello", { headers: { "content-type": type } });
      expect(response.status).toBe(415);
      expect(await response.json()).toMatchObject({ error: { code: "unsupported_media_type" } });
    }
    const latin = await fetch(`${gateway.url}/v1/audio/speech`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: Buffer.from('{"input":"caf\xe9"}', "latin1"),
    });
    expect(await latin.json()).toMatchObject({ error: { code: "invalid_json" } });
  });

  it("answers wrong routes and methods in the same shape", async () => {
    const lost = await fetch(`${gateway.url}/v2/nothing?x=1`);
    expect(lost.status).toBe(404);
    expect(await lost.json()).toMatchObject({ error: { code: "not_found", param: null } });
    const wrong = await fetch(`${gateway.url}/v1/audio/speech`);
    expect(wrong.status).toBe(405);
    expect(await wrong.json()).toMatchObject({ error: { code: "method_not_allowed" } });
  });

  it("refuses huge headers", async () => {
    const response = await raw(
      gateway.port,
      `GET /healthz HTTP/1.1\r\nHost: x\r\nX-Big: ${"a".repeat(20_000)}\r\n\r\n`,
    );
    expect(response).toMatch(/^HTTP\/1\.1 431 /);
    expect(response).toContain('"code":"headers_too_large"');
  });

  it.each([
    "\u0000\u0001\u0002",
    "HELLO\r\n\r\n",
    "GET / HTTP/9.9\r\n\r\n",
    "POST /v1/audio/speech HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
  ])("refuses %j, which is not HTTP", async (bytes) => {
    expect(await raw(gateway.port, bytes)).toMatch(/^HTTP\/1\.1 400 [\s\S]*"code":"invalid_request"/);
  });

  it("still speaks after all of that", async () => {
    expect((await postSpeech(gateway, good)).status).toBe(200);
    expect(gateway.speech.stats().requests.delivered).toBeGreaterThan(0);
  });
});

describe("a slow or leaving client", () => {
  it("is cut off when its request does not arrive in time", async () => {
    const impatient = await runGateway({ requestTimeoutMs: 300 }, { engines: [standInEngine()] });
    const answer = await raw(
      impatient.port,
      "POST /v1/audio/speech HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{",
    );
    expect(answer).toMatch(/^HTTP\/1\.1 408 [\s\S]*"code":"request_timeout"/);
  });

  it("cancels at the engine by leaving", async () => {
    const engine = standInEngine({ chunkMs: 20, durationMsPerChar: 100 });
    const { url } = await runGateway({}, { engines: [engine] });
    const leaving = new AbortController();
    const response = await postSpeech(
      { url },
      { input: "Goodbye now, I have to leave you.", response_format: "pcm" },
      { signal: leaving.signal },
    );
    await response.body?.getReader().read();
    leaving.abort();
    await expect.poll(() => engine.aborts.length, { timeout: 5_000 }).toBe(1);
    expect(engine.active).toBe(0);
  });

  it("that takes nothing is cut off, and the engine is not kept", async () => {
    const engine = standInEngine({ durationMsPerChar: 400, chunkDurationMs: 5_000 });
    const { port, speech } = await runGateway({ slowReaderTimeoutMs: 1_000 }, { engines: [engine] });
    const body = JSON.stringify({
      model: "auto",
      voice: "one",
      input: "A few words ".repeat(50),
      response_format: "pcm",
    });
    const cut = new Promise<string>((resolve) => speech.events.on("speech.failed", ({ code }) => resolve(code)));
    const request = httpRequest({
      port,
      method: "POST",
      path: "/v1/audio/speech",
      headers: { "content-type": "application/json" },
    });
    request.on("response", (response) => response.on("error", () => {}).pause()).on("error", () => {});
    request.end(body);
    expect(await Promise.race([cut, sleep(10_000)])).toBe("caller_gone");
    expect(engine.active).toBe(0);
    request.destroy();
  });
});

describe("an engine that dies in the middle", () => {
  it("cuts the connection, never ends the answer cleanly", async () => {
    const engine = standInEngine({ failAfterBytes: 20_000, chunkMs: 5 });
    const { url } = await runGateway({}, { engines: [engine] });
    const response = await postSpeech(
      { url },
      { input: "This one will break off in the middle of it.", response_format: "pcm", voice: "one" },
    );
    expect(response.status).toBe(200);
    await expect(response.arrayBuffer()).rejects.toThrow();
  });

  it("before the first audio is an honest 503", async () => {
    const { url } = await runGateway({}, { engines: [standInEngine({ failAfterBytes: 0 })] });
    const response = await postSpeech({ url }, { input: "Nobody speaks.", voice: "one" });
    expect(response.status).toBe(503);
    expect(response.headers.get("retry-after")).toBe("1");
    expect(response.headers.get("x-should-retry")).toBe("true");
    expect(await response.json()).toMatchObject({ error: { code: "engines_unavailable", type: "engine_error" } });
  });
});

describe("limits", () => {
  it("are told on success and on refusal", async () => {
    const { url } = await runGateway({ rateLimitPerMinute: 2, rateLimitPerHour: 100 }, { engines: [standInEngine()] });
    const ask = (user: string) => postSpeech({ url }, { input: "Hello.", voice: "one", user });
    expect((await ask("ann")).headers.get("x-ratelimit-remaining-requests")).toBe("1");
    const last = await ask("ann");
    expect(last.headers.get("ratelimit-policy")).toBe('"minute";q=2;w=60, "hour";q=100;w=3600');
    const refused = await ask("ann");
    expect(refused.status).toBe(429);
    expect(await refused.json()).toMatchObject({ error: { code: "rate_limit_exceeded", type: "requests" } });
    const retryMs = Number(refused.headers.get("retry-after-ms"));
    expect(retryMs).toBeGreaterThan(50_000);
    expect(retryMs).toBeLessThanOrEqual(60_000);
    expect(refused.headers.get("retry-after")).toBe(String(Math.ceil(retryMs / 1000)));
    expect((await ask("bob")).status).toBe(200);
  });
});

describe("other routes", () => {
  it("list voices, models, health and stats", async () => {
    const get = async (path: string) => (await fetch(`${gateway.url}${path}`)).json();
    const { voices } = (await get("/v1/audio/voices")) as { voices: { id: string }[] };
    expect(voices).toContainEqual({
      id: "slt",
      name: expect.any(String),
      language: "en-US",
      gender: "female",
      engine: "flite",
    });
    expect(await get("/v1/models")).toMatchObject({
      object: "list",
      data: expect.arrayContaining([expect.objectContaining({ id: "flite", object: "model" })]),
    });
    expect(await get("/healthz")).toEqual({ status: "ok" });
    expect(await get("/readyz")).toMatchObject({ status: "ready", parts: { cache: { status: "ok" } } });
    expect(await get("/v1/stats")).toMatchObject({ requests: { delivered: expect.any(Number) } });
  });

  it("describe themselves as OpenAPI 3.1 from the schemas that validate", async () => {
    const api = (await (await fetch(`${gateway.url}/openapi.json`)).json()) as {
      openapi: string;
      paths: Record<string, Record<string, { tags?: string[] }>>;
    };
    expect(api.openapi).toBe("3.1.0");
    const OWN = ["speech", "catalogue", "operations", "admin"]; // the vendors' are listed in their own tests
    const own = Object.entries(api.paths).filter(([, methods]) =>
      Object.values(methods).some(({ tags = ["operations"] }) => tags.some((tag) => OWN.includes(tag))),
    );
    expect(own.map(([path]) => path).sort()).toEqual([
      "/admin/cache/purge",
      "/admin/cache/warm",
      "/admin/config",
      "/admin/engines",
      "/admin/engines/{name}",
      "/admin/engines/{name}/reset",
      "/admin/jobs",
      "/admin/jobs/{id}",
      "/admin/keys",
      "/admin/keys/{id}",
      "/admin/limits",
      "/admin/limits/{user}",
      "/healthz",
      "/metrics",
      "/readyz",
      "/v1/audio/models",
      "/v1/audio/speech",
      "/v1/audio/voices",
      "/v1/models",
      "/v1/speech",
      "/v1/speech/links",
      "/v1/speech/subtitles",
      "/v1/speech/tokens",
      "/v1/stats",
      "/v1/stats/history",
      "/v1/stats/stream",
    ]);
    const post = api.paths["/v1/audio/speech"]?.post as {
      requestBody: { content: Record<string, { schema: { properties: object; required: string[] } }> };
    };
    const { schema } = post.requestBody.content["application/json"]!;
    expect(schema.required).toEqual(["model"]);
    expect(Object.keys(schema.properties)).toContain("response_format");
  });
});

/** Whatever the server says to these bytes until it closes. */
function raw(port: number, bytes: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let answer = "";
    const socket = connect(port, "127.0.0.1", () => socket.write(Buffer.from(bytes, "latin1")));
    socket.on("data", (chunk) => {
      answer += chunk.toString("latin1");
    });
    socket.on("close", () => resolve(answer)).on("error", reject);
  });
}

describe("the page", () => {
  it("comes with a policy, an etag and packed, and is not sent twice", async () => {
    const { port } = await runGateway({}, { engines: [standInEngine()] });
    const page = await fetch(`http://127.0.0.1:${port}/`);
    expect(page.headers.get("content-security-policy")).toContain("default-src 'self'");
    expect(page.headers.get("content-type")).toContain("text/html");
    expect(await page.text()).toContain("Mynah");
    const again = await fetch(`http://127.0.0.1:${port}/`, { headers: { "if-none-match": page.headers.get("etag")! } });
    expect(again.status).toBe(304);
  });
});
