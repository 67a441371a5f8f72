import { describe, expect, it } from "vitest";
import {
  expectRecovered,
  type GatewayOnRedis,
  gatewayOn,
  keep,
  REDIS_TIMEOUT_MS,
  ready,
  say,
  speakThrough,
  told,
  warmedOn,
} from "../support/gateway-on-redis.ts";
import { freePort } from "../support/redis-process.ts";
import { client, proxyTo, redisServer } from "../support/store-on-redis.ts";

/**
 * A whole gateway on a Redis that misbehaves. Every answer is compared with the right one by `say`. One request notices
 * and waits its deadline; without a breaker each of those that follow would wait it too. The machine is noisy, so two of
 * thirty may be slow for reasons of their own.
 */
const NOTICED_MS = REDIS_TIMEOUT_MS + 2_000;
const SLOW_BY_CHANCE = 2;

async function expectOutage(gateway: GatewayOnRedis): Promise<void> {
  const { firstMs, waited } = await speakThrough(gateway);
  expect(firstMs).toBeLessThan(NOTICED_MS);
  expect(waited).toBeLessThanOrEqual(SLOW_BY_CHANCE);
  const { status, parts } = await ready(gateway);
  expect([status, parts.redisAudio!.status, parts.cache!.status]).toEqual(["degraded", "degraded", "degraded"]);
  expect(told(gateway).downs).toBe(1);
}

describe("the gateway when Redis", () => {
  it("is killed, and comes back empty", async () => {
    const server = await redisServer();
    const gateway = await warmedOn(server.url);
    await server.kill();
    await expectOutage(gateway);
    await server.restart();
    await expectRecovered(gateway, server.url);
    expect((await say(gateway, "Memory has this.")).cache).toBe("hit");
    expect(told(gateway)).toEqual({ downs: 1, ups: 2, refusals: 0 });
  });

  it("is frozen", async () => {
    const server = await redisServer();
    const gateway = await warmedOn(server.url);
    server.freeze();
    await expectOutage(gateway);
    server.thaw();
    await expectRecovered(gateway, server.url);
    expect(told(gateway)).toEqual({ downs: 1, ups: 2, refusals: 0 });
  });

  it("is not there when the gateway starts", async () => {
    const url = `redis://127.0.0.1:${await freePort()}`;
    const gateway = await gatewayOn(url);
    await keep(gateway, "Memory has this.");
    await expectOutage(gateway);
    await redisServer(["--port", new URL(url).port]);
    await expectRecovered(gateway, url);
    expect(told(gateway)).toEqual({ downs: 1, ups: 1, refusals: 0 });
  });

  it("answers everything too late", async () => {
    const server = await redisServer();
    const proxy = await proxyTo(server.port);
    const gateway = await warmedOn(`redis://127.0.0.1:${proxy.port}`, {}, server.url);
    proxy.set({ delayMs: 3 * REDIS_TIMEOUT_MS });
    await expectOutage(gateway);
    proxy.heal();
    await expectRecovered(gateway, server.url);
  });

  it("resets the connection in the middle of an answer", async () => {
    const server = await redisServer();
    const proxy = await proxyTo(server.port);
    const gateway = await warmedOn(`redis://127.0.0.1:${proxy.port}`, {}, server.url);
    proxy.set({ resetAfterBytes: 5_000 });
    expect((await speakThrough(gateway)).waited).toBeLessThanOrEqual(SLOW_BY_CHANCE);
    proxy.heal();
    await expectRecovered(gateway, server.url);
    const { downs, ups } = told(gateway);
    expect(ups).toBe(downs + 1); // each change told once
  });

  it("swallows everything", async () => {
    const server = await redisServer();
    const proxy = await proxyTo(server.port);
    const gateway = await warmedOn(`redis://127.0.0.1:${proxy.port}`, {}, server.url);
    proxy.set({ blackHole: true });
    await expectOutage(gateway);
    proxy.heal();
    await expectRecovered(gateway, server.url);
  });

  it("refuses our password", async () => {
    const server = await redisServer(["--requirepass", "secret"]);
    const gateway = await gatewayOn(`redis://:wrong@127.0.0.1:${server.port}`);
    await keep(gateway, "Memory has this.");
    await expectOutage(gateway);
    expect(JSON.stringify([gateway.log, await ready(gateway)])).not.toContain("wrong@");
    const raw = await client(`redis://:secret@127.0.0.1:${server.port}`);
    await raw.config("SET", "requirepass", "wrong");
    await expectRecovered(gateway, `redis://:wrong@127.0.0.1:${server.port}`);
    expect(told(gateway)).toEqual({ downs: 1, ups: 1, refusals: 0 });
  });

  it("is full and does not evict: what it has is used, what is new stays here", async () => {
    const server = await redisServer(["--maxmemory-policy", "noeviction"]);
    const gateway = await warmedOn(server.url);
    const raw = await client(server.url);
    await raw.config("SET", "maxmemory", "100kb");
    await keep(gateway, "Too much for Redis.");
    expect((await say(gateway, "Only Redis has this.")).cache).toBe("hit");
    await keep(gateway, "Too much again.");
    await expect.poll(() => told(gateway).refusals).toBe(1);
    const { status, parts } = await ready(gateway);
    expect([status, parts.redisAudio!.detail]).toEqual(["degraded", expect.stringContaining("OOM")]);
    expect(told(gateway).downs).toBe(0);
    await raw.config("SET", "maxmemory", "0");
    await keep(gateway, "There is room again.");
    await expectRecovered(gateway, server.url);
  });

  it("has become a replica: what it has is used", async () => {
    const server = await redisServer();
    const gateway = await warmedOn(server.url);
    const raw = await client(server.url);
    await raw.replicaof("127.0.0.1", await freePort());
    const refusals = async () => {
      await keep(gateway, `Refused by a replica, ${Math.random()}.`);
      return told(gateway).refusals;
    };
    await expect.poll(refusals, { timeout: 10_000 }).toBe(1);
    await expect.poll(async () => (await ready(gateway)).parts.redisAudio!.detail).toContain("READONLY");
    expect((await say(gateway, "Only Redis has this.")).cache).toBe("hit");
    expect((await speakThrough(gateway)).waited).toBeLessThanOrEqual(SLOW_BY_CHANCE);
    expect(told(gateway).downs).toBeLessThanOrEqual(1); // it reconnects once: somebody else may bear the name by now
    await raw.replicaof("NO", "ONE");
    await keep(gateway, "A master again.");
    await expectRecovered(gateway, server.url);
    expect(told(gateway).refusals).toBe(1);
  });

  it("is loading its data", async () => {
    const slowly = ["--enable-debug-command", "yes", "--loading-process-events-interval-bytes", "1024"];
    const server = await redisServer(slowly);
    const gateway = await warmedOn(server.url);
    const raw = await client(server.url);
    raw.on("error", () => {});
    const padding = raw.pipeline();
    for (let index = 0; index < 3_000; index++) padding.set(`padding:${index}`, "x".repeat(100));
    await padding.exec();
    await raw.config("SET", "key-load-delay", "1000"); // µs a key: three seconds
    const loaded = raw.call("DEBUG", "RELOAD");
    await expectOutage(gateway);
    expect(gateway.log.map(({ reason }) => reason).join()).toMatch(/LOADING|no answer/);
    await loaded;
    await expectRecovered(gateway, server.url);
    const { downs, ups } = told(gateway);
    expect(ups).toBe(downs + 1);
  });
});

