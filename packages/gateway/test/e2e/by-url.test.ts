import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { ByUrlQuery } from "../../src/http/by-url/by-url-query.ts";
import { hashKey } from "../../src/identity/api-key.ts";
import { bytesOf, postSpeech, runGateway } from "../support/gateway.ts";
import { standInEngine } from "../support/stand-in-engine.ts";

const SECRET = "a secret that is long enough";
const gateway = await runGateway({ signingSecret: SECRET });

const get = (query: Record<string, string>, headers: Record<string, string> = {}, on = gateway): Promise<Response> =>
  fetch(`${on.url}/v1/speech?${new URLSearchParams(query)}`, { headers });

/** Asked until it is stored. */
async function stored(query: Record<string, string>): Promise<Response> {
  await bytesOf(await get(query));
  await expect
    .poll(async () => {
      const answer = await get(query);
      await bytesOf(answer);
      return answer.headers.get("cache-status");
    })
    .toBe("mynah; hit");
  return get(query);
}

describe("GET /v1/speech", () => {
  it("streams what is made now, and gives the same audio as the POST route", async () => {
    const text = "Fresh from the engine. In two sentences.";
    const miss = await get({ text, voice: "alloy", format: "pcm" });
    expect(miss.status).toBe(200);
    expect(miss.headers.get("content-length")).toBeNull();
    expect(miss.headers.get("etag")).toBeNull();
    expect(miss.headers.get("cache-control")).toBe("public, max-age=86400, immutable");
    const audio = await bytesOf(miss);
    const posted = await bytesOf(await postSpeech(gateway, { input: text, response_format: "pcm" }));
    expect(audio.equals(posted)).toBe(true);
    expect(audio.byteLength / 48_000).toBeGreaterThan(1);
  });

  it("gives stored audio with ETag, length and ranges", async () => {
    const query = { text: "A link has many readers.", format: "mp3" };
    const whole = await stored(query);
    const audio = await bytesOf(whole);
    const etag = whole.headers.get("etag")!;
    expect(etag).toMatch(/^"[0-9a-f]{32}"$/);
    expect(whole.headers.get("accept-ranges")).toBe("bytes");
    expect(whole.headers.get("content-length")).toBe(String(audio.byteLength));

    const same = await get(query, { "if-none-match": `"other", W/${etag}` });
    expect(same.status).toBe(304);
    expect(same.headers.get("etag")).toBe(etag);
    expect((await bytesOf(same)).byteLength).toBe(0);

    const total = audio.byteLength;
    const ranges: [string, number, number][] = [
      ["bytes=0-", 0, total - 1],
      ["bytes=0-9", 0, 9],
      ["bytes=100-", 100, total - 1],
      ["bytes=-50", total - 50, total - 1],
      [`bytes=-${total * 2}`, 0, total - 1],
      [`bytes=10-${total * 2}`, 10, total - 1],
    ];
    for (const [range, from, to] of ranges) {
      const part = await get(query, { range });
      expect(part.status, range).toBe(206);
      expect(part.headers.get("content-range")).toBe(`bytes ${from}-${to}/${total}`);
      expect((await bytesOf(part)).equals(audio.subarray(from, to + 1))).toBe(true);
    }
    for (const ignored of ["bytes=9-3", "bytes=0-1,5-6", "items=0-5", "bytes=-", "bytes=x-"]) {
      const answer = await get(query, { range: ignored });
      expect(answer.status, ignored).toBe(200);
      expect((await bytesOf(answer)).byteLength).toBe(total);
    }
    for (const beyond of [`bytes=${total}-`, "bytes=-0"]) {
      const answer = await get(query, { range: beyond });
      expect(answer.status, beyond).toBe(416);
      expect(answer.headers.get("content-range")).toBe(`bytes */${total}`);
      await bytesOf(answer);
    }
    expect((await get(query, { range: "bytes=0-9", "if-range": etag })).status).toBe(206);
    expect((await get(query, { range: "bytes=0-9", "if-range": '"old"' })).status).toBe(200);
  });

  it("waits for all of it where a part, a length or a comparison is wanted", async () => {
    const part = await get({ text: "Begin in the middle, please.", format: "wav" }, { range: "bytes=44-143" });
    expect(part.status).toBe(206);
    const [, total] = /\/(\d+)$/.exec(part.headers.get("content-range")!)!;
    expect(Number(total)).toBeGreaterThan(24_000);
    expect((await bytesOf(part)).byteLength).toBe(100);

    const seekable = await get({ text: "Know your length at once.", format: "wav", seekable: "true" });
    const bytes = await bytesOf(seekable);
    expect(seekable.headers.get("content-length")).toBe(String(bytes.byteLength));
    expect(bytes.readUInt32LE(40)).toBe(bytes.byteLength - 44);
    const again = await stored({ text: "Know your length at once.", format: "wav" });
    expect(again.headers.get("etag")).toBe(seekable.headers.get("etag"));
    await bytesOf(again);
  });

  it("gives what a telephone takes, made of what is stored", async () => {
    const engine = standInEngine({ name: "dialled" });
    const other = await runGateway({}, { engines: [engine] });
    const say = (query: Record<string, string>) =>
      get({ text: "You are third in line.", voice: "one", ...query }, {}, other);
    const wide = await bytesOf(await say({ format: "pcm" }));
    await expect
      .poll(async () => (await say({ format: "pcm" })).headers.get("cache-status"), { timeout: 5_000 })
      .toBe("mynah; hit");
    for (const encoding of ["mulaw", "alaw"]) {
      const wav = await say({ format: "wav", encoding, rate: "8000", seekable: "true" });
      expect(wav.headers.get("content-type")).toBe("audio/wav");
      const bytes = await bytesOf(wav);
      expect([bytes.readUInt16LE(20), bytes.readUInt32LE(24)]).toEqual([encoding === "mulaw" ? 7 : 6, 8000]);
      expect(bytes.readUInt32LE(54)).toBe(bytes.byteLength - 58);
      expect(Math.abs(bytes.byteLength - 58 - wide.byteLength / 6)).toBeLessThanOrEqual(2);
    }
    const types = [
      [{ format: "pcm", encoding: "mulaw", rate: "8000" }, "audio/basic", "speech.ulaw"],
      [{ format: "pcm", encoding: "alaw", rate: "8000" }, "audio/PCMA;rate=8000", "speech.alaw"],
      [{ format: "pcm", rate: "16000" }, "audio/pcm;rate=16000;channels=1", "speech.pcm"],
      [{ format: "mp3", rate: "44100" }, "audio/mpeg", "speech.mp3"],
    ] as const;
    for (const [query, type, file] of types) {
      const answer = await say(query);
      expect(answer.headers.get("content-type")).toBe(type);
      expect(answer.headers.get("content-disposition")).toContain(file);
      await bytesOf(answer);
    }
    expect(engine.calls).toBe(1);
    // The usual format written out is the usual format.
    expect((await say({ format: "pcm", encoding: "s16", rate: "24000" })).headers.get("cache-status")).toBe(
      "mynah; hit",
    );
  });

  it("gives stored telephone audio the length, the ETag and the bytes it had at first", async () => {
    const query = { text: "One. Two, three. Four!", format: "wav", encoding: "mulaw", rate: "8000" };
    const first = await get({ ...query, seekable: "true" });
    const audio = await bytesOf(first);
    const again = await stored(query);
    expect(again.headers.get("etag")).toBe(first.headers.get("etag"));
    expect((await bytesOf(again)).equals(audio)).toBe(true);
    const head = await fetch(`${gateway.url}/v1/speech?${new URLSearchParams({ ...query, text: "Never said." })}`, {
      method: "HEAD",
    });
    expect(head.headers.get("content-type")).toBe("audio/wav");
  });

  it("synthesizes nothing for HEAD", async () => {
    const engine = standInEngine({ name: "counted" });
    const other = await runGateway({}, { engines: [engine] });
    const url = `${other.url}/v1/speech?${new URLSearchParams({ text: "Look, but do not speak.", voice: "one" })}`;
    const head = await fetch(url, { method: "HEAD" });
    expect([head.status, head.headers.get("content-type")]).toEqual([200, "audio/mpeg"]);
    expect(engine.calls).toBe(0);
    await bytesOf(await fetch(url));
    await expect
      .poll(async () => (await fetch(url, { method: "HEAD" })).headers.get("etag"))
      .toMatch(/^"[0-9a-f]{32}"$/);
    expect(engine.calls).toBe(1);
  });

  it.each([
    ["no text", {}, "invalid_request", "text"],
    ["empty text", { text: "" }, "invalid_request", "text"],
    ["nothing to say", { text: "?!" }, "text_empty", "input"],
    ["a wrong format", { text: "a", format: "midi" }, "invalid_request", "format"],
    ["a wrong speed", { text: "a", speed: "fast" }, "invalid_request", "speed"],
    ["too much speed", { text: "a", speed: "9" }, "invalid_request", "speed"],
    ["an unknown voice", { text: "a", voice: "nobody" }, "voice_not_found", "voice"],
    ["an encoding that mp3 has not", { text: "a", encoding: "mulaw" }, "invalid_request", "encoding"],
    ["an unknown encoding", { text: "a", format: "wav", encoding: "dvi" }, "invalid_request", "encoding"],
    ["a rate that is none", { text: "a", format: "wav", rate: "fast" }, "invalid_request", "rate"],
    ["a rate that nobody has", { text: "a", format: "wav", rate: "8001" }, "invalid_request", "rate"],
    ["a rate that opus has not", { text: "a", format: "opus", rate: "44100" }, "invalid_request", "rate"],
    ["an unknown field", { text: "a", colour: "red" }, "invalid_request", "colour"],
  ])("%s is refused", async (_, query, code, param) => {
    const answer = await get(query as Record<string, string>);
    expect(await answer.json()).toMatchObject({ error: { code, param } });
    expect(answer.status).toBe(400);
  });

  it("refuses a field given twice", async () => {
    const answer = await fetch(`${gateway.url}/v1/speech?text=a&text=b`);
    expect(answer.status).toBe(400);
    expect(await answer.json()).toMatchObject({ error: { code: "invalid_request", param: "text" } });
  });
});

