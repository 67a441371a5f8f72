import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { WebSocket } from "ws";
import { postSpeech, type RunningGateway, runGateway } from "../support/gateway.ts";
import { JsonSocket } from "../support/json-socket.ts";
import { type RedisProcess, startRedis } from "../support/redis-process.ts";
import { connectSocket } from "../support/socket-client.ts";
import { type StandInEngine, standInEngine } from "../support/stand-in-engine.ts";

const ADMIN = "admin-key-0123456789abcdef";
const SOON = { timeout: 15_000, interval: 25 };
const SECRET = "hush-hush-0123456789";

type Job = {
  id: string;
  kind: string;
  state: string;
  about: string;
  by: string;
  done: number;
  total: number | null;
  purge?: { seen: number; removed: number };
  warm?: { hits: number; made: number; failed: number; characters: number; cost: number | null; failures: object };
  error: string | null;
};
type Server = RunningGateway & { readonly first: StandInEngine; readonly second: StandInEngine };

let redis: RedisProcess;
let one: Server;
let two: Server;
beforeAll(async () => {
  redis = await startRedis();
  [one, two] = [await server(), await server()];
});
afterAll(() => redis?.stop());

/** One of several servers on the same Redis, each with two scripted engines of which the first has a price. */
async function server(): Promise<Server> {
  const first = standInEngine({ name: "first" });
  const second = standInEngine({ name: "second" });
  const priced = { name: "first", type: "openai-compatible", costPerMillionChars: 15 };
  const remote = { baseUrl: `http://ann:${SECRET}@127.0.0.1:1/v1?key=${SECRET}`, apiKey: SECRET };
  const gateway = await runGateway(
    {
      ...{ redisUrl: redis.url, redisTimeoutMs: 2_000, adminKey: ADMIN, allowAnonymous: true, transcodeWorkers: 1 },
      ...{ signingSecret: `${SECRET}-of-thirty-two-characters`, metricsKey: SECRET },
      engines: [{ ...priced, ...remote, headers: { "x-one": SECRET } }],
    },
    { engines: [first, second] },
  );
  return Object.assign(gateway, { first, second });
}

async function admin<Body>(gateway: Server, method: string, path: string, body?: unknown): Promise<Body> {
  const response = await ask(gateway, method, path, body);
  expect(response.ok, `${method} ${path}: ${response.status} ${await response.clone().text()}`).toBe(true);
  return (await response.json()) as Body;
}

