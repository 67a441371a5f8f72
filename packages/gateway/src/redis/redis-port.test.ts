import { createHash } from "node:crypto";
import { getEventListeners } from "node:events";
import { Redis } from "ioredis";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type RedisProcess, startRedis } from "../../test/support/redis-process.ts";
import { systemClock } from "../core/clock.ts";
import { GuardedRedis } from "./guarded-redis.ts";
import { RedisError } from "./redis-error.ts";
import { type RedisPort, redisPort } from "./redis-port.ts";

const { signal } = new AbortController();
const every = Uint8Array.from({ length: 256 }, (_, byte) => byte);
let server: RedisProcess;
let raw: Redis;
let guarded: GuardedRedis;
let redis: RedisPort;

beforeAll(async () => {
  server = await startRedis();
  raw = new Redis(server.url);
  guarded = new GuardedRedis({
    url: server.url,
    clock: systemClock,
    readTimeoutMs: 5000,
    writeTimeoutMs: 5000,
    maxConnections: 3,
  });
  redis = redisPort(guarded);
  await redis.whenUp({ signal: AbortSignal.timeout(10_000) });
});
beforeEach(async () => void (await raw.flushall()));
afterAll(async () => {
  await redis?.close();
  raw?.disconnect();
  await server?.stop();
});

describe("RedisPort", () => {
  it("set() and getFresh() carry every byte, with fractions of a millisecond rounded up", async () => {
    await redis.set("k", every, 10_000.4, { signal });
    expect(await raw.pttl("k")).toBeGreaterThan(5000);
    const value = await redis.getFresh("k", { ttlMs: 60_000.1, graceMs: 0 }, { signal });
    expect(new Uint8Array(value!)).toEqual(every);
    await redis.set("k", every, 0.2, { signal });
    expect(await redis.getFresh("absent", { ttlMs: 1000, graceMs: 0 }, { signal })).toBeUndefined();
  });

  it("getFresh() renews a value that has lived a quarter of its ttl, and writes nothing before", async () => {
    const life = { ttlMs: 60_000, graceMs: 30_000 };
    await redis.set("k", every, 80_000, { signal });
    expect(await redis.getFresh("k", life, { signal })).toBeDefined();
    await redis.ping({ signal });
    expect(await raw.pttl("k")).toBeLessThanOrEqual(80_000);
    await redis.set("k", every, 74_000, { signal });
    expect(await redis.getFresh("k", life, { signal })).toBeDefined();
    await expect.poll(() => raw.pttl("k")).toBeGreaterThan(80_000);
    await raw.persist("k");
    expect(await redis.getFresh("k", life, { signal })).toBeDefined();
    await expect.poll(() => raw.pttl("k")).toBeGreaterThan(80_000);
  });

  it("getFresh() neither gives nor renews what has only its grace left", async () => {
    await redis.set("k", every, 29_000, { signal });
    expect(await redis.getFresh("k", { ttlMs: 60_000, graceMs: 30_000 }, { signal })).toBeUndefined();
    await redis.ping({ signal });
    expect(await raw.pttl("k")).toBeLessThanOrEqual(29_000);
  });

  it("set() takes a view into a larger buffer", async () => {
    await redis.set("k", every.subarray(10, 20), 10_000, { signal });
    expect(await raw.strlen("k")).toBe(10);
  });

  it("renew(), exists() and unlink() say what there was", async () => {
    await redis.set("k", every, 10_000, { signal });
    expect(await redis.renew("k", 90_000, { signal })).toBe(true);
    expect(await raw.pttl("k")).toBeGreaterThan(80_000);
    expect(await redis.renew("absent", 90_000, { signal })).toBe(false);
    expect(await redis.exists(["absent", "k"], { signal })).toEqual([false, true]);
    expect(await redis.unlink("k", { signal })).toBe(true);
    expect(await redis.unlink("k", { signal })).toBe(false);
  });

  it("runScript() sends the source once, and again after the server forgot it", async () => {
    const source = "redis.call('SET', KEYS[1], ARGV[1]) return {1, ARGV[2], redis.call('STRLEN', KEYS[1])}";
    const script = { source, sha1: createHash("sha1").update(source).digest("hex") };
    for (const forget of [false, false, true]) {
      if (forget) await raw.script("FLUSH");
      expect(await redis.runScript(script, ["k"], [every, 7], { signal })).toEqual([1, "7", 256]);
      expect(new Uint8Array((await raw.getBuffer("k"))!)).toEqual(every);
    }
    const stats = await raw.info("commandstats");
    expect(stats).toMatch(/cmdstat_eval:calls=2,/);
  });

  it("an error reply rejects with its code and without the command's arguments, and is no outage", async () => {
    await raw.rpush("list", "x");
    const error = await redis
      .set("k", Buffer.from("SPOKEN"), 10, { signal })
      .then(() => redis.get("list", { signal }).catch((thrown: unknown) => thrown));
    expect(error).toBeInstanceOf(RedisError);
    expect(error).toMatchObject({ replyCode: "WRONGTYPE", isOutage: false });
    expect(Object.keys(error as object)).not.toContain("command");
    expect(redis.state).toBe("up");
  });

  it("a call given up rejects at once with the signal's reason and leaves the connection alone", async () => {
    const controller = new AbortController();
    const reason = new Error("caller left");
    server.freeze();
    const answer = redis.get("k", { signal: controller.signal });
    setImmediate(() => controller.abort(reason));
    await expect(answer).rejects.toBe(reason);
    server.thaw();
    await redis.ping({ signal });
    expect(redis.state).toBe("up");
  });

  it("leaves no listener on a signal that outlives the call", async () => {
    const { signal: shared } = new AbortController();
    for (let call = 0; call < 20; call++) await redis.exists(["k"], { signal: shared });
    expect(getEventListeners(shared, "abort")).toEqual([]);
  });
});

describe("GuardedRedis", () => {
  it("dedicated() opens connections for blocking reads up to the bound, and release() gives them back", async () => {
    const first = guarded.dedicated()!;
    const second = guarded.dedicated()!;
    expect([first, second].every(Boolean)).toBe(true);
    expect(guarded.dedicated()).toBeUndefined(); // the shared one is the third
    guarded.release(first);
    const third = guarded.dedicated()!;
    await expect.poll(() => third.status).toBe("ready");
    const blocked = third.xread("BLOCK", 10_000, "STREAMS", "stream", "$");
    setTimeout(() => void raw.xadd("stream", "*", "audio", "x"), 100);
    expect(await blocked).toMatchObject([["stream", [[expect.any(String), ["audio", "x"]]]]]);
    guarded.release(second);
    guarded.release(third);
    const names = async () => String(await raw.client("LIST")).match(/name=mynah/g)?.length;
    await expect.poll(names).toBe(1);
  });
});
