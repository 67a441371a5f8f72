import { Redis } from "ioredis";
import { describe, type ExpectStatic, it } from "vitest";
import { systemClock } from "../../src/core/clock.ts";
import { openRedis, type RedisPort } from "../../src/redis/redis-port.ts";
import { RedisAudioStore } from "../../src/stores/redis-audio-store.ts";
import { keyFor, speechOf } from "../conformance/audio-store.ts";
import { freePort, type RedisProcess, startRedis, startSentinel } from "../support/redis-process.ts";

/**
 * The same store on Sentinel and Cluster, and the loss of a master in each. Real servers; elections take their
 * seconds.
 */
const { signal } = new AbortController();
const ttlMs = 60_000;

/** What a test has opened, to be closed when it ends: the two run at the same time, for each spends it waiting. */
type OnTestFinished = (close: () => Promise<void>) => void;

async function keep(atEnd: OnTestFinished, server: Promise<RedisProcess>): Promise<RedisProcess> {
  const started = await server;
  atEnd(() => started.stop());
  return started;
}

function client(atEnd: OnTestFinished, url: string): Redis {
  const raw = new Redis(url);
  raw.on("error", () => {});
  atEnd(async () => raw.disconnect());
  return raw;
}

async function open(atEnd: OnTestFinished, url: string): Promise<{ store: RedisAudioStore; redis: RedisPort }> {
  const redis = openRedis({ url, clock: systemClock, readTimeoutMs: 200, writeTimeoutMs: 1000 });
  atEnd(() => redis.close());
  await redis.whenUp({ signal: AbortSignal.timeout(10_000) });
  return { store: new RedisAudioStore({ redis, ttlMs, compressionLevel: 0 }), redis };
}

const keys = Array.from({ length: 40 }, (_, index) => keyFor(`topology ${index}`));

/** Writes and reads every key, which spreads over all slots; gives how many could be read back. */
async function roundTrips(store: RedisAudioStore): Promise<number> {
  const trip = async (key: (typeof keys)[number], index: number): Promise<boolean> => {
    await store.set(key, speechOf(1000 + index), { ttlMs, signal });
    return (await store.get(key, { signal }))?.audio.byteLength === 1000 + index;
  };
  const results = await Promise.all(keys.map((key, index) => trip(key, index).catch(() => false)));
  return results.filter(Boolean).length;
}

/** No call may take long, whatever happens behind it. */
async function worstGetMs(store: RedisAudioStore, forMs: number): Promise<number> {
  let worst = 0;
  const endMs = performance.now() + forMs;
  for (let index = 0; performance.now() < endMs; index++) {
    const startMs = performance.now();
    await store.get(keys[index % keys.length]!, { signal }).catch(() => undefined);
    worst = Math.max(worst, performance.now() - startMs);
    await systemClock.sleep(5, signal);
  }
  return worst;
}

/** Two masters with half of the slots each. */
async function startCluster(atEnd: OnTestFinished, expect: ExpectStatic): Promise<RedisProcess[]> {
  const node = async () => {
    const busPort = await freePort();
    const args = ["--cluster-enabled", "yes", "--cluster-node-timeout", "1000", "--cluster-port", String(busPort)];
    return { server: await keep(atEnd, startRedis({ args })), busPort };
  };
  const nodes = [await node(), await node()];
  const [first, second] = nodes.map(({ server }) => client(atEnd, server.url));
  await first!.call("CLUSTER", "ADDSLOTSRANGE", "0", "8191");
  await second!.call("CLUSTER", "ADDSLOTSRANGE", "8192", "16383");
  await second!.call("CLUSTER", "SET-CONFIG-EPOCH", "2");
  await first!.call("CLUSTER", "MEET", "127.0.0.1", String(nodes[1]!.server.port), String(nodes[1]!.busPort));
  for (const raw of [first!, second!]) {
    await expect
      .poll(async () => String(await raw.call("CLUSTER", "INFO")), { timeout: 20_000 })
      .toContain("cluster_state:ok");
  }
  return nodes.map(({ server }) => server);
}

describe.concurrent("RedisAudioStore on a cluster", () => {
  it("reaches every slot, clears every master, and outlives the loss of one", async ({
    onTestFinished: atEnd,
    expect,
  }) => {
    const [one, two] = await startCluster(atEnd, expect);
    const { store, redis } = await open(atEnd, `redis+cluster://127.0.0.1:${one!.port},127.0.0.1:${two!.port}`);
    expect(await roundTrips(store)).toBe(keys.length);
    expect(await store.has(keys, { signal })).toEqual(keys.map(() => true));
    const sizes = await Promise.all([one!, two!].map(({ url }) => client(atEnd, url).dbsize()));
    expect(sizes.every((size) => size > 5)).toBe(true);
    await store.clear({ signal });
    expect(await store.has(keys, { signal })).toEqual(keys.map(() => false));

    await two!.kill();
    expect(await worstGetMs(store, 1500)).toBeLessThan(500);
    await two!.restart();
    await redis.whenUp({ signal: AbortSignal.timeout(20_000) });
    await expect.poll(() => roundTrips(store), { timeout: 20_000, interval: 200 }).toBe(keys.length);
  });
});

describe.concurrent("RedisAudioStore behind Sentinel", () => {
  it("follows the master to the replica that takes over", async ({ onTestFinished: atEnd, expect }) => {
    const master = await keep(atEnd, startRedis());
    const replica = await keep(
      atEnd,
      startRedis({ args: ["--replicaof", `127.0.0.1 ${master.port}`, "--repl-diskless-sync-delay", "0"] }),
    );
    const rawReplica = client(atEnd, replica.url);
    const isSynced = async () => String(await rawReplica.info("replication"));
    await expect.poll(isSynced, { timeout: 20_000, interval: 200 }).toContain("master_link_status:up");
    const sentinel = await keep(atEnd, startSentinel({ masterName: "audio", masterPort: master.port }));
    const { store, redis } = await open(atEnd, `redis+sentinel://127.0.0.1:${sentinel.port}/audio`);
    expect(await roundTrips(store)).toBe(keys.length);
    const rawSentinel = client(atEnd, sentinel.url);
    const replicas = async () => String(await rawSentinel.call("SENTINEL", "MASTER", "audio"));
    await expect.poll(replicas, { timeout: 20_000, interval: 200 }).toMatch(/num-slaves[,:]1/);

    await master.kill();
    expect(await worstGetMs(store, 1500)).toBeLessThan(500);
    await redis.whenUp({ signal: AbortSignal.timeout(20_000) });
    await expect.poll(() => roundTrips(store), { timeout: 20_000, interval: 200 }).toBe(keys.length);
    expect(await rawReplica.dbsize()).toBe(keys.length);
  });
});