function ask({ url }: Server, method: string, path: string, body?: unknown): Promise<Response> {
  return fetch(`${url}${path}`, {
    method,
    headers: {
      authorization: `Bearer ${ADMIN}`,
      ...(body !== undefined && { "content-type": "application/json" }),
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
}

async function ended(gateway: Server, { id }: Job): Promise<Job> {
  const path = `/admin/jobs/${id}`;
  const state = async () => (await admin<Job>(gateway, "GET", path)).state;
  await expect.poll(state, SOON).not.toBe("running");
  return admin<Job>(gateway, "GET", path);
}

const body = (input: string, more: object = {}) => ({ input, voice: "one", response_format: "pcm", ...more });

async function say(gateway: Server, input: string, more: object = {}, headers: Record<string, string> = {}) {
  const response = await postSpeech(gateway, body(input, more), { headers });
  await response.arrayBuffer();
  expect(response.status).toBe(200);
  return { hit: response.headers.get("cache-status") === "mynah; hit", engine: response.headers.get("mynah-engine") };
}

/** Says it everywhere until every server has it in its memory. */
async function keep(input: string, more: object = {}, headers: Record<string, string> = {}): Promise<void> {
  for (const gateway of [one, two])
    await expect.poll(async () => (await say(gateway, input, more, headers)).hit, SOON).toBe(true);
}

const isKept = async (gateway: Server, input: string, more: object = {}): Promise<boolean> => {
  const headers = { "cache-control": "only-if-cached" };
  const response = await postSpeech(gateway, body(input, more), { headers });
  await response.arrayBuffer();
  return response.status === 200;
};

/** Sends all of it on a socket of another vendor's protocol, and waits for the message that ends it. */
async function converse(path: string, headers: Record<string, string>, messages: object[], last: object) {
  const socket = new WebSocket(one.url.replace("http", "ws") + path, { headers });
  socket.on("open", () => {
    for (const message of messages) socket.send(JSON.stringify(message));
  });
  await new Promise<void>((resolve, reject) => {
    socket
      .on("error", reject)
      .on("close", (code, reason) => reject(new Error(`${path}: ${code} ${reason.toString()}`)));
    socket.on("message", (data: Buffer, binary) => {
      const [wanted] = Object.entries(last);
      if (!binary && (JSON.parse(data.toString()) as Record<string, unknown>)[wanted![0]] === wanted![1]) resolve();
    });
  });
  socket.close();
}

async function expectGone(input: string, more: object = {}): Promise<void> {
  for (const gateway of [one, two]) await expect.poll(() => isKept(gateway, input, more), SOON).toBe(false);
}

describe("A purge by administrators", () => {
  it("takes away what was said, or only heard, under a tag, in the memory of all servers, and nothing else", async () => {
    await keep("Under a tag from the start.", { tag: "spring" });
    await keep("Tagged when it was heard again.");
    await keep("Tagged when it was heard again.", {}, { "mynah-tag": "news, spring" });
    await keep("Under another tag.", { tag: "autumn" });
    const socket = await connectSocket(one);
    socket.send({ type: "speak", id: "1", text: "Tagged on a socket.", voice: "one", format: "pcm", tag: "spring" });
    await socket.last("1");
    socket.socket.close();
    await keep("Tagged on a socket.");
    await expect
      .poll(async () => (await say(two, "Tagged when it was heard again.", { tag: "spring" })).hit, SOON)
      .toBe(true);
    const elsewhere = ["Tagged in a URL.", "Tagged at ElevenLabs' door.", "Tagged at Cartesia's door."] as const;
    await fetch(`${one.url}/v1/speech?text=${encodeURIComponent(elsewhere[0])}&voice=one&format=pcm&tag=spring`).then(
      (response) => response.arrayBuffer(),
    );
    const tagged = async (path: string, asked: object): Promise<void> => {
      const headers = { "content-type": "application/json", "mynah-tag": "spring", "cartesia-version": "2025-04-16" };
      const response = await fetch(one.url + path, { method: "POST", headers, body: JSON.stringify(asked) });
      await response.arrayBuffer();
      expect(response.status, path).toBe(200);
    };
    await tagged("/v1/text-to-speech/one?output_format=pcm_24000", { text: elsewhere[1] });
    await tagged("/tts/bytes", {
      ...{ model_id: "sonic-2", transcript: elsewhere[2], voice: { mode: "id", id: "one" }, language: "en" },
      output_format: { container: "raw", encoding: "pcm_s16le", sample_rate: 24_000 },
    });
    await keep(elsewhere[0]);
    // A moment after their ends they are stored: then the same request is a hit.
    await keep(elsewhere[1]);
    await keep(elsewhere[2], { language: "en" });
    const job = await admin<Job>(one, "POST", "/admin/cache/purge", { tag: "spring" });
    expect(job).toMatchObject({ kind: "purge", about: "tag spring", total: null });
    expect(await ended(two, job)).toMatchObject({ state: "done", purge: { removed: 6 } });
    await expectGone(elsewhere[0]);
    await expectGone("Tagged on a socket.");
    await expectGone("Under a tag from the start.");
    await expectGone("Tagged when it was heard again.");
    for (const gateway of [one, two]) expect(await isKept(gateway, "Under another tag.")).toBe(true);
  });

  it("takes away what was said under a tag of a socket, ours or another vendor's, where it stands in a header or the URL", async () => {
    const tagged = { "mynah-tag": "news, sockets" };
    const texts = [
      "By ElevenLabs' socket.",
      "By its URL.",
      "By Cartesia's socket.",
      "By that one's URL.",
      "By Deepgram's.",
      "By our own.",
      "By our own's URL, beside a tag of its own.",
    ] as const;
    const elevenLabs = "/v1/text-to-speech/one/stream-input?output_format=pcm_24000&auto_mode=true";
    const cartesia = "/tts/websocket?cartesia_version=2025-04-16";
    const generate = (transcript: string) => ({
      ...{ context_id: "1", model_id: "sonic-2", transcript, voice: { mode: "id", id: "one" } },
      output_format: { container: "raw", encoding: "pcm_s16le", sample_rate: 24_000 },
    });
    await converse(elevenLabs, tagged, [{ text: texts[0] }, { text: "" }], { isFinal: true });
    await converse(`${elevenLabs}&tag=sockets`, {}, [{ text: texts[1] }, { text: "" }], { isFinal: true });
    await converse(cartesia, tagged, [generate(texts[2])], { type: "done" });
    await converse(`${cartesia}&tag=other&tag=sockets`, {}, [generate(texts[3])], { type: "done" });
    const turn = [{ type: "Speak", text: texts[4] }, { type: "Flush" }];
    await converse("/v1/speak?model=one&encoding=linear16&sample_rate=24000", tagged, turn, { type: "Flushed" });
    const own = "/v1/speech/ws";
    const speak = (text: string, tag?: string) => ({ type: "speak", id: "1", text, voice: "one", format: "pcm", tag });
    await converse(own, tagged, [speak(texts[5])], { type: "done" });
    await converse(`${own}?tag=sockets&tag=b&tag=c`, {}, [speak(texts[6], "d")], { type: "done" });
    const many = { ...tagged, "mynah-tag": "a, b, c, d" };
    await converse(own, many, [speak("One tag too many.", "e")], { code: "invalid_request" });
    for (const text of texts) await keep(text);
    const purge = await ended(one, await admin<Job>(one, "POST", "/admin/cache/purge", { tag: "sockets" }));
    expect(purge.purge).toMatchObject({ removed: 7 });
    for (const text of texts) await expectGone(text);
    for (const path of [elevenLabs, cartesia, `${own}?`])
      await expect(new JsonSocket(`${one.url}${path}&tag=no%20spaces`).open()).rejects.toThrow(/^4\d\d .*mynah-tag/);
  });

  it("takes away what a link made under the tag that it holds", async () => {
    const made = await ask(one, "POST", "/v1/speech/links", {
      ...{ text: "By a link.", voice: "one", format: "pcm", tag: "links" },
    });
    const { url } = (await made.json()) as { url: string };
    expect((await (await fetch(url, { headers: { "mynah-tag": "added" } })).arrayBuffer()).byteLength).toBeGreaterThan(
      0,
    );
    await keep("By a link.");
    const purge = async (tag: string) => ended(one, await admin<Job>(one, "POST", "/admin/cache/purge", { tag }));
    expect((await purge("added")).purge).toMatchObject({ removed: 0 });
    expect((await purge("links")).purge).toMatchObject({ removed: 1 });
    await expectGone("By a link.");
  });

  it("takes a copy in another format along, which would bring the purged sound back", async () => {
    await keep("Kept twice.");
    await keep("Kept twice.", { response_format: "wav", tag: "summer" });
    await ended(one, await admin<Job>(one, "POST", "/admin/cache/purge", { tag: "summer" }));
    await expectGone("Kept twice.");
    await expectGone("Kept twice.", { response_format: "wav" });
  });

  it("by engine and voice needs both to fit", async () => {
    await keep("Said by one.");
    await keep("Said by two.", { voice: "two" });
    await keep("Said by two.", { voice: "two", model: "second" });
    const job = await admin<Job>(two, "POST", "/admin/cache/purge", { engine: "first", voice: "two" });
    expect((await ended(two, job)).purge).toMatchObject({ removed: 1 });
    await expectGone("Said by two.", { voice: "two" });
    expect(await isKept(one, "Said by two.", { voice: "two", model: "second" })).toBe(true);
    expect(await isKept(one, "Said by one.")).toBe(true);
  });

  it("of one utterance removes its segments in every format and of every engine", async () => {
    await keep("It is wrong. It is right.");
    await keep("It is wrong.", { model: "second", response_format: "wav" });
    await keep("It is right.");
    const speech = { input: "It is wrong.", voice: "one", response_format: "mp3" };
    expect(await admin(one, "POST", "/admin/cache/purge", { speech })).toEqual({ removed: 2 });
    await expectGone("It is wrong.");
    await expectGone("It is wrong.", { model: "second", response_format: "wav" });
    expect(await isKept(two, "It is right.")).toBe(true);
    expect(await admin(one, "POST", "/admin/cache/purge", { key: "0".repeat(64) })).toEqual({ removed: 0 });
  });

  it("of everything leaves nothing; what it is to purge must be clear", async () => {
    await keep("The last to go.");
    await ended(one, await admin<Job>(one, "POST", "/admin/cache/purge", { all: true }));
    await expectGone("The last to go.");
    for (const unclear of [{}, { all: true, tag: "a" }, { key: "0".repeat(64), all: true }, { tag: "no spaces" }])
      expect((await ask(one, "POST", "/admin/cache/purge", unclear)).status).toBe(400);
    const tags = { "mynah-tag": "a,b,c,d,e" };
    expect((await postSpeech(one, body("Too many tags."), { headers: tags })).status).toBe(400);
  });

  it("is for administrators", async () => {
    for (const path of ["/admin/jobs", "/admin/engines", "/admin/config"])
      expect((await fetch(`${one.url}${path}`)).status).toBe(401);
    expect((await fetch(`${one.url}/admin/cache/purge`, { method: "POST" })).status).toBe(401);
  });
});

describe("A warm job", () => {
  const phrases = ["One to warm.", "Another to warm.", "One to warm. And more."];

  it("makes what is missing, tells hits, characters and cost, and is a hit for callers everywhere", async () => {
    const asked = { phrases: [...phrases, "🎉"], voice: "one", response_format: "pcm", concurrency: 1, tag: "warm" };
    const before = (await admin<{ requests: object }>(one, "GET", "/v1/stats")).requests;
    const job = await admin<Job>(one, "POST", "/admin/cache/warm", asked);
    const characters = "One to warm.".length + "Another to warm.".length + "And more.".length;
    expect(await ended(two, job)).toMatchObject({
      ...{ state: "done", done: 4, total: 4, by: "admin" },
      warm: { hits: 1, made: 3, failed: 1, characters, failures: { text_empty: 1 } },
    });
    const { warm } = await admin<Job>(one, "GET", `/admin/jobs/${job.id}`);
    expect(warm!.cost).toBeCloseTo((characters * 15) / 1e6, 12);
    for (const phrase of phrases) expect((await say(two, phrase)).hit).toBe(true);
    expect((await admin<{ requests: object }>(one, "GET", "/v1/stats")).requests).toEqual(before);
    const again = await ended(one, await admin<Job>(one, "POST", "/admin/cache/warm", asked));
    expect(again.warm).toMatchObject({ hits: 4, made: 0, characters: 0 });
  });

  it("is stopped from another server, and only so many run at once", async () => {
    one.first.script.hang = true;
    const asked = { phrases: ["Never said to its end."], voice: "one", response_format: "pcm" };
    const jobs = [
      await admin<Job>(one, "POST", "/admin/cache/warm", asked),
      await admin<Job>(one, "POST", "/admin/cache/warm", { ...asked, voice: "two" }),
    ];
    const third = await ask(one, "POST", "/admin/cache/warm", asked);
    expect([third.status, third.headers.get("retry-after")]).toEqual([503, "10"]);
    await expect.poll(async () => (await ask(two, "GET", `/admin/jobs/${jobs[0]!.id}`)).status, SOON).toBe(200);
    await admin<Job>(two, "DELETE", `/admin/jobs/${jobs[0]!.id}`);
    expect((await ended(one, jobs[0]!)).state).toBe("cancelled");
    expect(await admin<Job>(one, "DELETE", `/admin/jobs/${jobs[1]!.id}`)).toMatchObject({ state: "cancelled" });
    await expect.poll(() => one.first.active, SOON).toBe(0);
    one.first.script.hang = false;
    const { jobs: all } = await admin<{ jobs: Job[] }>(two, "GET", "/admin/jobs");
    expect(all.map(({ id }) => id)).toEqual(expect.arrayContaining(jobs.map(({ id }) => id)));
    expect((await ask(one, "DELETE", "/admin/jobs/none")).status).toBe(404);
  });
});

describe("Engines", () => {
  type Engines = { engines: { name: string; state: string; switchedOff: { by: string } | null }[] };
  const stateOn = async (gateway: Server, name: string) =>
    (await admin<Engines>(gateway, "GET", "/admin/engines")).engines.find((engine) => engine.name === name);

  it("are switched off on all servers, stay off after a restart, and on again", async () => {
    const off = await admin<object>(one, "PUT", "/admin/engines/first", { on: false });
    expect(off).toMatchObject({ name: "first", state: "off", shared: true, switchedOff: { by: "admin" } });
    await expect.poll(async () => (await stateOn(two, "first"))?.state, SOON).toBe("off");
    expect((await say(two, "Who says this?")).engine).toBe("second");
    expect(await (await fetch(`${two.url}/readyz`)).json()).toMatchObject({
      parts: { engines: { status: "degraded", detail: "first (switched off), second" } },
    });
    const late = await server(); // as after a restart: it knows before its first request
    expect((await say(late, "Who says this now?")).engine).toBe("second");
    expect(late.first.calls).toBe(0);
    await admin(late, "PUT", "/admin/engines/first", { on: true });
    for (const gateway of [one, two])
      await expect.poll(async () => (await stateOn(gateway, "first"))?.state, SOON).toBe("closed");
    expect((await say(two, "And who says that?")).engine).toBe("first");
    expect((await ask(one, "PUT", "/admin/engines/nobody", { on: true })).status).toBe(404);
  });

  it("have their breakers closed by hand", async () => {
    two.first.script.failAfterBytes = 0;
    for (let call = 0; call < 5; call++) await say(two, `Failing, ${call}.`);
    expect(await stateOn(two, "first")).toMatchObject({ state: "open", switchedOff: null });
    two.first.script.failAfterBytes = Number.POSITIVE_INFINITY;
    await admin(two, "POST", "/admin/engines/first/reset");
    expect((await say(two, "Well again.")).engine).toBe("first");
  });
});

describe("The configuration in force", () => {
  it("is shown without a secret in it", async () => {
    const response = await ask(one, "GET", "/admin/config");
    const text = await response.text();
    expect(text).not.toContain(SECRET);
    expect(text).not.toContain(ADMIN);
    const { settings, engines } = JSON.parse(text) as {
      settings: { name: string; value: unknown; changed: boolean }[];
      engines: { name: string }[];
    };
    const setting = (name: string) => settings.find((each) => each.name === name);
    expect(setting("ADMIN_KEY")).toMatchObject({ value: "***", changed: true });
    expect(setting("REDIS_URL")).toMatchObject({ value: redis.url });
    expect(setting("CACHE_TTL")).toMatchObject({ value: 3600, default: 3600, changed: false });
    expect(engines).toEqual([
      expect.objectContaining({ name: "first", costPerMillionChars: 15, apiKey: "***", headers: "***" }),
    ]);
  });
});

describe("Without Redis", () => {
  it("a switch still holds on this server, and a purge and a warm job work", async () => {
    const engine = standInEngine({ nearlyFree: true });
    const gateway = await runGateway({ adminKey: ADMIN, allowAnonymous: true }, { engines: [engine] });
    const alone = Object.assign(gateway, { first: engine, second: engine });
    const asked = { phrases: ["Alone."], voice: "one", response_format: "pcm" };
    expect((await ended(alone, await admin<Job>(alone, "POST", "/admin/cache/warm", asked))).warm).toMatchObject({
      ...{ made: 1, cost: null },
    });
    expect(await isKept(alone, "Alone.")).toBe(true);
    expect(
      (await ended(alone, await admin<Job>(alone, "POST", "/admin/cache/purge", { voice: "one" }))).purge,
    ).toMatchObject({ removed: 1 });
    expect(await admin(alone, "PUT", "/admin/engines/stand-in", { on: false })).toMatchObject({ shared: false });
    const response = await postSpeech(alone, body("Nobody speaks."));
    expect(response.status).toBe(503);
  });
});
