import { Redis } from "ioredis";
import { afterAll, beforeAll, beforeEach, describe, it } from "vitest";
import { systemClock } from "../../src/core/clock.ts";
import { openRedis, type RedisPort } from "../../src/redis/redis-port.ts";
import { RedisAudioStore } from "../../src/stores/redis-audio-store.ts";
import { findRedisServer, type RedisProcess, startRedis } from "../support/redis-process.ts";
import { CONFORMANCE_GRACE_MS, CONFORMANCE_TTL_MS, describeAudioGrace, describeAudioStore } from "./audio-store.ts";

/** Everything else runs on whichever is installed; where both are, the store's promises are kept on Valkey too. */
const program = findRedisServer(["valkey-server"]);

if (program === undefined) {
  describe("Valkey", () => {
    it("keeps the promises of the audio store", ({ skip }) => skip("valkey-server is not installed here"));
  });
} else {
  let server: RedisProcess;
  let raw: Redis;
  let redis: RedisPort;
  beforeAll(async () => {
    server = await startRedis({ program });
    raw = new Redis(server.url);
    redis = openRedis({ url: server.url, clock: systemClock, readTimeoutMs: 5_000, writeTimeoutMs: 5_000 });
    await redis.whenUp({ signal: AbortSignal.timeout(10_000) });
  });
  beforeEach(async () => void (await raw.flushall()));
  afterAll(async () => {
    await redis?.close();
    raw?.disconnect();
    await server?.stop();
  });
  const age = async (ms: number) => {
    for (const key of await raw.keys("*")) await raw.pexpire(key, (await raw.pttl(key)) - ms);
  };
  const storeWith = (graceMs: number) => async () => {
    const store = new RedisAudioStore({ redis, ttlMs: CONFORMANCE_TTL_MS, graceMs, compressionLevel: 6 });
    return { store, advance: age, close: () => store.close() };
  };
  describeAudioStore("valkey", storeWith(0));
  describeAudioGrace("valkey", storeWith(CONFORMANCE_GRACE_MS));
}