describe("two Redis, one for audio and one for state", () => {
  it("each is told and survived on its own", async () => {
    const [audio, state] = [await redisServer(), await redisServer()];
    const gateway = await warmedOn(audio.url, { redisStateUrl: state.url });
    await state.kill();
    await expect.poll(async () => (await ready(gateway)).parts.redisState!.status).toBe("degraded");
    expect((await ready(gateway)).parts).toMatchObject({ redisAudio: { status: "ok" }, cache: { status: "ok" } });
    expect((await say(gateway, "Only Redis has this.")).cache).toBe("hit");
    await keep(gateway, "Said while nobody keeps leases.");
    await state.restart();
    await expectRecoveredState(gateway);
    await audio.kill();
    await expectOutageOf(gateway);
    await audio.restart();
    await expect.poll(async () => (await ready(gateway)).status, { timeout: 15_000 }).toBe("ready");
    expect(gateway.log.filter(({ msg }) => msg.startsWith("redis is down")).map(({ redis }) => redis)).toEqual([
      ["state"],
      ["audio"],
    ]);
  });

  it("state where keys can be evicted is warned of once at the start", async () => {
    const server = await redisServer(["--maxmemory-policy", "allkeys-lru"]);
    const gateway = await gatewayOn(server.url);
    expect(gateway.speech.warnings()).toEqual([expect.stringMatching(/REDIS_URL.*allkeys-lru.*REDIS_STATE_URL/)]);
    expect((await ready(gateway)).parts.redisState).toEqual({ status: "ok", detail: "up; may evict (allkeys-lru)" });
    const raw = await client(server.url);
    await raw.call("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes");
    await expect.poll(() => told(gateway).ups, { timeout: 10_000 }).toBe(2);
    expect(gateway.log.filter(({ msg }) => msg.includes("allkeys-lru"))).toHaveLength(1);
    const kept = await redisServer();
    const calm = await gatewayOn(server.url, { redisStateUrl: kept.url });
    expect(calm.speech.warnings()).toEqual([]);
  });

  it("finds the policy where CONFIG is forbidden, and starts where it cannot", async () => {
    const server = await redisServer(["--maxmemory-policy", "volatile-lru"]);
    const raw = await client(server.url);
    await raw.call("ACL", "SETUSER", "plain", "on", ">pw", "~*", "&*", "+@all", "-config");
    const gateway = await gatewayOn(`redis://plain:pw@127.0.0.1:${server.port}`);
    expect(gateway.speech.warnings()).toEqual([expect.stringContaining("volatile-lru")]);
  });
});

async function expectRecoveredState(gateway: GatewayOnRedis): Promise<void> {
  await expect.poll(async () => (await ready(gateway)).status, { timeout: 15_000 }).toBe("ready");
}

async function expectOutageOf(gateway: GatewayOnRedis): Promise<void> {
  expect((await speakThrough(gateway, 5)).waited).toBeLessThanOrEqual(SLOW_BY_CHANCE);
  expect((await ready(gateway)).parts).toMatchObject({
    redisAudio: { status: "degraded" },
    redisState: { status: "ok" },
  });
}
