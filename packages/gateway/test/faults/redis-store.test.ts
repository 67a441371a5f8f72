import { describe, expect, it } from "vitest";
import type { Soon } from "../../src/core/async.ts";
import { systemClock } from "../../src/core/clock.ts";
import { audioKey } from "../../src/redis/keys.ts";
import { keyFor, speechOf } from "../conformance/audio-store.ts";
import { freePort, startRedis } from "../support/redis-process.ts";
import {
  cleanups,
  client,
  type Gateway,
  gateway,
  inMemory,
  onlyInRedis,
  proxyTo,
  redisServer,
  ttlMs,
  up,
  warmGateway,
} from "../support/store-on-redis.ts";

/**
 * Deadlines are asserted loosely (the promise is 50 ms for the call that notices and nothing for the next ones): the
 * machine is noisy, and what must never happen takes seconds.
 */
const NOTICED_MS = 150;
const AT_ONCE_MS = 25;
const { signal } = new AbortController();
const absent = keyFor("absent");

async function timed<T>(work: Soon<T>): Promise<{ value: T; ms: number }> {
  const startMs = performance.now();
  const value = await work;
  return { value, ms: performance.now() - startMs };
}

/** While Redis is broken: memory answers, everything else misses, nothing is slow and nothing throws. */
async function expectSpeechAsBefore({ store }: Gateway): Promise<void> {
  const first = await timed(store.get(onlyInRedis, { signal }));
  expect(first.value).toBeUndefined();
  expect(first.ms).toBeLessThan(NOTICED_MS);
  const times: number[] = [];
  for (let call = 0; call < 20; call++) {
    const { value, ms } = await timed(store.get(onlyInRedis, { signal }));
    expect(value).toBeUndefined();
    times.push(ms);
  }
  expect(times.sort((a, b) => a - b)[10]).toBeLessThan(AT_ONCE_MS);
  expect((await store.get(inMemory, { signal }))?.audio.byteLength).toBe(20_000);
  await store.set(keyFor("made meanwhile"), speechOf(), { ttlMs, signal });
  expect(await store.has([keyFor("made meanwhile"), inMemory, absent], { signal })).toEqual([true, true, false]);
}

/** After the fault, without anybody's help: what is set here is there for another gateway. */
async function expectRecovered({ store, redis }: Gateway, url: string): Promise<void> {
  await redis.whenUp({ signal: AbortSignal.timeout(15_000) });
  const raw = await client(url);
  await expect
    .poll(
      async () => {
        await store.set(keyFor("after"), speechOf(), { ttlMs, signal });
        return raw.exists(audioKey(keyFor("after")));
      },
      { timeout: 10_000 },
    )
    .toBe(1);
}

