import { describe, expect, it } from "vitest";
import { systemClock } from "../../src/core/clock.ts";
import type { WordTime } from "../../src/core/ports.ts";
import { azureEngine } from "../../src/engines/azure/azure-engine.ts";
import { googleEngine } from "../../src/engines/google/google-engine.ts";
import { createPollyEngine } from "../../src/engines/polly/polly-engine.ts";
import { createTtsManager } from "../../src/tts-manager.ts";
import { bytesOf, postSpeech, type RunningGateway, runGateway } from "../support/gateway.ts";
import { connectSocket } from "../support/socket-client.ts";
import { standInEngine, toneAudio } from "../support/stand-in-engine.ts";
import { azureStandIn } from "../support/stand-ins/azure.ts";
import { googleStandIn } from "../support/stand-ins/google.ts";
import { pollyStandIn } from "../support/stand-ins/polly.ts";

const HZ = 24_000;
const PCM = { name: "pcm", sampleRateHz: HZ } as const;
/** 20 ms a character, as the stand-in speaks. */
const MS = 20;

type Subtitles = {
  durationMs: number;
  words: WordTime[];
  marks?: { name: string; timeMs: number; estimated?: true }[];
};

const engine = standInEngine({ words: true });
const gateway = await runGateway({}, { engines: [engine] });
const body = (ssml: string, rest: Record<string, unknown> = {}) => ({
  model: "auto",
  voice: "one",
  input: ssml,
  input_type: "ssml",
  response_format: "pcm",
  ...rest,
});

/** What the stand-in says of each text, and silences of so many ms, one after another. */
function sound(...parts: (readonly [text: string, changes?: object] | number)[]): Buffer {
  const plain = { voice: "one", speed: 1, pitch: 1, volume: 1, wanted: PCM };
  return Buffer.concat(
    parts.map((part) =>
      typeof part === "number"
        ? new Uint8Array(((part * HZ) / 1000) * 2)
        : toneAudio({ ...plain, text: part[0], ...part[1] }),
    ),
  );
}

async function hear(ssml: string, rest: Record<string, unknown> = {}): Promise<Buffer> {
  const response = await postSpeech(gateway, body(ssml, rest));
  expect(response.status, response.ok ? "" : await response.clone().text()).toBe(200);
  return bytesOf(response);
}

function subtitles({ url }: RunningGateway, request: Record<string, unknown>): Promise<Response> {
  return fetch(`${url}/v1/speech/subtitles`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ ...request, subtitle_format: "json" }),
  });
}

