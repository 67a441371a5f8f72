import { afterAll, describe, expect, it } from "vitest";
import { hashKey } from "../../src/identity/api-key.ts";
import { bytesOf, runGateway } from "../support/gateway.ts";
import { programAt, startCachingNginx } from "../support/reverse-proxy.ts";
import { standInEngine } from "../support/stand-in-engine.ts";

const KEY = "the-key-that-no-cdn-has";

const nginx = programAt("nginx");
if (nginx === undefined) console.warn("skipped: nginx is not installed");

describe.skipIf(nginx === undefined)("audio by URL behind a cache", async () => {
  const engine = standInEngine();
  const keys = [{ hash: hashKey(KEY), user: "shop" }];
  const gateway = await runGateway({ keys, signingSecret: "a secret that is long enough" }, { engines: [engine] });
  const proxy = nginx === undefined ? undefined : await startCachingNginx(nginx, gateway.url);
  afterAll(() => proxy?.stop());
  const cdn = proxy?.url;
  const authorization = { authorization: `Bearer ${KEY}` };

  /** A link, on the cache's host. */
  async function link(body: Record<string, unknown>): Promise<string> {
    const answer = await fetch(`${gateway.url}/v1/speech/links`, {
      method: "POST",
      headers: { "content-type": "application/json", ...authorization },
      body: JSON.stringify({ voice: "one", format: "wav", ...body }),
    });
    return `${cdn}${((await answer.json()) as { path: string }).path}`;
  }

  async function get(url: string, headers: Record<string, string> = {}) {
    const answer = await fetch(url, { headers });
    return {
      status: answer.status,
      cache: answer.headers.get("x-cache"),
      headers: answer.headers,
      audio: await bytesOf(answer),
    };
  }

  /** Answers that the gateway itself has given to their end. */
  const delivered = () => gateway.speech.counters.delivered;

  it("is asked for once, however many listen", async () => {
    const url = await link({ text: "Heard by the whole town." });
    const before = delivered();
    const [first, ...others] = await Promise.all(Array.from({ length: 5 }, () => get(url)));
    expect(first!.status).toBe(200);
    expect(others.every(({ audio }) => audio.equals(first!.audio))).toBe(true);
    const again = await get(url);
    expect([again.cache, again.headers.get("cache-control")]).toEqual(["HIT", first!.headers.get("cache-control")]);
    expect(again.audio.equals(first!.audio)).toBe(true);
    expect(delivered() - before).toBe(1);
  });

  it("with a length from the first time, gives parts of it and compares its ETag by itself", async () => {
    const url = await link({ text: "Known by its tag.", seekable: true });
    const { headers, audio } = await get(url);
    const before = delivered();
    const part = await get(url, { range: "bytes=44-143" });
    expect([part.status, part.cache]).toEqual([206, "HIT"]);
    expect(part.audio.equals(audio.subarray(44, 144))).toBe(true);
    const same = await get(url, { "if-none-match": headers.get("etag")! });
    expect([same.status, same.cache, same.audio.length]).toEqual([304, "HIT", 0]);
    expect(delivered()).toBe(before);
  });

  it("is not kept when it was cut, nor for one caller, nor beyond the link", async () => {
    engine.script.failAfterBytes = 9_600;
    engine.script.chunkMs = 5;
    const cut = await link({ text: "This breaks off in the middle." });
    await expect(get(cut)).rejects.toThrow();
    delete engine.script.failAfterBytes;
    const whole = await get(cut);
    expect([whole.status, whole.cache]).toEqual([200, "MISS"]);
    expect(whole.audio.length).toBe(44 + 30 * 20 * 48);

    const own = `${cdn}/v1/speech?${new URLSearchParams({ text: "For me alone.", voice: "one" })}`;
    for (let count = 0; count < 2; count++) expect((await get(own, authorization)).cache).toBe("MISS");
    expect((await get(own)).status).toBe(401);

    const brief = await link({ text: "Gone in a second.", expiresInS: 1 });
    expect((await get(brief)).status).toBe(200);
    await expect.poll(async () => (await get(brief)).status, { timeout: 10_000, interval: 250 }).toBe(403);
  });

  it("says nothing else: what a link is made for cannot be altered on the way", async () => {
    const url = await link({ text: "What was agreed.", volume: "1" });
    expect((await get(url)).status).toBe(200);
    for (const [field, value] of [
      ["text", "What was not."],
      ["volume", "4"],
      ["seed", "8"],
      ["style", "angry"],
    ] as const) {
      const altered = new URL(url);
      altered.searchParams.set(field, value);
      expect((await get(altered.href)).status, field).toBe(403);
    }
  });
});
