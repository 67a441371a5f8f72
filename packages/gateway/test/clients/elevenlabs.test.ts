import { ElevenLabs, ElevenLabsClient, ElevenLabsError } from "@elevenlabs/elevenlabs-js";
import OpenAI from "openai";
import { afterAll, beforeEach, describe, expect, it, vi } from "vitest";
import { createTranscoder } from "../../src/audio/transcode.ts";
import type { AudioFormat } from "../../src/core/audio-format.ts";
import { hashKey } from "../../src/identity/api-key.ts";
import { postSpeech, runGateway } from "../support/gateway.ts";
import { JsonSocket } from "../support/json-socket.ts";
import { standInEngine } from "../support/stand-in-engine.ts";

const KEYS = {
  ann: "key-of-ann-0123456",
  bob: "key-of-bob-0123456",
  cid: "key-of-cid-0123456",
  dan: "key-of-dan-0123456",
};
const engine = standInEngine({ words: true });
const gateway = await runGateway(
  {
    allowAnonymous: false,
    keys: [
      { hash: hashKey(KEYS.ann), user: "ann" },
      { hash: hashKey(KEYS.bob), user: "bob", plan: "poor" },
      { hash: hashKey(KEYS.cid), user: "cid", plan: "metered" },
      { hash: hashKey(KEYS.dan), user: "dan", plan: "narrow" },
    ],
    plans: { poor: { requestsPerHour: 1 }, metered: { charactersPerDay: 40 }, narrow: { streams: 1 } },
    voices: { "21m00Tcm4TlvDq8ikWAM": { "stand-in": "two" } },
  },
  { engines: [engine] },
);
const transcoder = createTranscoder({ workers: 1 });
afterAll(() => transcoder.close());
beforeEach(() => {
  for (const option of ["failAfterBytes", "chunkMs", "hang"] as const) delete engine.script[option];
});
const client = (apiKey = KEYS.ann) => new ElevenLabsClient({ baseUrl: gateway.url, apiKey, maxRetries: 0 });
const elevenlabs = client();
const never = new AbortController().signal;
let said = 0;
const fresh = (words = "This was never said before"): string => `${words}, number ${++said}.`;

async function bytesOf(stream: ReadableStream<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}

async function durationOf(audio: Uint8Array, format: AudioFormat): Promise<number> {
  return (await transcoder.inspect(audio, format, { signal: never })).durationMs;
}

/** What a call is refused with. */
async function refusal(call: Promise<unknown>): Promise<ElevenLabsError> {
  const error: unknown = await call.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (error instanceof ElevenLabsError) return error;
  throw new Error(`not refused: ${String(error)}`);
}