describe("SSML", () => {
  it("is spoken with its breaks as exact silence, its voices and its prosody, and the sentences are those of plain text", async () => {
    await bytesOf(await postSpeech(gateway, { voice: "one", input: "A plain sentence.", response_format: "pcm" }));
    await expect
      .poll(async () => {
        const again = await postSpeech(gateway, { voice: "one", input: "A plain sentence.", response_format: "pcm" });
        await again.body?.cancel();
        return again.headers.get("cache-status");
      })
      .toBe("mynah; hit");
    const ssml = `<speak><break time="120ms"/>A plain sentence.<break time="1500ms"/>
      <voice name="two">Somebody else <prosody rate="200%" pitch="+12st">in haste</prosody>.</voice>
      And <sub alias="World Wide Web">WWW</sub>.<break strength="weak"/></speak>`;
    const first = await postSpeech(gateway, body(ssml));
    expect(first.headers.get("cache-status")).toBe('mynah; fwd=partial; detail="1/4"; stored');
    expect(first.headers.get("mynah-voice")).toBe("one");
    expect(first.headers.get("mynah-notices")).toBeNull();
    const expected = sound(
      120,
      ["A plain sentence."],
      1500,
      ["Somebody else", { voice: "two" }],
      ["in haste.", { voice: "two", speed: 2, pitch: 2 }],
      ["And World Wide Web."],
      250,
    );
    expect((await bytesOf(first)).equals(expected)).toBe(true);
    await expect
      .poll(async () => {
        const again = await postSpeech(gateway, body(ssml));
        const audio = await bytesOf(again);
        expect(audio.equals(expected)).toBe(true);
        return again.headers.get("cache-status");
      })
      .toBe("mynah; hit");
    expect(engine.requests.map(({ text }) => text)).toEqual([
      "A plain sentence.",
      "Somebody else",
      "in haste.",
      "And World Wide Web.",
    ]);
  });

  it.each(["mp3", "opus", "aac", "flac", "wav"] as const)(
    "tells its words and marks on the answer's clock in %s, made now and stored",
    async (format) => {
      const text = `Marks in ${format}`;
      const ssml = `<speak><mark name="start"/>${text} <mark name="mid"/>go on.<mark name="end"/><break time="1s"/><mark name="after"/><break time="500ms"/>Last<mark name="last"/></speak>`;
      const request = body(ssml, { response_format: format });
      const fresh = (await (await subtitles(gateway, request)).json()) as Subtitles;
      expect(fresh.words.map((word) => word.text)).toEqual([...text.split(" "), "go", "on.", "Last"]);
      const at = (name: string): number => fresh.marks!.find((mark) => mark.name === name)!.timeMs;
      expect(fresh.marks!.map(({ name }) => name)).toEqual(["start", "mid", "end", "after", "last"]);
      expect(fresh.marks!.some(({ estimated }) => estimated)).toBe(false);
      expect(at("start")).toBe(fresh.words[0]!.startMs);
      expect(at("mid")).toBe(fresh.words.find((word) => word.text === "go")!.startMs);
      // A codec's frame, twice: one for the silence, one for the end of the part before it.
      expect(Math.abs(at("after") - at("end") - 1000)).toBeLessThan(format === "flac" || format === "wav" ? 2 : 100);
      expect(at("last") - at("after")).toBeGreaterThan(500);
      expect(Math.abs(at("last") - fresh.durationMs)).toBeLessThan(50);
      await expect
        .poll(async () => {
          const again = await subtitles(gateway, request);
          expect(await again.json()).toEqual(fresh);
          return again.headers.get("cache-status");
        })
        .toBe("mynah; hit");
    },
  );

  it("says in a header what it does not do", async () => {
    const ssml = `<speak>
  <emphasis>Very</emphasis> good. <audio src="https://example.com/a.mp3">A song.</audio> <phoneme ph="h@.loU" alphabet="x-sampa">Hello.</phoneme>
  <voice name="Nobody" onvoicefailure="keepexisting">Still me.</voice></speak>`;
    const response = await postSpeech(gateway, body(ssml));
    expect(await bytesOf(response)).toEqual(sound(["Very good."], ["A song."], ["Hello."], ["Still me."]));
    expect(response.headers.get("mynah-notices")).toBe(
      '"2:3 emphasis is not done; its text is spoken as the rest", "2:35 audio is not fetched; its alternate text is spoken", "3:3 no engine has a voice \\"Nobody\\"; GET /v1/audio/voices lists them", "2:90 stand-in takes no phonemes; the text is spoken as it is written"',
    );
  });

  it("has each vendor told phonemes in its own SSML, and stores what is said so", async () => {
    const keys = { accessKeyId: "AKIDEXAMPLE", secretAccessKey: "secret" };
    const [azure, google, polly] = await Promise.all([azureStandIn(), googleStandIn(), pollyStandIn(keys)]);
    const clock = systemClock;
    const engines = [
      azureEngine({ name: "azure", apiKey: "k", clock, baseUrl: azure.url }),
      googleEngine({ name: "google", apiKey: "k", clock, baseUrl: google.url }),
      await createPollyEngine({
        ...{ name: "polly", clock, region: "eu-west-1", credentials: keys, baseUrl: polly.url },
      }),
    ];
    const cloud = await runGateway({}, { engines });
    const said = 'I say <phoneme alphabet="ipa" ph="pɪˈkɑːn &amp; &quot;">pecan</phoneme>.';
    const ssml = `<speak>${["azure/en-US-GuyNeural", "google/en-US-Neural2-C", "polly/Joanna"].map((name) => `<voice name="${name}">${said}</voice>`).join("")}</speak>`;
    const speak = async (): Promise<string | null> => {
      const response = await postSpeech(cloud, body(ssml));
      expect(response.headers.get("mynah-notices")).toBeNull();
      expect((await bytesOf(response)).byteLength).toBeGreaterThan(3 * 600 * 48);
      return response.headers.get("cache-status");
    };
    expect(await speak()).toBe("mynah; fwd=miss; stored");
    await expect.poll(speak).toBe("mynah; hit");
    expect([
      azure.asked.map(({ ssml: asked }) => /<voice [^>]*>(.*)<\/voice>/.exec(asked)?.[1]),
      google.requests.map(({ body: asked }) => (asked as { input: { ssml: string } }).input.ssml),
      polly.bodies.map(({ Text }) => Text),
    ]).toEqual([[said], [`<speak>${said}</speak>`], [`<speak>${said}</speak>`]]);
    await Promise.all([azure, google, polly].map((server) => server.close()));
  });

  it.each([
    ["<speak>\n  <p>Hello</speak>", "ssml_invalid", "line 2, column 11: </speak> where </p> belongs", "input"],
    [
      '<!DOCTYPE speak [<!ENTITY a "b">]><speak>&a;</speak>',
      "ssml_invalid",
      "line 1, column 1: a document type",
      "input",
    ],
    [
      "<speak>\n<voice name='Mike'>Hi.</voice></speak>",
      "voice_not_found",
      'line 2, column 1: no engine has a voice "Mike"',
      "input",
    ],
    ["<speak><break time='2s'/></speak>", "text_empty", "nothing that can be spoken", "input"],
    [`<speak>${"Far too much. ".repeat(2_000)}</speak>`, "text_too_long", "at most 20000 characters", "input"],
    [`<speak>${"<!-- padding -->".repeat(11_100)}Hi.</speak>`, "text_too_long", "at most 176384 are read", "input"],
  ])("is refused with what is wrong: %.40j", async (input, code, message, param) => {
    const calls = engine.calls;
    const response = await postSpeech(gateway, body(input));
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({
      error: { code, param, message: expect.stringContaining(message) as string, type: "invalid_request_error" },
    });
    expect(engine.calls).toBe(calls);
  });

  it("sends marks as events of a stream of events", async () => {
    const ssml = '<speak>Streamed <mark name="m"/>text.</speak>';
    for (let round = 0; round < 2; round++) {
      const text = (await hear(ssml, { stream_format: "sse" })).toString();
      const events = text
        .trim()
        .split("\n\n")
        .map((line) => JSON.parse(line.replace(/^data: /, "")) as { type: string; audio?: string });
      expect(events.filter(({ type }) => type === "speech.audio.mark")).toEqual([
        { type: "speech.audio.mark", name: "m", time_ms: 9 * MS },
      ]);
      const audio = events.flatMap(({ audio }) => (audio === undefined ? [] : [Buffer.from(audio, "base64")]));
      expect(Buffer.concat(audio).equals(sound(["Streamed text."]))).toBe(true);
      expect(events.at(-1)).toMatchObject({ type: "speech.audio.done", usage: { input_tokens: 4 } });
    }
  });

  it("is told by a URL and a signed link, with ranges", async () => {
    const text = '<speak>By <mark name="m"/>URL.<break time="1s"/>Done.</speak>';
    const made = await fetch(`${gateway.url}/v1/speech/links`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ text, input_type: "ssml", voice: "one", format: "pcm" }),
    });
    expect(made.status).toBe(201);
    const { path } = (await made.json()) as { path: string };
    expect((await bytesOf(await fetch(gateway.url + path))).equals(sound(["By URL."], 1000, ["Done."]))).toBe(true);
    const plain = await fetch(`${gateway.url}${path.replace("input_type=ssml", "input_type=text")}`);
    expect(plain.status).toBe(403);
    const wrong = await fetch(`${gateway.url}/v1/speech/links`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ text: "<speak>", input_type: "ssml" }),
    });
    expect(await wrong.json()).toMatchObject({ error: { code: "ssml_invalid" } });
  });

  it("counts the characters that are spoken, and no markup", async () => {
    const limited = await runGateway({ plans: { default: { charactersPerDay: 13 } } }, { engines: [standInEngine()] });
    const ssml =
      '<speak><!-- a long comment that nobody says --><mark name="somewhere"/>Twelve chars<break time="1s"/></speak>';
    const response = await postSpeech(limited, body(ssml));
    expect(response.status).toBe(200);
    expect(response.headers.get("x-ratelimit-remaining-characters")).toBe("1");
    await response.body?.cancel();
  });

  it("fails honestly when the engine fails before its first word, however much silence is before that", async () => {
    const broken = await runGateway({}, { engines: [standInEngine({ failAfterBytes: 0 })] });
    const response = await postSpeech(broken, body('<speak><break time="2s"/>Hello.</speak>'));
    expect(response.status).toBe(503);
  });

  it("is understood by the library, with marks and notices", async () => {
    const manager = await createTtsManager(
      { rateLimitPerMinute: 0, rateLimitPerHour: 0 },
      { engines: [standInEngine({ words: true })] },
    );
    const options = {
      text: '<speak>In <mark name="m"/><emphasis>a</emphasis> program.</speak>',
      inputType: "ssml",
      voice: "one",
      format: "pcm",
    } as const;
    const { audio, metadata } = await manager.synthesize(options);
    expect(Buffer.from(audio).equals(sound(["In a program."]))).toBe(true);
    expect(metadata).toMatchObject({
      durationMs: 13 * MS,
      marks: [{ name: "m", timeMs: 3 * MS }],
      notices: [{ line: 1, column: 27, message: "emphasis is not done; its text is spoken as the rest" }],
    });
    await manager.close();
  });
});

