import type { Redis } from "ioredis";
import { expect } from "vitest";
import { freePort, type RedisProcess, startRedis, startSentinel } from "./redis-process.ts";
import { cleanups, client } from "./store-on-redis.ts";

/** Real servers in the shapes that people run them in; all end with the test that started them. */

async function kept(server: Promise<RedisProcess>): Promise<RedisProcess> {
  const started = await server;
  cleanups.push(() => started.stop());
  return started;
}

async function quiet(url: string): Promise<Redis> {
  const raw = await client(url);
  return raw.on("error", () => {});
}

const SOON = { timeout: 20_000, interval: 100 };

export type SentinelSetup = {
  readonly url: string;
  readonly master: RedisProcess;
  readonly replica: RedisProcess;
};

/** A master, a replica in step with it, and three sentinels of which two must agree. */
export async function startSentinels(): Promise<SentinelSetup> {
  const master = await kept(startRedis());
  const follow = ["--replicaof", `127.0.0.1 ${master.port}`, "--repl-diskless-sync-delay", "0"];
  const replica = await kept(startRedis({ args: follow }));
  const start = () => kept(startSentinel({ masterName: "audio", masterPort: master.port, quorum: 2 }));
  const sentinels = await Promise.all([start(), start(), start()]);
  const first = await quiet(sentinels[0]!.url);
  const view = async () => String(await first.call("SENTINEL", "MASTER", "audio"));
  await expect.poll(view, SOON).toMatch(/num-slaves,1.*num-other-sentinels,2/);
  const replication = await quiet(replica.url);
  await expect.poll(() => replication.info("replication"), SOON).toContain("master_link_status:up");
  const hosts = sentinels.map(({ port }) => `127.0.0.1:${port}`).join(",");
  return { url: `redis+sentinel://${hosts}/audio`, master, replica };
}

export type ClusterNode = RedisProcess & { readonly raw: Redis; readonly id: string };
export type ClusterSetup = {
  readonly url: string;
  readonly masters: readonly ClusterNode[];
  readonly replicas: readonly ClusterNode[];
};

const SLOTS = 16_384;

/** Three masters with a third of the slots each, and a replica for every one. */
export async function startCluster(): Promise<ClusterSetup> {
  const nodes = await Promise.all(Array.from({ length: 6 }, startNode));
  const masters = nodes.slice(0, 3);
  const replicas = nodes.slice(3);
  const bound = (index: number) => Math.floor((index * SLOTS) / masters.length);
  for (const [index, { raw }] of masters.entries()) {
    await raw.call("CLUSTER", "ADDSLOTSRANGE", String(bound(index)), String(bound(index + 1) - 1));
  }
  for (const [index, { raw }] of nodes.entries()) {
    await raw.call("CLUSTER", "SET-CONFIG-EPOCH", String(index + 1));
    if (index > 0) await raw.call("CLUSTER", "MEET", "127.0.0.1", String(nodes[0]!.port), String(nodes[0]!.busPort));
  }
  const known = async (raw: Redis) => String(await raw.call("CLUSTER", "INFO"));
  for (const { raw } of nodes) await expect.poll(() => known(raw), SOON).toContain("cluster_known_nodes:6");
  for (const [index, { raw }] of replicas.entries()) {
    await expect.poll(() => raw.call("CLUSTER", "REPLICATE", masters[index]!.id).catch(String), SOON).toBe("OK");
  }
  for (const { raw } of nodes) await expect.poll(() => known(raw), SOON).toContain("cluster_state:ok");
  for (const { raw } of replicas)
    await expect.poll(() => raw.info("replication"), SOON).toContain("master_link_status:up");
  return { url: `redis+cluster://${masters.map(({ port }) => `127.0.0.1:${port}`).join(",")}`, masters, replicas };
}

async function startNode(): Promise<ClusterNode & { busPort: number }> {
  const busPort = await freePort();
  const args = ["--cluster-enabled", "yes", "--cluster-node-timeout", "1000", "--cluster-port", String(busPort)];
  const server = await kept(startRedis({ args: [...args, "--repl-diskless-sync-delay", "0"] }));
  const raw = await quiet(server.url);
  return { ...server, raw, busPort, id: String(await raw.call("CLUSTER", "MYID")) };
}

/** Moves one slot with all its keys from one master to another while everybody goes on using it. */
export async function migrateSlot(slot: number, from: ClusterNode, to: ClusterNode): Promise<number> {
  const text = String(slot);
  await to.raw.call("CLUSTER", "SETSLOT", text, "IMPORTING", from.id);
  await from.raw.call("CLUSTER", "SETSLOT", text, "MIGRATING", to.id);
  const keys = (await from.raw.call("CLUSTER", "GETKEYSINSLOT", text, "1000")) as string[];
  for (const key of keys) await from.raw.call("MIGRATE", "127.0.0.1", String(to.port), key, "0", "5000");
  for (const { raw } of [to, from]) await raw.call("CLUSTER", "SETSLOT", text, "NODE", to.id);
  return keys.length;
}