describe("the audio store when Redis", () => {
  it("is absent from the start, and comes later", async () => {
    const url = `redis://127.0.0.1:${await freePort()}`;
    const one = gateway(url);
    await one.store.set(inMemory, speechOf(20_000), { ttlMs, signal });
    await expectSpeechAsBefore(one);
    await expect.poll(() => one.changes).toEqual(["down"]);
    expect(one.reasons[0]).toContain("ECONNREFUSED");
    const server = await startRedis({ args: ["--port", new URL(url).port] });
    cleanups.push(() => server.stop());
    await expectRecovered(one, url);
    expect(one.changes).toEqual(["down", "up"]);
  });

  it("is killed, and restarted empty", async () => {
    const server = await redisServer();
    const one = await warmGateway(server.url);
    await server.kill();
    await expectSpeechAsBefore(one);
    expect(one.changes).toEqual(["up", "down"]);
    await server.restart();
    await expectRecovered(one, server.url);
    expect(one.changes).toEqual(["up", "down", "up"]);
  });

  it("is frozen: accepts connections and never answers", async () => {
    const server = await redisServer();
    const one = await warmGateway(server.url);
    server.freeze();
    await expectSpeechAsBefore(one);
    await systemClock.sleep(1500, signal); // the dead socket is given up meanwhile, and the next one as well
    await expectSpeechAsBefore(one);
    expect(one.changes).toEqual(["up", "down"]);
    server.thaw();
    await expectRecovered(one, server.url);
    expect(await one.store.get(onlyInRedis, { signal })).toBeDefined();
  });

  it("is frozen while many ask at once: all settle within the deadline", async () => {
    const server = await redisServer();
    const one = await warmGateway(server.url);
    server.freeze();
    const asked = Array.from({ length: 200 }, () => timed(one.store.get(onlyInRedis, { signal })));
    const answers = await Promise.all(asked);
    expect(answers.every(({ value }) => value === undefined)).toBe(true);
    expect(Math.max(...answers.map(({ ms }) => ms))).toBeLessThan(2 * NOTICED_MS);
    server.thaw();
    await expectRecovered(one, server.url);
  });

  it("has become a replica: reads go on, writes are refused", async () => {
    const server = await redisServer();
    const one = await warmGateway(server.url);
    const raw = await client(server.url);
    await raw.replicaof("127.0.0.1", await freePort());
    await one.store.set(keyFor("refused"), speechOf(), { ttlMs, signal });
    expect(one.failures.map(({ operation }) => operation)).toEqual(["set"]);
    // It reconnects once, for there might be another server behind the name by now.
    await expect.poll(() => one.changes, { timeout: 5000 }).toEqual(["up", "down", "up"]);
    expect((await one.store.get(onlyInRedis, { signal }))?.audio.byteLength).toBe(20_000);
    expect(await one.store.get(keyFor("refused"), { signal })).toBeDefined();
    await raw.replicaof("NO", "ONE");
    await expectRecovered(one, server.url);
  });

  it("wants replicas it does not have: reads go on, writes are refused", async () => {
    const server = await redisServer();
    const one = await warmGateway(server.url);
    const raw = await client(server.url);
    await raw.config("SET", "min-replicas-to-write", "1");
    expect((await one.store.get(onlyInRedis, { signal }))?.audio.byteLength).toBe(20_000);
    await one.store.set(keyFor("refused"), speechOf(), { ttlMs, signal });
    expect(one.failures.map(({ operation }) => operation)).toEqual(["set"]);
    expect(one.changes).toEqual(["up"]);
    await raw.config("SET", "min-replicas-to-write", "0");
    await expectRecovered(one, server.url);
  });

  it("is full and does not evict: reads go on, writes are refused", async () => {
    const server = await redisServer(["--maxmemory-policy", "noeviction"]);
    const one = await warmGateway(server.url);
    const raw = await client(server.url);
    await raw.config("SET", "maxmemory", "100kb");
    await one.store.set(keyFor("refused"), speechOf(20_000), { ttlMs, signal });
    expect(String(one.failures[0]?.error)).toContain("OOM");
    expect((await one.store.get(onlyInRedis, { signal }))?.audio.byteLength).toBe(20_000);
    expect(await one.store.get(keyFor("refused"), { signal })).toBeDefined();
    expect(one.changes).toEqual(["up"]);
    await raw.config("SET", "maxmemory", "0");
    await expectRecovered(one, server.url);
  });

  it.each([
    ["refuses our password", "redis://:wrong@127.0.0.1"],
    ["wants a password and we have none", "redis://127.0.0.1"],
  ])("%s", async (_, url) => {
    const server = await redisServer(["--requirepass", "secret"]);
    const one = gateway(`${url}:${server.port}`);
    await one.store.set(inMemory, speechOf(20_000), { ttlMs, signal });
    await expect.poll(() => one.changes, { timeout: 5000 }).toEqual(["down"]);
    await expectSpeechAsBefore(one);
    expect(one.reasons[0]).toMatch(/WRONGPASS|NOAUTH/);
    expect(JSON.stringify([one.reasons, one.failures])).not.toContain("wrong@");
    const raw = await client(`redis://:secret@127.0.0.1:${server.port}`);
    await raw.config("SET", "requirepass", url.includes("wrong") ? "wrong" : "");
    await expectRecovered(one, `${url}:${server.port}`);
  });

  it("answers everything 300 ms late", async () => {
    const server = await redisServer();
    const proxy = await proxyTo(server.port);
    const url = `redis://127.0.0.1:${proxy.port}`;
    const one = await warmGateway(url, server.url);
    proxy.set({ delayMs: 300 });
    await expectSpeechAsBefore(one);
    await systemClock.sleep(1500, signal);
    await expectSpeechAsBefore(one);
    expect(one.changes).toEqual(["up", "down"]); // pings are answered, but too late: no flapping
    proxy.heal();
    await expectRecovered(one, server.url);
  });

  it("answers pings in time and audio too late: no flapping", async () => {
    const server = await redisServer();
    const proxy = await proxyTo(server.port);
    const one = await warmGateway(`redis://127.0.0.1:${proxy.port}`, server.url);
    proxy.set({ bytesPerSecond: 40_000 });
    const endMs = performance.now() + 2000;
    let slow = 0;
    while (performance.now() < endMs) {
      const { value, ms } = await timed(one.store.get(onlyInRedis, { signal }));
      expect(value).toBeUndefined();
      if (ms > 40) slow++;
      await systemClock.sleep(20, signal);
    }
    expect(slow).toBeLessThanOrEqual(5); // after 0, ¼, ¾, 1¾ seconds, and not every ¼ of one
    proxy.heal();
    await expectRecovered(one, server.url);
  });

  it("resets the connection in the middle of an answer", async () => {
    const server = await redisServer();
    const proxy = await proxyTo(server.port);
    const one = await warmGateway(`redis://127.0.0.1:${proxy.port}`, server.url);
    proxy.set({ resetAfterBytes: 5000 });
    const { value, ms } = await timed(one.store.get(onlyInRedis, { signal }));
    expect(value).toBeUndefined();
    expect(ms).toBeLessThan(NOTICED_MS);
    proxy.heal();
    await up(one);
    expect((await one.store.get(onlyInRedis, { signal }))?.audio.byteLength).toBe(20_000);
  });

  it("swallows everything on the way, and then only what had been sent by then", async () => {
    const server = await redisServer();
    const proxy = await proxyTo(server.port);
    const one = await warmGateway(`redis://127.0.0.1:${proxy.port}`, server.url);
    proxy.set({ blackHole: true });
    await expectSpeechAsBefore(one);
    proxy.heal();
    await expectRecovered(one, server.url);
  });

  it("holds a key of another type, or a value that is not ours: a miss, then replaced", async () => {
    const server = await redisServer();
    const one = await warmGateway(server.url);
    const raw = await client(server.url);
    for (const spoil of [
      () => raw.rpush(audioKey(absent), "a", "b"),
      () => raw.set(audioKey(absent), Buffer.alloc(3000, 7)),
    ]) {
      await spoil();
      expect(await one.store.get(absent, { signal })).toBeUndefined();
      await expect.poll(() => raw.exists(audioKey(absent))).toBe(0);
    }
    await one.store.set(absent, speechOf(), { ttlMs, signal });
    expect(await raw.exists(audioKey(absent))).toBe(1);
    expect([one.failures, one.changes]).toEqual([[], ["up"]]);
  });
});