describe("a dialogue in turns", () => {
  const turns = [
    { voice: "one", text: "How are you?" },
    { voice: "two", text: "Fine.\n\nAnd you?", speed: 2 },
    { text: "Never better." },
  ];
  const dialogue = { model: "auto", voice: "one", turns, response_format: "pcm" };
  const expected = (pause: number) =>
    sound(
      ["How are you?"],
      pause,
      ["Fine.", { voice: "two", speed: 2 }],
      ["And you?", { voice: "two", speed: 2 }],
      pause,
      ["Never better."],
    );

  it("is one answer, each turn in its voice, with a pause between, and its sentences are those of plain text", async () => {
    await bytesOf(await postSpeech(gateway, { voice: "one", input: "How are you?", response_format: "pcm" }));
    await expect
      .poll(async () => {
        const response = await postSpeech(gateway, dialogue);
        expect((await bytesOf(response)).equals(expected(300))).toBe(true);
        return response.headers.get("cache-status");
      })
      .toBe("mynah; hit");
    expect(
      (await bytesOf(await postSpeech(gateway, { ...dialogue, turn_pause_ms: 1000 }))).equals(expected(1000)),
    ).toBe(true);
    const alone = await postSpeech(gateway, { voice: "two", input: "Fine.", speed: 2, response_format: "pcm" });
    expect(alone.headers.get("cache-status")).toBe("mynah; hit");
    await alone.body?.cancel();
  });

  it("may be SSML", async () => {
    const said = await postSpeech(gateway, {
      ...dialogue,
      input_type: "ssml",
      turns: [{ text: "<speak>Wait<break time='1s'/>for it.</speak>" }, { voice: "two", text: "<speak>What?</speak>" }],
    });
    expect((await bytesOf(said)).equals(sound(["Wait"], 1000, ["for it."], 300, ["What?", { voice: "two" }]))).toBe(
      true,
    );
  });

  it.each([
    [{ turns, input: "Both." }, "turns", "invalid_request"],
    [{ turns: [] }, "turns", "invalid_request"],
    [{ turns, voice: undefined }, "turns.2.voice", "invalid_request"],
    [{ turns: [{ text: "Hi.", pace: 2 }] }, "turns.0.pace", "invalid_request"],
    [{ turns: [{ text: "Hi." }, { text: "…" }] }, "turns.1.text", "text_empty"],
    [{ turns: [{ text: "Hi." }, { text: "Ho.", voice: "Mike" }] }, "turns.1.voice", "voice_not_found"],
    [
      { turns: [{ text: "<speak>Hi.</speak>" }, { text: "<speak>" }], input_type: "ssml" },
      "turns.1.text",
      "ssml_invalid",
    ],
    [{ turns: undefined, input: "Hi.", turn_pause_ms: 100 }, "turn_pause_ms", "invalid_request"],
    [{ turns: undefined }, "input", "invalid_request"],
    [{ turns: undefined, voice: undefined, input: "Hi." }, "voice", "invalid_request"],
  ])("is refused with what is wrong: %j", async (changes, param, code) => {
    const response = await postSpeech(gateway, JSON.stringify({ ...dialogue, ...changes }));
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ error: { param, code } });
  });
});

