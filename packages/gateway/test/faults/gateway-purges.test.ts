import { hash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { type CacheKey, cacheKey } from "../../src/core/cache-key.ts";
import { bytesOf, postSpeech } from "../support/gateway.ts";
import { type GatewayOnRedis, gatewayOn, keep, say } from "../support/gateway-on-redis.ts";
import { client, proxyTo, redisServer } from "../support/store-on-redis.ts";

/** The promise is a second; the log is read every quarter of one. */
const REACHED = { timeout: 2_000, interval: 50 };
const { signal } = new AbortController();
const TEXT = "Everybody has this in memory.";

function keyOf(text: string): CacheKey {
  const format = { name: "pcm", sampleRateHz: 24_000 } as const;
  const identity = {
    engine: "stand-in",
    engineVersion: "stand-in@1",
    voice: "one",
    text,
    speed: 1,
    pitch: 1,
    volume: 1,
    format,
  };
  return cacheKey(identity, (encoded) => hash("sha256", encoded));
}

/** Whether it is stored for this server, without making it if not. */
async function isKept(gateway: GatewayOnRedis, text: string): Promise<boolean> {
  const body = { input: text, voice: "one", response_format: "pcm" };
  const { status } = await postSpeech(gateway, body, { headers: { "cache-control": "only-if-cached" } });
  return status === 200;
}

async function three(url: string): Promise<[GatewayOnRedis, GatewayOnRedis, GatewayOnRedis]> {
  const all = [await gatewayOn(url), await gatewayOn(url), await gatewayOn(url)] as const;
  for (const gateway of all) for (const text of [TEXT, "And this."]) await keep(gateway, text);
  return [...all];
}

describe("a purge on one server", () => {
  it("of one key reaches the memory of all others, and no other key", async () => {
    const server = await redisServer();
    const [one, two, third] = await three(server.url);
    expect(await one.speech.store.delete(keyOf(TEXT), { signal })).toBe(true);
    for (const gateway of [one, two, third]) {
      await expect.poll(() => isKept(gateway, TEXT), REACHED).toBe(false);
      expect(await isKept(gateway, "And this.")).toBe(true);
    }
  });

  it("of everything reaches the memory of all others", async () => {
    const server = await redisServer();
    const [one, two, third] = await three(server.url);
    await two.speech.store.clear({ signal });
    for (const gateway of [one, two, third]) await expect.poll(() => isKept(gateway, TEXT), REACHED).toBe(false);
    await keep(one, TEXT); // and what is said afterwards is shared as before
    expect((await say(third, TEXT)).cache).toBe("hit");
  });

  it("is not undone by servers that renew what they have in memory", async () => {
    const server = await redisServer();
    const raw = await client(server.url);
    const config = { cacheTtlSeconds: 1, cacheGraceSeconds: 0 }; // a hit renews, and so would bring back, every 250 ms
    const [one, two] = [await gatewayOn(server.url, config), await gatewayOn(server.url, config)];
    for (const gateway of [one, two]) await keep(gateway, TEXT);
    for (let round = 0; round < 6; round++) {
      const asking = new AbortController();
      const listeners = [one, two].map(async (gateway) => {
        while (!asking.signal.aborted) await isKept(gateway, TEXT);
      });
      await one.speech.store.delete(keyOf(TEXT), { signal });
      for (const gateway of [one, two]) await expect.poll(() => isKept(gateway, TEXT), REACHED).toBe(false);
      asking.abort();
      await Promise.all(listeners);
      expect(await raw.keys("tts:audio:*")).toEqual([]);
      for (const gateway of [one, two]) await keep(gateway, TEXT);
    }
  });

  it("reaches a server that was cut off from Redis at the time, as soon as it is back", async () => {
    const server = await redisServer();
    const proxy = await proxyTo(server.port);
    const one = await gatewayOn(server.url);
    const cutOff = await gatewayOn(`redis://127.0.0.1:${proxy.port}`);
    for (const gateway of [one, cutOff]) for (const text of [TEXT, "And this."]) await keep(gateway, text);
    proxy.set({ blackHole: true });
    await say(cutOff, "This one notices.");
    await one.speech.store.delete(keyOf(TEXT), { signal });
    expect((await say(cutOff, TEXT)).cache).toBe("hit"); // nobody can tell it now
    proxy.heal();
    await expect.poll(() => isKept(cutOff, TEXT), { timeout: 15_000, interval: 50 }).toBe(false);
    expect(await isKept(cutOff, "And this.")).toBe(true);
  });

  it("that was missed and has left the log costs that server its memory, not the truth", async () => {
    const server = await redisServer();
    const proxy = await proxyTo(server.port);
    const one = await gatewayOn(server.url);
    const cutOff = await gatewayOn(`redis://127.0.0.1:${proxy.port}`);
    const raw = await client(server.url);
    await one.speech.store.delete(keyOf("Something before."), { signal });
    for (const gateway of [one, cutOff]) for (const text of [TEXT, "And this."]) await keep(gateway, text);
    proxy.set({ blackHole: true });
    await say(cutOff, "This one notices.");
    await one.speech.store.delete(keyOf(TEXT), { signal });
    await raw.xtrim("tts:purges", "MAXLEN", 1);
    proxy.heal();
    await expect.poll(() => isKept(cutOff, TEXT), { timeout: 15_000, interval: 50 }).toBe(false);
  });

  it("says so when Redis could not be reached", async () => {
    const server = await redisServer();
    const gateway = await gatewayOn(server.url);
    await keep(gateway, TEXT);
    await server.kill();
    await expect(gateway.speech.store.delete(keyOf(TEXT), { signal })).rejects.toThrow();
    expect(await isKept(gateway, TEXT)).toBe(false);
  });
});

describe("an overwrite on one server", () => {
  it("reaches the memory of all others", async () => {
    const server = await redisServer();
    const one = await gatewayOn(server.url);
    const two = await gatewayOn(server.url);
    for (const gateway of [one, two]) await keep(gateway, TEXT);
    two.engine.script.durationMsPerChar = 30; // the engine sounds different now, and somebody asks for it anew
    await say(two, TEXT, { "cache-control": "no-cache" });
    const body = { input: TEXT, voice: "one", response_format: "pcm" };
    const heard = async () => (await bytesOf(await postSpeech(one, body))).byteLength;
    await expect.poll(heard, REACHED).toBe(TEXT.length * 30 * 24 * 2);
    expect(one.engine.calls).toBe(1);
  });
});
