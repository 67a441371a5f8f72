import { Agent } from "node:http";
import { createRequire } from "node:module";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { hashKey } from "../../src/identity/api-key.ts";
import { decodeWithFfmpeg, hasTool, int16, levelAt } from "../support/audio-decode.ts";
import { runGateway } from "../support/gateway.ts";
import { JsonSocket } from "../support/json-socket.ts";
import { standInEngine } from "../support/stand-in-engine.ts";

// As a module it uses the WebSocket of browsers, which insists on TLS; required, it uses `ws`, which can be told otherwise.
const { default: Cartesia, APIError } = createRequire(import.meta.url)(
  "@cartesia/cartesia-js",
) as typeof import("@cartesia/cartesia-js");

const KEYS = { ann: "key-of-ann-0123456", bob: "key-of-bob-0123456", dan: "key-of-dan-0123456" };
const engine = standInEngine({ words: true });
const gateway = await runGateway(
  {
    allowAnonymous: false,
    keys: [
      { hash: hashKey(KEYS.ann), user: "ann" },
      { hash: hashKey(KEYS.bob), user: "bob", plan: "poor" },
      { hash: hashKey(KEYS.dan), user: "dan", plan: "narrow" },
    ],
    plans: { poor: { requestsPerHour: 1 }, narrow: { streams: 1 } },
    voices: { "a0e99841-438c-4a64-b679-ae501e7d6091": { "stand-in": "two" } },
  },
  { engines: [engine] },
);
beforeEach(() => {
  for (const option of ["failAfterBytes", "chunkMs", "hang"] as const) delete engine.script[option];
});
const client = (apiKey = KEYS.ann) => new Cartesia({ baseURL: gateway.url, apiKey, maxRetries: 0 });
const cartesia = client();
const VOICE = { mode: "id", id: "one" };
const RAW = { container: "raw", encoding: "pcm_s16le", sample_rate: 24_000 } as const;
/** One letter, one tone of the stand-in: 200 + 97 % 96 * 6 Hz. */
const TONE = `${"a".repeat(40)}.`;
const TONE_HZ = 206;
let said = 0;
const fresh = (words = "This was never said before"): string => `${words}, number ${++said}.`;
const request = (changes: object = {}) => ({
  model_id: "sonic-3",
  transcript: fresh(),
  voice: VOICE,
  output_format: RAW,
  ...changes,
});
const bytesOf = async (response: Response): Promise<Buffer> => Buffer.from(await response.arrayBuffer());

/** Its socket asks for TLS always: an agent that claims to speak it, and does not. */
const plain = Object.assign(new Agent(), { protocol: "https:" });
const connect = (apiKey = KEYS.ann) => client(apiKey).tts.websocket({ agent: plain });

/** What a call is refused with. */
async function refusal(call: Promise<unknown>): Promise<{ status: unknown; error: unknown }> {
  const error: unknown = await call.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (error instanceof APIError) return { status: error.status, error: error.error };
  throw new Error(`not refused: ${String(error)}`);
}

type Event = {
  type: string;
  data?: string;
  flush_id?: number;
  word_timestamps?: { words: string[]; start: number[]; end: number[] };
};
const audioOf = (events: readonly Event[]): Buffer =>
  Buffer.concat(events.flatMap(({ data }) => (data === undefined ? [] : [Buffer.from(data, "base64")])));
const wordsOf = (events: readonly Event[]) => events.flatMap(({ word_timestamps: timed }) => timed?.words ?? []);

async function all<T>(source: AsyncIterable<T>): Promise<T[]> {
  const values: T[] = [];
  for await (const value of source) values.push(value);
  return values;
}

