import { describe, expect, it } from "vitest";
import { systemClock } from "../../src/core/clock.ts";
import { forgetFlights, gatewayOn, keep, ready, say, told } from "../support/gateway-on-redis.ts";
import { client, redisServer } from "../support/store-on-redis.ts";

/** Memory off: every answer must come out of Redis or be made. `say` compares each with the right audio. */
const redisOnly = { cacheMemoryMaxBytes: 0 };
const TEXT = "This is the right audio and no other.";

type Redis = Awaited<ReturnType<typeof client>>;
type Spoil = (raw: Redis, key: string, bytes: Buffer) => Promise<unknown>;

const withHead = (bytes: Buffer, change: (json: string) => string): Buffer => {
  const length = bytes.readUInt32BE(0);
  const json = Buffer.from(change(bytes.toString("utf8", 4, 4 + length)));
  const front = Buffer.alloc(4);
  front.writeUInt32BE(json.byteLength);
  return Buffer.concat([front, json, bytes.subarray(4 + length)]);
};

const SPOILT: Record<string, Spoil> = {
  "has one bit turned": async (raw, key, bytes) => {
    bytes[bytes.byteLength - 100]! ^= 1;
    await raw.set(key, bytes);
  },
  "is cut short": (raw, key, bytes) => raw.set(key, bytes.subarray(0, bytes.byteLength >> 1)),
  "is cut inside its head": (raw, key, bytes) => raw.set(key, bytes.subarray(0, 60)),
  "is empty": (raw, key) => raw.set(key, ""),
  "is another program's JSON with base64": (raw, key) =>
    raw.set(key, JSON.stringify({ audio: Buffer.alloc(5_000, 3).toString("base64"), format: "mp3" })),
  "is bare audio, as an older layout kept it": (raw, key) => raw.set(key, Buffer.alloc(20_000, 9)),
  "claims another layout": (raw, key, bytes) =>
    raw.set(
      key,
      withHead(bytes, (json) => json.replace('"version":1', '"version":9')),
    ),
  "claims to be a gigabyte long": (raw, key, bytes) =>
    raw.set(
      key,
      withHead(bytes, (json) => json.replace(/"rawBytes":\d+/, '"rawBytes":1073741824')),
    ),
  "claims a head of 4 GB": (raw, key, bytes) => raw.set(key, Buffer.concat([Buffer.alloc(4, 0xff), bytes.subarray(4)])),
  "is a list": async (raw, key) => (await raw.del(key)) && raw.rpush(key, "a", "b"),
  "is a hash": async (raw, key) => (await raw.del(key)) && raw.hset(key, "audio", "x"),
  "is a stream": async (raw, key) => (await raw.del(key)) && raw.xadd(key, "*", "audio", "x"),
};

describe("an entry in Redis that", () => {
  it.each(Object.entries(SPOILT))("%s is a miss, then right and stored again", async (_, spoil) => {
    const server = await redisServer();
    const gateway = await gatewayOn(server.url, redisOnly);
    const raw = await client(server.url);
    await keep(gateway, TEXT);
    const keys = await raw.keys("tts:audio:*");
    expect(keys).toHaveLength(1);
    await forgetFlights(server.url);
    await spoil(raw, keys[0]!, (await raw.getBuffer(keys[0]!))!);
    expect((await say(gateway, TEXT)).cache).toBe("miss");
    await keep(gateway, TEXT);
    expect(gateway.engine.calls).toBe(2);
    expect(told(gateway)).toEqual({ downs: 0, ups: 1, refusals: 0 });
  });

  it("belongs to another text is a miss", async () => {
    const server = await redisServer();
    const gateway = await gatewayOn(server.url, redisOnly);
    const raw = await client(server.url);
    await keep(gateway, TEXT);
    const [mine] = await raw.keys("tts:audio:*");
    await keep(gateway, "This is something else.");
    const other = (await raw.keys("tts:audio:*")).find((key) => key !== mine);
    await forgetFlights(server.url);
    await raw.copy(other!, mine!, "REPLACE");
    expect((await say(gateway, TEXT)).cache).toBe("miss");
    await keep(gateway, TEXT);
  });
});

describe("our other keys", () => {
  it.each(["set", "list"])("of another type (%s) stop neither speech nor the log", async (type) => {
    const server = await redisServer();
    const raw = await client(server.url);
    for (const key of ["tts:stats", "tts:purges", "tts:memory-lease"]) {
      await (type === "set" ? raw.sadd(key, "x") : raw.rpush(key, "x"));
    }
    const gateway = await gatewayOn(server.url);
    await keep(gateway, TEXT);
    await systemClock.sleep(1_200, new AbortController().signal); // statistics are due, and purges four times
    expect((await say(gateway, TEXT)).cache).toBe("hit");
    expect((await ready(gateway)).status).toBe("ready");
    expect(gateway.log.filter(({ msg }) => msg.includes("purges of other servers"))).toHaveLength(1);
    expect(gateway.log.filter(({ level }) => level >= 40).length).toBeLessThanOrEqual(1);
    await gateway.close();
  });

  it("statistics filled with words are counted on from nothing", async () => {
    const server = await redisServer();
    const raw = await client(server.url);
    await raw.hset("tts:stats", { misses: "many", hits: "7", stranger: "x" });
    const gateway = await gatewayOn(server.url);
    await keep(gateway, TEXT);
    await gateway.close();
    expect(await raw.hgetall("tts:stats")).toMatchObject({ misses: "1", hits: "8", stranger: "x" });
  });
});

describe("servers whose clocks are an hour apart", () => {
  it.each([3_600_000, -3_600_000])("(%i ms) share audio, purges and statistics", async (offsetMs) => {
    const server = await redisServer();
    const one = await gatewayOn(server.url);
    const clock = { ...systemClock, now: () => systemClock.now() + offsetMs };
    const other = await gatewayOn(server.url, {}, {}, { clock });
    await keep(other, TEXT);
    expect((await say(one, TEXT)).cache).toBe("hit");
    await keep(one, "And the other way round.");
    expect((await say(other, "And the other way round.")).cache).toBe("hit");
    const { signal } = new AbortController();
    await one.speech.store.clear({ signal });
    await forgetFlights(server.url);
    await expect.poll(async () => (await say(other, TEXT)).cache, { timeout: 3_000, interval: 10 }).toBe("miss");
    for (const gateway of [one, other]) {
      const { cache } = await say(gateway, TEXT, { "cache-control": "max-age=60" });
      expect(cache).toMatch(/hit|miss/); // by a wrong clock too old or not, and right either way
    }
  });
});
