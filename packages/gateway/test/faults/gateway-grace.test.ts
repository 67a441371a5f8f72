import { describe, expect, it } from "vitest";
import { postSpeech } from "../support/gateway.ts";
import { forgetFlights, type GatewayOnRedis, gatewayOn, keep, say } from "../support/gateway-on-redis.ts";
import { client, redisServer } from "../support/store-on-redis.ts";

const TEXT = "Better old than silent.";

/** Makes what Redis has older by so much: real expiry without the waiting. */
async function age(url: string, ms: number): Promise<void> {
  const raw = await client(url);
  await forgetFlights(url);
  for (const key of await raw.keys("tts:audio:*")) await raw.pexpire(key, (await raw.pttl(key)) - ms);
}

async function ask(gateway: GatewayOnRedis, text: string, headers: Record<string, string> = {}): Promise<number> {
  const response = await postSpeech(gateway, { input: text, voice: "one", response_format: "pcm" }, { headers });
  await response.arrayBuffer();
  return response.status;
}

describe("expired audio within its grace time", () => {
  const config = { cacheTtlSeconds: 60, cacheGraceSeconds: 60 };

  it("is made anew while an engine speaks, and heard when none does", async () => {
    const server = await redisServer();
    const seed = await gatewayOn(server.url, config);
    await keep(seed, TEXT);
    await keep(seed, "Made anew.");
    await age(server.url, 90_000);
    const gateway = await gatewayOn(server.url, { ...config, cacheMemoryMaxBytes: 0 });
    expect((await say(gateway, "Made anew.")).cache).toBe("miss");
    gateway.engine.script.failAfterBytes = 0;
    const { cacheStatus } = await say(gateway, TEXT);
    expect(cacheStatus).toBe("mynah; fwd=stale; fwd-status=503");
    expect((await say(gateway, TEXT)).cache).toBe("stale"); // it was not renewed by being heard
    expect(await ask(gateway, TEXT, { "cache-control": "no-cache" })).toBe(503);
    expect(await ask(gateway, TEXT, { "cache-control": "max-age=0" })).toBe(503);
    expect(await ask(gateway, TEXT, { "cache-control": "only-if-cached" })).toBe(504);
    expect(await ask(gateway, "Nobody ever said this.")).toBe(503);
    expect(gateway.speech.stats().segments.stale).toBe(2);
    delete gateway.engine.script.failAfterBytes;
    await keep(gateway, TEXT);
  });

  it("is heard from memory when Redis is gone as well", async () => {
    const server = await redisServer();
    const gateway = await gatewayOn(server.url, { cacheTtlSeconds: 1, cacheGraceSeconds: 60 });
    await keep(gateway, TEXT);
    await server.kill();
    gateway.engine.script.failAfterBytes = 0;
    await expect.poll(async () => (await say(gateway, TEXT)).cache, { timeout: 5_000, interval: 1_100 }).toBe("stale");
  });

  it("is gone after its grace time", async () => {
    const server = await redisServer();
    const seed = await gatewayOn(server.url, config);
    await keep(seed, TEXT);
    await age(server.url, 119_990);
    const gateway = await gatewayOn(server.url, config);
    gateway.engine.script.failAfterBytes = 0;
    await expect.poll(() => ask(gateway, TEXT)).toBe(503);
  });
});

describe("CACHE_MAX_TEXT_CHARS", () => {
  it("keeps what is made for a longer text out of the cache, and uses what is in it", async () => {
    const server = await redisServer();
    const gateway = await gatewayOn(server.url, { cacheMaxTextChars: 60 });
    const [short, long] = ["A short one.", "This sentence makes the text longer than the operator wants."];
    await keep(gateway, short);
    const calls = gateway.engine.calls;
    const body = { input: `${short} ${long}`, voice: "one", response_format: "pcm" };
    for (const round of [1, 2]) {
      const response = await postSpeech(gateway, body);
      await response.arrayBuffer();
      expect(response.headers.get("cache-status")).toBe('mynah; fwd=partial; detail="1/2"');
      expect(gateway.engine.calls).toBe(calls + round);
    }
    expect(await (await client(server.url)).keys("tts:audio:*")).toHaveLength(1);
  });
});