describe("the official cartesia client", () => {
  it("hears the same from the cache, by every road", async () => {
    const asked = request({ voice: { mode: "id", id: "a0e99841-438c-4a64-b679-ae501e7d6091" } });
    const before = engine.calls;
    const first = await cartesia.tts.generate(asked);
    expect(first.headers.get("cache-status")).toBe("mynah; fwd=miss; stored");
    expect(first.headers.get("mynah-ignored")).toBeNull();
    const audio = await bytesOf(first);
    expect(audio.length).toBe(asked.transcript.length * 20 * 48);
    await vi.waitFor(async () => {
      const again = await cartesia.tts.generate(asked);
      expect((await bytesOf(again)).equals(audio)).toBe(true);
      expect(again.headers.get("cache-status")).toBe("mynah; hit");
    });
    const events = (await all(await cartesia.tts.generateSSE({ ...asked, add_timestamps: true }))) as Event[];
    expect(audioOf(events).equals(audio)).toBe(true);
    expect(wordsOf(events)).toEqual(asked.transcript.split(" "));
    expect(events.at(-1)).toEqual({ type: "done", done: true, status_code: 206 });
    expect(engine.calls).toBe(before + 1);
    expect(engine.requests.at(-1)).toMatchObject({ voice: "two", speed: 1 });
  });

  it("gets samples in every encoding, faster and softer if it asks", async () => {
    const transcript = TONE;
    const sixteen = await bytesOf(await cartesia.tts.generate(request({ transcript })));
    const floats = await bytesOf(
      await cartesia.tts.generate(request({ transcript, output_format: { ...RAW, encoding: "pcm_f32le" } })),
    );
    expect(floats.length).toBe(sixteen.length * 2);
    for (const at of [0, 501, 9_999]) expect(floats.readFloatLE(at * 4)).toBe(sixteen.readInt16LE(at * 2) / 32_768);
    const mulaw = { ...RAW, encoding: "pcm_mulaw", sample_rate: 8000 };
    const telephone = await bytesOf(await cartesia.tts.generate(request({ transcript, output_format: mulaw })));
    expect(telephone.length).toBe(sixteen.length / 6);
    const config = { speed: 1.5, volume: 0.5, emotion: "calm" as const };
    const asked = await cartesia.tts.generate(request({ transcript, generation_config: config }));
    expect(asked.headers.get("mynah-ignored")).toBe("generation_config.emotion");
    const changed = await bytesOf(asked);
    expect(Math.abs(changed.length - sixteen.length / 1.5)).toBeLessThan(100);
    expect(levelAt(int16(changed), TONE_HZ) / levelAt(int16(sixteen), TONE_HZ)).toBeCloseTo(0.5, 1);
  });

  it.skipIf(!hasTool("ffmpeg")).each([
    [{ container: "wav", encoding: "pcm_f32le", sample_rate: 44_100 }, "wav"],
    [{ container: "wav", encoding: "pcm_alaw", sample_rate: 16_000 }, "wav"],
    [{ container: "mp3", sample_rate: 44_100, bit_rate: 64_000 }, "mp3"],
  ] as const)("gets %o, and in it the tone that was made", async (format, name) => {
    const audio = await bytesOf(
      await cartesia.tts.generate(request({ transcript: TONE, output_format: format }) as never),
    );
    const samples = decodeWithFfmpeg(audio, name, format.sample_rate);
    const seconds = TONE.length * 0.02;
    expect(samples.length / format.sample_rate).toBeGreaterThan(seconds - 0.01);
    expect(samples.length / format.sample_rate).toBeLessThan(seconds + 0.1);
    const heard = levelAt(samples.subarray(0, Math.round(seconds * format.sample_rate)), TONE_HZ, format.sample_rate);
    expect(heard).toBeGreaterThan(0.2);
  });

  it("lists voices page by page, and finds one", async () => {
    expect((await all(cartesia.voices.list({ limit: 1 }))).map(({ id }) => id)).toEqual(["one", "two"]);
    const [man] = await all(cartesia.voices.list({ gender: "masculine", q: "two" }));
    expect(man).toMatchObject({ id: "two", name: "Two", language: "en", country: "GB", gender: "masculine" });
    expect(await cartesia.voices.get("a0e99841-438c-4a64-b679-ae501e7d6091")).toMatchObject({ name: "Two" });
    expect(await refusal(cartesia.voices.get("nobody"))).toMatchObject({
      status: 404,
      error: { error_code: "voice_not_found" },
    });
    expect((await fetch(`${gateway.url}/voices/`, { headers: { "x-api-key": KEYS.ann } })).status).toBe(200);
  });

  it("is refused in words that it knows", async () => {
    const generate = (changes: object, key = KEYS.ann) => refusal(client(key).tts.generate(request(changes) as never));
    expect(await generate({}, "a-wrong-key")).toMatchObject({
      status: 401,
      error: { error_code: "unauthorized", title: "Invalid API key" },
    });
    expect(await generate({ voice: "nobody" })).toMatchObject({ status: 404, error: { title: "Voice not found" } });
    expect(await generate({ transcript: "" })).toMatchObject({ status: 400, error: { error_code: "text_empty" } });
    const message = expect.stringContaining('"output_format.sample_rate" must be one of 8000');
    expect(await generate({ output_format: { ...RAW, sample_rate: 12_345 } })).toMatchObject({
      status: 400,
      error: { message },
    });
    expect(await generate({ voice: { mode: "embedding", embedding: [0] } })).toMatchObject({ status: 400 });
    expect(await generate({ transcript: 5 })).toMatchObject({
      status: 400,
      error: { message: expect.stringContaining("transcript") },
    });
    await client(KEYS.bob).tts.generate(request());
    expect(await generate({}, KEYS.bob)).toMatchObject({ status: 429, error: { error_code: "rate_limited" } });
    engine.script.chunkMs = 20;
    const slow = await client(KEYS.dan).tts.generate(request());
    expect(await generate({}, KEYS.dan)).toMatchObject({ status: 429, error: { error_code: "concurrency_limited" } });
    await bytesOf(slow);
  });

  it("hears of engines that fail, before the first audio and in the middle, and leaves them when it leaves", async () => {
    engine.script.failAfterBytes = 0;
    expect(await refusal(cartesia.tts.generate(request()))).toMatchObject({
      status: 503,
      error: { error_code: "engines_unavailable" },
    });
    Object.assign(engine.script, { failAfterBytes: 24_000, chunkMs: 30 });
    const long = fresh("This one breaks off after its first half of a second");
    await expect(cartesia.tts.generate(request({ transcript: long })).then(bytesOf)).rejects.toThrow(/terminated/);
    const events = (await all(await cartesia.tts.generateSSE(request({ transcript: long })))) as Event[];
    expect(events.at(-1)).toMatchObject({ type: "error", done: true, status_code: 502 });
    Object.assign(engine.script, { failAfterBytes: undefined, chunkMs: 0, hang: true });
    const aborts = engine.aborts.length;
    const gone = new AbortController();
    cartesia.tts.generate(request(), { signal: gone.signal }).catch(() => {});
    await vi.waitFor(() => expect(engine.active).toBe(1));
    gone.abort();
    await vi.waitFor(() => expect(engine.aborts.length).toBe(aborts + 1));
  });
});