describe("on a socket", () => {
  it("SSML is spoken with marks and notices, made now and stored", async () => {
    const socket = await connectSocket(gateway);
    const text =
      '<speak>On <mark name="here"/>a <emphasis>socket</emphasis>.<break time="200ms"/><mark name="end"/></speak>';
    for (const id of ["made", "stored"]) {
      socket.send({ type: "speak", id, text, inputType: "ssml", voice: "one", format: "pcm" });
      const done = await socket.last(id);
      expect(done).toMatchObject({ fromCache: id === "stored", durationMs: 12 * MS + 200 });
      const told = socket.messages.filter((message) => "id" in message && message.id === id);
      expect(told.find(({ type }) => type === "started")).toMatchObject({ notices: [{ line: 1, column: 32 }] });
      expect(told.flatMap((message) => (message.type === "marks" ? message.marks : []))).toEqual([
        { name: "here", timeMs: 3 * MS },
        { name: "end", timeMs: 12 * MS + 200 },
      ]);
      if (id === "made") await expect.poll(() => engine.finished).toBe(engine.calls);
    }
    socket.socket.close();
  });

  it("a dialogue is spoken, and what does not go together is refused", async () => {
    const socket = await connectSocket(gateway);
    socket.send({
      type: "speak",
      id: "a",
      turns: [{ text: "Ping." }, { text: "Pong.", voice: "two" }],
      turnPauseMs: 0,
      voice: "one",
      format: "pcm",
    });
    expect(await socket.last("a")).toMatchObject({ type: "done", durationMs: 10 * MS });
    const wrong = [
      { text: "Hi.", turns: [{ text: "Ho." }] },
      { turns: [{ text: "Ho.", pace: 1 }] },
      { turns: [] },
      { text: "Hi.", turnPauseMs: 5 },
      { text: "Hi.", inputType: "html" },
      { type: "append", text: "Hi.", inputType: "ssml" },
      {},
    ];
    for (const [at, message] of wrong.entries()) {
      socket.send({ type: "speak", id: `wrong ${at}`, ...message });
      expect(await socket.last(`wrong ${at}`)).toMatchObject({ type: "error", code: "invalid_request" });
    }
    socket.send({ type: "speak", id: "c", text: "<speak><p></speak>", inputType: "ssml", voice: "one" });
    expect(await socket.last("c")).toMatchObject({ type: "error", code: "ssml_invalid" });
    socket.socket.close();
  });
});