describe("the official elevenlabs client", () => {
  it("hears the same from the cache, by every road", async () => {
    const request = { text: fresh(), modelId: "eleven_multilingual_v2", outputFormat: "pcm_24000" } as const;
    const before = engine.calls;
    const first = await elevenlabs.textToSpeech.convert("21m00Tcm4TlvDq8ikWAM", request).withRawResponse();
    expect(first.rawResponse.headers.get("cache-status")).toBe("mynah; fwd=miss; stored");
    expect(first.rawResponse.headers.get("mynah-ignored")).toBeNull();
    expect(first.rawResponse.headers.get("request-id")).toBe(first.rawResponse.headers.get("x-request-id"));
    const audio = await bytesOf(first.data);
    expect(audio.length).toBe(request.text.length * 20 * 48);
    await vi.waitFor(async () => {
      const again = await elevenlabs.textToSpeech.stream("21m00Tcm4TlvDq8ikWAM", request).withRawResponse();
      expect((await bytesOf(again.data)).equals(audio)).toBe(true);

      expect(again.rawResponse.headers.get("cache-status")).toBe("mynah; hit");
    });
    const timed = await elevenlabs.textToSpeech.convertWithTimestamps("21m00Tcm4TlvDq8ikWAM", request);
    expect(Buffer.from(timed.audioBase64, "base64").equals(audio)).toBe(true);
    expect(engine.calls).toBe(before + 1);
    expect(engine.requests.at(-1)).toMatchObject({ voice: "two", speed: 1 });
  });

  it.each<[ElevenLabs.TextToSpeechConvertRequestOutputFormat, AudioFormat, string]>([
    ["mp3_22050_32", { name: "mp3", sampleRateHz: 22_050 }, "audio/mpeg"],
    ["mp3_44100_192", { name: "mp3", sampleRateHz: 44_100 }, "audio/mpeg"],
    ["opus_48000_32", { name: "opus", sampleRateHz: 48_000 }, "audio/ogg; codecs=opus"],
    ["pcm_16000", { name: "pcm", sampleRateHz: 16_000 }, "audio/pcm;rate=16000;channels=1"],
    ["wav_44100", { name: "wav", sampleRateHz: 44_100 }, "audio/wav"],
    ["ulaw_8000", { name: "pcm", sampleRateHz: 8000, encoding: "mulaw" }, "audio/basic"],
    ["alaw_8000", { name: "pcm", sampleRateHz: 8000, encoding: "alaw" }, "audio/PCMA;rate=8000"],
  ])("gets %s as it is", async (outputFormat, format, type) => {
    const text = "One sentence in many formats, at double speed.";
    const { data, rawResponse } = await elevenlabs.textToSpeech
      .convert("one", { text, outputFormat, voiceSettings: { speed: 2, stability: 0.3 } })
      .withRawResponse();
    expect(rawResponse.headers.get("content-type")).toBe(type);
    expect(rawResponse.headers.get("mynah-ignored")).toBe("voice_settings.stability");
    const durationMs = await durationOf(await bytesOf(data), format);
    expect(durationMs).toBeGreaterThan(text.length * 10 - 5);
    expect(durationMs).toBeLessThan(text.length * 10 + 120);
  });

  it("has its seed heard where the engine takes one, and is told where it does not", async () => {
    const asked = { text: fresh("Seeded"), outputFormat: "pcm_24000", seed: 7, voiceSettings: { style: 0.2 } } as const;
    const ignored = async (more: object = {}, tts = elevenlabs.textToSpeech) => {
      const { data, rawResponse } = await tts.convert("one", { ...asked, ...more }).withRawResponse();
      await bytesOf(data);
      return namesIn(rawResponse.headers);
    };
    const namesIn = (headers: Headers) => headers.get("mynah-ignored")?.split(", ").sort();
    expect(await ignored()).toEqual(["seed", "voice_settings.style"]);
    const timed = await elevenlabs.textToSpeech.convertWithTimestamps("one", asked).withRawResponse();
    expect(namesIn(timed.rawResponse.headers)).toEqual(["seed", "voice_settings.style"]);
    expect(engine.requests.at(-1)).not.toHaveProperty("seed");
    const drawing = standInEngine({ name: "drawing", capabilities: { seed: true } });
    const other = await runGateway({}, { engines: [drawing] });
    const { textToSpeech } = new ElevenLabsClient({ baseUrl: other.url, apiKey: "any", maxRetries: 0 });
    expect(await ignored({}, textToSpeech)).toEqual(["voice_settings.style"]);
    expect(drawing.requests.at(-1)).toMatchObject({ seed: 7 });
    await ignored({ seed: 8 }, textToSpeech);
    expect(drawing.calls).toBe(2); // it is part of the key
    const plain = { model: "auto", input: asked.text, voice: "one", response_format: "pcm", seed: 7 };
    const headers = { authorization: `Bearer ${KEYS.ann}` };
    expect((await postSpeech(gateway, plain, { headers })).status).toBe(400); // as ever where it was asked in our words
  });

  it("gets the time of every character, of a miss, from the cache and from engines that know none", async () => {
    const text = "Well,  don\u2019t   stop.\nGo on! \u{1F600}";
    const ask = () => elevenlabs.textToSpeech.convertWithTimestamps("one", { text, outputFormat: "pcm_24000" });
    const miss = await ask();
    const { characters, characterStartTimesSeconds: starts, characterEndTimesSeconds: ends } = miss.alignment!;
    expect(characters.join("")).toBe(text);
    expect(miss.normalizedAlignment!.characters.join("")).toBe("Well, don\u2019t stop. Go on! \u{1F600}");
    expect(starts.length).toBe(characters.length);
    for (const [at, start] of starts.entries()) {
      expect(start).toBeLessThanOrEqual(ends[at]!);
      expect(start).toBeGreaterThanOrEqual(at === 0 ? 0 : ends[at - 1]! - 0.002);
    }
    const lengthS = Buffer.from(miss.audioBase64, "base64").length / 48_000;
    expect(ends.at(-1)).toBeCloseTo(lengthS, 2);
    // "Go" begins with the second segment, at 20 ms a character of what was spoken.
    expect(starts[characters.indexOf("G")]).toBeCloseTo("Well, don\u2019t stop.".length * 0.02, 2);
    await vi.waitFor(async () => expect(await ask()).toEqual(miss));

    engine.script.words = false;
    const words = fresh("Nobody knows when");
    const guessed = await elevenlabs.textToSpeech.convertWithTimestamps("one", {
      text: words,
      outputFormat: "pcm_24000",
    });
    expect(guessed.alignment!.characters.join("")).toBe(words);
    expect(guessed.alignment!.characterEndTimesSeconds.at(-1)).toBeCloseTo(words.length * 0.02, 2);
    engine.script.words = true;
  });

  it("streams audio and times, sentence by sentence", async () => {
    const text = `${fresh("A first sentence")} ${fresh("And a second")}`;
    const plain = await bytesOf(await elevenlabs.textToSpeech.stream("one", { text, outputFormat: "pcm_24000" }));
    const audio: Buffer[] = [];
    const characters: string[] = [];
    const starts: number[] = [];
    for await (const chunk of await elevenlabs.textToSpeech.streamWithTimestamps("one", {
      text,
      outputFormat: "pcm_24000",
    })) {
      audio.push(Buffer.from(chunk.audioBase64, "base64"));
      characters.push(...(chunk.alignment?.characters ?? []));
      starts.push(...(chunk.alignment?.characterStartTimesSeconds ?? []));
    }
    expect(Buffer.concat(audio).equals(plain)).toBe(true);
    expect(characters.join("")).toBe(text);
    expect([...starts].sort((a, b) => a - b)).toEqual(starts);
  });

  it("lists, finds and pages voices", async () => {
    const { voices } = await elevenlabs.voices.getAll();
    expect(voices.map(({ voiceId }) => voiceId)).toEqual(["one", "two"]);
    expect(voices[0]).toMatchObject({ name: "One", labels: { language: "en", locale: "en-US", gender: "female" } });
    expect(await elevenlabs.voices.get("21m00Tcm4TlvDq8ikWAM")).toMatchObject({
      voiceId: "21m00Tcm4TlvDq8ikWAM",
      name: "Two",
    });
    expect(await refusal(elevenlabs.voices.get("nobody"))).toMatchObject({
      statusCode: 404,
      body: { detail: { status: "voice_not_found" } },
    });
    const page = await elevenlabs.voices.search({ pageSize: 1, sort: "name", sortDirection: "desc" });
    expect([page.voices[0]?.name, page.hasMore, page.totalCount]).toEqual(["Two", true, 2]);
    const next = await elevenlabs.voices.search({
      pageSize: 1,
      sort: "name",
      sortDirection: "desc",
      nextPageToken: page.nextPageToken!,
    });
    expect([next.voices[0]?.name, next.hasMore]).toEqual(["One", false]);
    const found = await elevenlabs.voices.search({ search: "male two", language: ["en"], gender: "male" });
    expect(found.voices.map(({ name }) => name)).toEqual(["Two"]);
    expect((await refusal(elevenlabs.voices.search({ nextPageToken: "bogus" }))).statusCode).toBe(422);
  });

  it("lists models to its own clients, and OpenAI's list to OpenAI's", async () => {
    const models = await elevenlabs.models.list();
    expect(models.map(({ modelId }) => modelId)).toEqual(
      expect.arrayContaining(["auto", "stand-in", "eleven_multilingual_v2"]),
    );
    expect(models[0]).toMatchObject({ canDoTextToSpeech: true, languages: [{ languageId: "en", name: "English" }] });
    const openai = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: KEYS.ann, maxRetries: 0 });
    expect((await openai.models.list()).data.map(({ id }) => id)).toEqual(expect.arrayContaining(["auto", "tts-1"]));
    expect((await refusal(client("a-wrong-key").models.list())).body).toMatchObject({
      detail: { status: "invalid_api_key" },
    });
    const stranger = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: "a-wrong-key", maxRetries: 0 });
    await expect(stranger.models.list()).rejects.toMatchObject({ status: 401, code: "unauthorized" });
  });

  it("finds its routes described, with their own errors", async () => {
    const api = (await (await fetch(`${gateway.url}/openapi.json`)).json()) as {
      paths: Record<string, Record<string, { tags: string[]; responses: object }>>;
    };
    const routes = Object.entries(api.paths).filter(
      ([, methods]) => Object.values(methods)[0]?.tags[0] === "elevenlabs",
    );
    expect(routes.map(([path]) => path)).toEqual(
      expect.arrayContaining([
        "/v1/text-to-speech/{voice_id}/stream/with-timestamps",
        "/v2/voices",
        "/v1/user/subscription",
      ]),
    );
    expect(JSON.stringify(api.paths["/v1/text-to-speech/{voice_id}"]!.post!.responses)).toContain('"detail"');
  });

  it("tells who calls and what is left to them", async () => {
    expect(await elevenlabs.user.get()).toMatchObject({
      userId: "ann",
      subscription: { tier: "default", status: "active" },
    });
    await client(KEYS.cid).textToSpeech.convert("one", { text: "Thirty characters, more or so." }).then(bytesOf);
    expect(await client(KEYS.cid).user.subscription.get()).toMatchObject({
      tier: "metered",
      characterLimit: 40,
      characterCount: 30,
    });
  });

  it("is refused in words that it knows", async () => {
    const convert = (request: object, key = KEYS.ann, voice = "one") =>
      refusal(
        client(key)
          .textToSpeech.convert(voice, { text: fresh(), ...request } as { text: string })
          .then(bytesOf),
      );
    expect(await convert({}, "")).toMatchObject({
      statusCode: 401,
      body: { detail: { status: "needs_authorization" } },
    });
    expect(await convert({}, "a-wrong-key")).toMatchObject({
      statusCode: 401,
      body: { detail: { status: "invalid_api_key" } },
    });
    expect(await convert({}, KEYS.ann, "nobody")).toMatchObject({
      statusCode: 404,
      body: { detail: { status: "voice_not_found" } },
    });
    expect(await convert({ text: " " })).toMatchObject({
      statusCode: 400,
      body: { detail: { status: "input_text_empty" } },
    });
    expect(await convert({ text: "a".repeat(50_001) })).toMatchObject({
      body: { detail: { status: "max_character_limit_exceeded" } },
    });
    expect(await convert({ modelId: "unheard-of" })).toMatchObject({ body: { detail: { status: "model_not_found" } } });
    const invalid = await refusal(
      elevenlabs.textToSpeech.convert("one", { text: fresh() }, { queryParams: { output_format: "pcm_12345" } }),
    );
    expect(invalid).toBeInstanceOf(ElevenLabs.UnprocessableEntityError);
    expect(invalid.body).toMatchObject({ detail: [{ loc: ["query", "output_format"], type: "value_error" }] });
    expect((await convert({ voiceSettings: { speed: 9 } })).body).toMatchObject({
      detail: [{ loc: ["body", "voice_settings", "speed"] }],
    });
    const bare = await fetch(`${gateway.url}/v1/text-to-speech/one`, {
      method: "POST",
      headers: { "xi-api-key": KEYS.ann, "content-type": "application/json" },
      body: "{}",
    });
    expect([bare.status, await bare.json()]).toMatchObject([
      422,
      { detail: [{ loc: ["body", "text"], type: "missing" }] },
    ]);

    await client(KEYS.bob).textToSpeech.convert("one", { text: fresh() }).then(bytesOf);
    const limited = await convert({}, KEYS.bob);
    expect(limited).toMatchObject({ statusCode: 429, body: { detail: { status: "system_busy" } } });
    expect(Number(limited.rawResponse!.headers.get("retry-after"))).toBeGreaterThan(3_500);
    expect(await convert({}, KEYS.cid)).toMatchObject({
      statusCode: 401,
      body: { detail: { status: "quota_exceeded" } },
    });
  });

  it("is told how many of its requests run, and that no more may", async () => {
    engine.script.chunkMs = 20;
    const slow = await client(KEYS.dan)
      .textToSpeech.stream("one", { text: fresh(), outputFormat: "pcm_24000" })
      .withRawResponse();
    expect(slow.rawResponse.headers.get("current-concurrent-requests")).toBe("1");
    expect(slow.rawResponse.headers.get("maximum-concurrent-requests")).toBe("1");
    const refused = await refusal(client(KEYS.dan).textToSpeech.convert("one", { text: fresh() }).then(bytesOf));
    expect(refused).toMatchObject({ statusCode: 429, body: { detail: { status: "too_many_concurrent_requests" } } });
    await bytesOf(slow.data);
  });

  it("hears of engines that fail, and never a clean end of half an answer", async () => {
    engine.script.failAfterBytes = 0;
    const failed = await refusal(elevenlabs.textToSpeech.convert("one", { text: fresh() }).then(bytesOf));
    expect(failed).toMatchObject({ statusCode: 503, body: { detail: { status: "engines_unavailable" } } });
    const text = fresh("This one breaks off after its first tenth of a second");
    Object.assign(engine.script, { failAfterBytes: 24_000, chunkMs: 30 });
    await expect(
      elevenlabs.textToSpeech.stream("one", { text, outputFormat: "pcm_24000" }).then(bytesOf),
    ).rejects.toThrow(/terminated/);
    await expect(elevenlabs.textToSpeech.convertWithTimestamps("one", { text })).rejects.toThrow();
  });

  it("leaves the engine when it leaves", async () => {
    engine.script.hang = true;
    const aborts = engine.aborts.length;
    const gone = new AbortController();
    const left = elevenlabs.textToSpeech.convert("one", { text: fresh() }, { abortSignal: gone.signal });
    left.catch(() => {});
    await vi.waitFor(() => expect(engine.active).toBe(1));
    gone.abort();
    await vi.waitFor(() => expect(engine.aborts.length).toBe(aborts + 1));
  });
});