describe("its socket", () => {
  const OPTIONS = { model_id: "sonic-3", voice: VOICE, output_format: RAW, add_timestamps: true };

  it("speaks transcripts in pieces, with timestamps; from the cache alike", async () => {
    const [first, second] = [fresh("Here comes one sentence"), fresh("Here comes another")];
    const socket = await connect();
    const say = async () => {
      const context = socket.context(OPTIONS);
      await context.push({ transcript: first.slice(0, 9) });
      await context.push({ transcript: `${first.slice(9)} ` });
      await context.push({ transcript: second });
      await context.no_more_inputs();
      const events = (await all(context.receive())) as Event[];
      expect(events.at(-1)).toMatchObject({ type: "done", done: true, context_id: context.contextId });
      return {
        audio: audioOf(events),
        words: wordsOf(events),
        starts: events.flatMap(({ word_timestamps: t }) => t?.start ?? []),
      };
    };
    const miss = await say();
    expect(miss.audio.length).toBe((first.length + second.length) * 20 * 48);
    expect(miss.words).toEqual(`${first} ${second}`.split(" "));
    expect(miss.starts[first.split(" ").length]).toBeCloseTo(first.length * 0.02, 2);
    const calls = engine.calls;
    expect(await say()).toEqual(miss);
    expect(engine.calls).toBe(calls);
    socket.close();
  });

  it("tells with its first audio what is not heard", async () => {
    const socket = await connect();
    const transcript = fresh("One sentence. Another");
    const asked = { ...OPTIONS, transcript, generation_config: { speed: 1, emotion: "angry" } } as const;
    const events = (await all(socket.generate(asked))) as (Event & { mynah_ignored?: string[] })[];
    const told = events.filter(({ type }) => type === "chunk").map((event) => event.mynah_ignored);
    expect(told[0]).toEqual(["generation_config.emotion"]);
    expect(told.slice(1).every((ignored) => ignored === undefined)).toBe(true);
    socket.close();
  });

  it("tells each flush when all before it was sent", async () => {
    const socket = await connect();
    const context = socket.context(OPTIONS);
    await context.push({ transcript: "no full stop", flush: true });
    await context.push({ transcript: "and none here", flush: true });
    await context.flush();
    await context.no_more_inputs();
    const events = (await all(context.receive())) as Event[];
    const order = events.filter(({ type }) => type !== "timestamps").map(({ type, flush_id: id }) => `${type} ${id}`);
    expect([...new Set(order)]).toEqual([
      "chunk 1",
      "flush_done 1",
      "chunk 2",
      "flush_done 2",
      "flush_done 3",
      "done undefined",
    ]);
    expect(wordsOf(events).join(" ")).toBe("no full stop and none here");
    socket.close();
  });

  it("says one transcript at once, and many contexts beside each other", async () => {
    const socket = await connect();
    const texts = [fresh(), fresh(), fresh()];
    const answers = await Promise.all(
      texts.map(async (transcript) => (await all(socket.generate({ ...OPTIONS, transcript }))) as Event[]),
    );
    for (const [at, events] of answers.entries()) expect(audioOf(events).length).toBe(texts[at]!.length * 20 * 48);
    socket.close();
  });

  it("stops within a moment when it is cancelled, and when the client goes", async () => {
    engine.script.hang = true;
    const aborts = engine.aborts.length;
    const socket = await connect();
    const context = socket.context(OPTIONS);
    await context.send({ transcript: fresh() });
    await vi.waitFor(() => expect(engine.active).toBe(1));
    await context.cancel();
    await vi.waitFor(() => expect(engine.aborts.length).toBe(aborts + 1));
    await socket.context(OPTIONS).send({ transcript: fresh() });
    await vi.waitFor(() => expect(engine.active).toBe(1));
    socket.close();
    await vi.waitFor(() => expect(engine.aborts.length).toBe(aborts + 2));
  });

  it("tells a context what is wrong with it, and goes on", async () => {
    const socket = await connect();
    socket.on("error", () => {});
    const events: Record<string, unknown>[] = [];
    socket.on("event", (event) => events.push(event as never));
    const said = async (transcript: string, options: object = OPTIONS) =>
      all(socket.generate({ ...OPTIONS, ...options, transcript } as never)).then(
        () => undefined,
        () => events.find(({ type, error_code: code }) => type === "error" && code !== undefined),
      );
    expect(await said(fresh(), { voice: "nobody" })).toMatchObject({
      status_code: 404,
      error_code: "voice_not_found",
      done: true,
    });
    events.length = 0;
    expect(await said(fresh(), { output_format: { container: "mp3" } })).toMatchObject({ status_code: 400 });
    events.length = 0;
    engine.script.failAfterBytes = 0;
    expect(await said(fresh())).toMatchObject({ status_code: 503, error_code: "engines_unavailable" });
    delete engine.script.failAfterBytes;
    expect(await said(fresh())).toBeUndefined();
    await socket.send({ context_id: "mixed", ...OPTIONS, transcript: "One. ", continue: true });
    await socket.send({ context_id: "mixed", ...OPTIONS, voice: "two", transcript: "Two.", continue: false });
    await vi.waitFor(() =>
      expect(events.at(-1)).toMatchObject({ type: "error", context_id: "mixed", status_code: 400 }),
    );
    socket.close();
    const poor = await connect(KEYS.bob);
    poor.on("error", () => {});
    await expect(all(poor.generate({ ...OPTIONS, transcript: fresh() }))).rejects.toThrow(/rate_limited/);
    poor.close();
  });

  it("lets in by header, by key or token in the URL, and nobody else", async () => {
    const url = `${gateway.url}/tts/websocket?cartesia_version=2026-08-14`;
    const { token } = await cartesia.accessToken.create({ grants: { tts: true }, expires_in: 60 });
    for (const [query, headers] of [
      ["", { "x-api-key": KEYS.ann }],
      [`&api_key=${KEYS.ann}`, {}],
      [`&access_token=${token}`, {}],
    ] as const) {
      const socket = await new JsonSocket(`${url}${query}`, headers).open();
      socket.send({ ...OPTIONS, transcript: "Hello.", context_id: "c" });
      await socket.message(({ type }) => type === "done");
      socket.socket.close();
    }
    await expect(new JsonSocket(`${url}&api_key=a-wrong-key`).open()).rejects.toThrow(/401 .*Invalid API key/);
    const httpOnly = await fetch(url, { headers: { "x-api-key": KEYS.ann } });
    expect([httpOnly.status, await httpOnly.json()]).toMatchObject([426, { error_code: "upgrade_required" }]);
    const odd = await new JsonSocket(url, { "x-api-key": KEYS.ann }).open();
    odd.socket.send("not json");
    expect(await odd.message(({ type }) => type === "error")).toMatchObject({
      error_code: "invalid_json",
      status_code: 400,
    });
    odd.send({ context_id: "x", transcript: "Hello.", voice: VOICE });
    expect(await odd.message(({ message }) => String(message).includes("required"))).toMatchObject({ context_id: "x" });
    odd.socket.close();
  });
});