it("docs/audio-by-url.md has every field of the query in its table", () => {
  const page = readFileSync(new URL("../../../../docs/audio-by-url.md", import.meta.url), "utf8");
  const table = page.slice(page.indexOf("| field |"), page.indexOf("`HEAD`"));
  const named = [...table.matchAll(/^\| ([^|]+) \|/gm)].flatMap(([, cell]) => cell!.match(/(?<=`)\w+(?=`)/g) ?? []);
  expect(named.sort()).toEqual(Object.keys(ByUrlQuery.properties).sort());
});

describe("signed links", async () => {
  const key = "the-key-of-ann-long-enough";
  const engine = standInEngine({ name: "linked" });
  const closed = await runGateway(
    {
      keys: [{ hash: hashKey(key), user: "ann" }],
      signingSecret: SECRET,
      rateLimitPerMinute: 3,
      linkMaxTtlSeconds: 600,
    },
    { engines: [engine] },
  );
  const link = async (body: Record<string, unknown>, headers = { authorization: `Bearer ${key}` }): Promise<Response> =>
    fetch(`${closed.url}/v1/speech/links`, {
      method: "POST",
      headers: { "content-type": "application/json", ...headers },
      body: JSON.stringify(body),
    });

  it("say what they were made for, to whoever opens them, and nothing else", async () => {
    const made = await link({
      text: "Your code is 4 7 1.",
      voice: "one",
      format: "wav",
      expiresInS: 60,
      user: "guest",
    });
    expect(made.status).toBe(201);
    const { url, path, expiresAt } = (await made.json()) as Record<string, string>;
    expect(url).toBe(`${closed.url}${path}`);
    expect(Date.parse(expiresAt!) - Date.now()).toBeGreaterThan(30_000);
    const heard = await fetch(url!);
    expect(heard.status).toBe(200);
    expect(Number(/max-age=(\d+)/.exec(heard.headers.get("cache-control")!)![1])).toBeLessThanOrEqual(60);
    expect([...heard.headers.keys()].filter((name) => name.includes("ratelimit"))).toEqual([]);
    await bytesOf(heard);

    const altered = new URL(url!);
    altered.searchParams.set("text", "Your code is 9 9 9.");
    const other = new URL(url!);
    other.searchParams.set("voice", "two");
    const added = new URL(url!);
    added.searchParams.set("speed", "2");
    const bare = new URL(url!);
    bare.searchParams.delete("token");
    for (const wrong of [altered, other, added]) {
      const answer = await fetch(wrong);
      expect([answer.status, ((await answer.json()) as { error: { code: string } }).error.code]).toEqual([
        403,
        "link_invalid",
      ]);
    }
    expect((await fetch(bare)).status).toBe(401);
    // Its token opens nothing else.
    const elsewhere = await fetch(`${closed.url}/v1/models?token=${altered.searchParams.get("token")}`);
    expect(elsewhere.status).toBe(401);
  });

  it("cost nothing when the listener presses reload, and goes on where it was", async () => {
    const made = await link({ text: "Play it again, and again.", voice: "one", user: "reloader" });
    const { url } = (await made.json()) as { url: string };
    await bytesOf(await fetch(url));
    await expect.poll(async () => (await fetch(url, { method: "HEAD" })).headers.get("etag")).not.toBeNull();
    const calls = engine.calls;
    for (let at = 0; at < 6; at++) {
      const part = await fetch(url, { headers: { range: `bytes=${at + 1}-`, "cache-control": "no-cache" } });
      expect(part.status).toBe(206); // like the HEAD requests not counted: three a minute is the limit
      await bytesOf(part);
    }
    expect(engine.calls).toBe(calls);
  });

  it("hold encoding and rate still, which may be numbers in the body", async () => {
    const sound = { text: "For the phone.", voice: "one", format: "wav", encoding: "mulaw", user: "caller" };
    const { url } = (await (await link({ ...sound, rate: 8000 })).json()) as { url: string };
    expect(new URL(url).searchParams.get("rate")).toBe("8000");
    const heard = await bytesOf(await fetch(url));
    expect([heard.readUInt16LE(20), heard.readUInt32LE(24)]).toEqual([7, 8000]);
    for (const [field, value] of [
      ["encoding", "alaw"],
      ["rate", "16000"],
    ] as const) {
      const altered = new URL(url);
      altered.searchParams.set(field, value);
      expect((await fetch(altered)).status).toBe(403);
    }
    const text = (await (await link({ ...sound, rate: "8000" })).json()) as { url: string };
    expect(new URL(text.url).searchParams.get("rate")).toBe("8000");
  });

  it("hold the tag still that their audio is purged by, and all that is not text in JSON besides", async () => {
    const sound = { text: "Told by name.", voice: "one", user: "tagger", speed: 1.25, volume: 1 / 3, clean: true };
    const { url } = (await (await link({ ...sound, tag: "spring" })).json()) as { url: string };
    const { searchParams: query } = new URL(url);
    expect(["tag", "speed", "volume", "clean"].map((name) => query.get(name))).toEqual([
      "spring",
      "1.25",
      "0.333333",
      "true",
    ]);
    for (const tag of ["autumn", undefined]) {
      const altered = new URL(url);
      if (tag === undefined) altered.searchParams.delete("tag");
      else altered.searchParams.set("tag", tag);
      const answer = await fetch(altered);
      expect([answer.status, await answer.json()]).toMatchObject([403, { error: { code: "link_invalid" } }]);
    }
    await bytesOf(await fetch(url));
    const untagged = new URL(((await (await link(sound)).json()) as { url: string }).url);
    untagged.searchParams.set("tag", "spring");
    expect((await fetch(untagged)).status).toBe(403);
  });

  it.each([
    ["an encoding that mp3 has not", { text: "a", encoding: "alaw" }, undefined, 400, "invalid_request"],
    ["a rate that nobody has", { text: "a", format: "wav", rate: 7 }, undefined, 400, "invalid_request"],
    ["a tag that is none", { text: "a", voice: "one", tag: "no spaces" }, undefined, 400, "invalid_request"],
    ["no key", { text: "a" }, {}, 401, "unauthorized"],
    ["an unknown voice", { text: "a", voice: "nobody" }, undefined, 400, "voice_not_found"],
    ["too long a life", { text: "a", voice: "one", expiresInS: 601 }, undefined, 400, "invalid_request"],
    ["no life", { text: "a", voice: "one", expiresInS: 0 }, undefined, 400, "invalid_request"],
    ["a text that no URL holds", { text: "ab ".repeat(4_000), voice: "one" }, undefined, 400, "text_too_long"],
  ])("are not made for %s", async (_, body, headers, status, code) => {
    const answer = await link(body, headers as { authorization: string } | undefined);
    expect([answer.status, ((await answer.json()) as { error: { code: string } }).error.code]).toEqual([status, code]);
  });

  it("need a secret that is long enough", async () => {
    await expect(runGateway({ signingSecret: "short" })).rejects.toThrow(/SIGNING_SECRET/);
  });
});