const AUDIO = (message: Record<string, unknown>): boolean => typeof message.audio === "string";

/** What a context got: its audio, and the text of its alignments with when each character begins in all of the audio. */
function heard({ messages }: JsonSocket, contextId?: string) {
  const own = messages.filter((message) => AUDIO(message) && message.contextId === contextId);
  let offsetMs = 0;
  let text = "";
  const startsMs: number[] = [];
  for (const { alignment } of own as {
    alignment: null | { chars: string[]; charStartTimesMs: number[]; charDurationsMs: number[] };
  }[]) {
    if (alignment === null) continue;
    text += alignment.chars.join("");
    startsMs.push(...alignment.charStartTimesMs.map((ms) => ms + offsetMs));
    offsetMs += alignment.charStartTimesMs.at(-1)! + alignment.charDurationsMs.at(-1)!; // as Pipecat adds them up
  }
  return {
    audio: Buffer.concat(own.map(({ audio }) => Buffer.from(audio as string, "base64"))),
    text,
    startsMs,
    lengthMs: offsetMs,
  };
}

const connect = (path: string, headers: Record<string, string> = { "xi-api-key": KEYS.ann }) =>
  new JsonSocket(`${gateway.url}/v1/text-to-speech/one/${path}`, headers).open();

describe("stream-input", () => {
  const QUERY = "stream-input?model_id=eleven_flash_v2_5&output_format=pcm_24000";

  it("speaks text in pieces, tells when each character is heard, ends with the text; from the cache alike", async () => {
    const first = fresh("Here we go with one sentence");
    const second = fresh("Here comes another one");
    const say = async () => {
      const socket = await connect(QUERY);
      socket.send({
        text: " ",
        voice_settings: { stability: 0.5, speed: 1 },
        generation_config: { chunk_length_schedule: [120, 160] },
      });
      socket.send({ text: first.slice(0, 9) }, { text: `${first.slice(9)} `, try_trigger_generation: true });
      socket.send({ text: `${second} ` }, { text: "" });
      expect(await socket.closed).toMatchObject({ code: 1000 });
      expect(socket.messages.at(-1)).toEqual({ isFinal: true });
      return heard(socket);
    };
    const miss = await say();
    const lengthMs = (first.length + second.length) * 20;
    expect(miss.audio.length / 48).toBeCloseTo(lengthMs, 0);
    expect(miss.lengthMs).toBeCloseTo(lengthMs, 0);
    expect(miss.text.trim()).toBe(`${first} ${second}`);
    expect(miss.startsMs[miss.text.indexOf("H", 10)]).toBeCloseTo(first.length * 20, 0);
    const calls = engine.calls;
    expect(await say()).toEqual(miss);
    expect(engine.calls).toBe(calls);
  });

  it("has its seed heard where the engine takes one, and tells in its first audio what is not heard", async () => {
    const drawing = standInEngine({ name: "drawing", capabilities: { seed: true } });
    const other = await runGateway({}, { engines: [drawing] });
    const say = async (url: string, settings: object) => {
      const path = `${url}/v1/text-to-speech/one/${QUERY}&seed=7&apply_text_normalization=on`;
      const socket = await new JsonSocket(path, { "xi-api-key": KEYS.ann }).open();
      socket.send(
        { text: " ", voice_settings: settings },
        { text: "One sentence. " },
        { text: "Another. " },
        { text: "" },
      );
      await socket.closed;
      return socket.messages.filter(AUDIO).map((message) => message.mynah_ignored);
    };
    const told = await say(gateway.url, { stability: 0.5, speed: 1 });
    expect(told[0]).toEqual(["apply_text_normalization", "voice_settings.stability", "seed"]);
    expect(told.slice(1).every((ignored) => ignored === undefined)).toBe(true);
    expect((await say(other.url, {}))[0]).toEqual(["apply_text_normalization"]);
    expect(drawing.requests.at(-1)).toMatchObject({ seed: 7 });
  });

  it("reads tags where enable_ssml_parsing asks for it: by flush, by end, and when the text pauses", async () => {
    const socket = await connect(`${QUERY}&enable_ssml_parsing=true&seed=7`);
    const before = engine.requests.length;
    socket.send({ text: " ", voice_settings: { stability: 0.5 } }, { text: "Salt & pepper.<break ti" });
    socket.send({ text: 'me="1s"/> <emphasis>Then', flush: false }, { text: " sugar.</emphasis>", flush: true });
    const first = await socket.message(AUDIO);
    expect(first.mynah_ignored).toEqual(["voice_settings.stability", "seed"]);
    expect(first.mynah_notices).toEqual([expect.objectContaining({ message: expect.stringContaining("emphasis") })]);
    socket.send({ text: '<prosody rate="200%">Hurry ' });
    socket.send({ text: "up now.</prosody>" });
    await vi.waitFor(() => expect(heard(socket).text).toContain("Hurry up now."));
    socket.send({ text: '<sub alias="The end">fin</sub>.<break time="500ms"/>' }, { text: "" });
    expect(await socket.closed).toMatchObject({ code: 1000 });
    const { audio, text, startsMs, lengthMs } = heard(socket);
    const said = ["Salt & pepper.", "Then sugar.", "Hurry up now.", "The end."];
    expect(engine.requests.slice(before).map((request) => request.text)).toEqual(said);
    expect(text.trim().replaceAll(/ +/g, " ")).toBe(said.join(" "));
    expect(startsMs[text.indexOf("T")]).toBeCloseTo(14 * 20 + 1000, -1);
    expect(audio.length / 48).toBeCloseTo(lengthMs, -1);
    expect(socket.messages.at(-1)).toEqual({ isFinal: true });
  });

  it("tells of tags that it cannot read, and says none of them", async () => {
    const socket = await connect(`${QUERY}&enable_ssml_parsing=true`);
    const calls = engine.calls;
    socket.send({ text: "<prosody>Never closed." }, { text: "" });
    expect(await socket.closed).toMatchObject({ code: 1008 });
    expect(socket.messages).toEqual([expect.objectContaining({ error: "ssml_invalid", code: 1008 })]);
    expect(engine.calls).toBe(calls);
  });

  it("speaks what is flushed without waiting for more, and all of each text in auto_mode", async () => {
    const socket = await connect(`${QUERY}&auto_mode=true`);
    socket.send({ text: " " }, { text: "no full stop " });
    await socket.message(AUDIO);
    socket.send({ text: "and more", flush: true });
    await vi.waitFor(() => expect(heard(socket).text.trim()).toBe("no full stop and more"));
    socket.send({ text: "" });
    await socket.closed;
  });

  it("takes the key in the first message, and in the URL a token; a stranger is told and closed", async () => {
    const late = await connect(QUERY, {});
    late.send({ text: " ", "xi-api-key": KEYS.ann }, { text: "Let in late." }, { text: "" });
    expect(await late.closed).toMatchObject({ code: 1000 });
    expect(heard(late).audio.length).toBe("Let in late.".length * 20 * 48);
    const { token } = await elevenlabs.tokens.singleUse.create("tts_websocket");
    const browser = await connect(`${QUERY}&single_use_token=${token}`, {});
    browser.send({ text: "Let in late." }, { text: "" });
    expect(await browser.closed).toMatchObject({ code: 1000 });
    expect(heard(browser).audio.length).toBeGreaterThan(0);
    const stranger = await connect(QUERY, {});
    stranger.send({ text: "Let me in." });
    expect(await stranger.closed).toEqual({ code: 1008, reason: "needs_authorization" });
    expect(stranger.messages).toMatchObject([{ error: "needs_authorization", code: 1008 }]);
    await expect(connect(QUERY, { "xi-api-key": "a-wrong-key" })).rejects.toThrow(/401 .*invalid_api_key/);
    await expect(connect("stream-input?output_format=pcm_1")).rejects.toThrow(/422 .*output_format/);
    const plain = await fetch(`${gateway.url}/v1/text-to-speech/one/stream-input`, {
      headers: { "xi-api-key": KEYS.ann },
    });
    expect([plain.status, await plain.json()]).toMatchObject([426, { detail: { code: "upgrade_required" } }]);
  });

  it("says why it closes: bad messages, voices, engines, limits, silence", async () => {
    const closing = async (path: string, headers: Record<string, string>, ...messages: object[]) => {
      const socket = await connect(path, headers);
      socket.send(...(messages as Record<string, unknown>[]));
      const { code, reason } = await socket.closed;
      expect(socket.messages.at(-1)).toMatchObject({ error: reason, code: 1008 });
      return [code, reason];
    };
    const ann = { "xi-api-key": KEYS.ann };
    expect(await closing(QUERY, ann, { text: 5 })).toEqual([1008, "invalid_message"]);
    expect(await closing(QUERY, { "xi-api-key": KEYS.bob }, { text: "Too many. " })).toEqual([1008, "system_busy"]);
    expect(await closing(`${QUERY}&inactivity_timeout=1`, ann, { text: " " })).toEqual([
      1008,
      "input_timeout_exceeded",
    ]);
    engine.script.failAfterBytes = 0;
    expect(await closing(QUERY, ann, { text: fresh() }, { text: "" })).toEqual([1008, "engines_unavailable"]);
  });
});

describe("multi-stream-input", () => {
  const QUERY = "multi-stream-input?output_format=pcm_24000";

  it("runs contexts beside each other, and ends each by its own name", async () => {
    const socket = await connect(QUERY);
    const texts = { a: fresh("What the first context says"), b: fresh("What the second one says") };
    socket.send({ text: " ", context_id: "a" }, { text: " ", contextId: "b", voice_settings: { speed: 2 } });
    socket.send({ text: texts.a, context_id: "a" }, { text: `${texts.b} `, context_id: "b", flush: true });
    socket.send({ context_id: "a", flush: true }, { text: "", context_id: "b" });
    socket.send({ context_id: "a", close_context: true }, { context_id: "b", close_context: true });
    for (const id of ["a", "b"]) {
      const final = await socket.message(({ isFinal, contextId }) => isFinal === true && contextId === id);
      expect(final).toEqual({ isFinal: true, contextId: id, context_id: id });
    }
    expect(heard(socket, "a").text).toBe(texts.a);
    expect(heard(socket, "a").audio.length).toBe(texts.a.length * 20 * 48);
    expect(heard(socket, "b").audio.length).toBeCloseTo(texts.b.length * 10 * 48, -3);
    socket.send({ close_socket: true });
    expect(await socket.closed).toMatchObject({ code: 1000 });
  });

  it("leaves the engine when a context is closed in the middle, and when the client goes", async () => {
    engine.script.hang = true;
    const socket = await connect(QUERY);
    const aborts = engine.aborts.length;
    socket.send({ text: `${fresh("Interrupted")} `, context_id: "a" });
    await vi.waitFor(() => expect(engine.active).toBe(1));
    socket.send({ context_id: "a", close_context: true });
    await socket.message(({ isFinal }) => isFinal === true);
    await vi.waitFor(() => expect(engine.aborts.length).toBe(aborts + 1));
    socket.send({ text: `${fresh("Left alone")} `, context_id: "b" });
    await vi.waitFor(() => expect(engine.active).toBe(1));
    socket.socket.terminate();
    await vi.waitFor(() => expect(engine.aborts.length).toBe(aborts + 2));
  });

  it("tells one context what went wrong, and speaks on in the others", async () => {
    const socket = await connect(QUERY);
    engine.script.failAfterBytes = 0;
    socket.send({ text: fresh(), context_id: "bad", flush: true });
    expect(await socket.message(({ error }) => error !== undefined)).toMatchObject({
      error: "engines_unavailable",
      contextId: "bad",
    });
    socket.send({ text: "More of it. ", context_id: "bad", flush: true }); // belongs to what failed
    delete engine.script.failAfterBytes;
    const text = fresh();
    socket.send({ text, context_id: "good", flush: true }, { close_socket: true });
    expect(await socket.closed).toMatchObject({ code: 1000 });
    expect(heard(socket, "good").text).toBe(text);
    expect(heard(socket, "bad").audio.length).toBe(0);
  });
});
