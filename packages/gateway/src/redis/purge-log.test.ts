import { Redis } from "ioredis";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { keyFor } from "../../test/conformance/audio-store.ts";
import { type RedisProcess, startRedis } from "../../test/support/redis-process.ts";
import { systemClock } from "../core/clock.ts";
import type { Purge } from "../core/entry-match.ts";
import { GuardedRedis } from "./guarded-redis.ts";
import { PURGE_LOG_KEY } from "./keys.ts";
import { PurgeLog } from "./purge-log.ts";

const { signal } = new AbortController();
let server: RedisProcess;
let raw: Redis;
let redis: GuardedRedis;
const logs: PurgeLog[] = [];

beforeAll(async () => {
  server = await startRedis();
  raw = new Redis(server.url);
  redis = new GuardedRedis({ url: server.url, clock: systemClock, readTimeoutMs: 5_000, writeTimeoutMs: 5_000 });
  await redis.whenUp({ signal: AbortSignal.timeout(10_000) });
});
beforeEach(async () => void (await raw.flushall()));
afterEach(async () => void (await Promise.all(logs.splice(0).map((log) => log.close()))));
afterAll(async () => {
  await redis?.close();
  raw?.disconnect();
  await server?.stop();
});

/** One that reads only when told to. */
async function logOf(): Promise<{ log: PurgeLog; heard: Purge[] }> {
  const heard: Purge[] = [];
  const log = new PurgeLog({ redis, clock: systemClock, pollEveryMs: 60_000, onPurge: (purge) => heard.push(purge) });
  logs.push(log);
  await log.catchUp({ signal });
  return { log, heard };
}

describe("PurgeLog", () => {
  it("catchUp() tells of everything that others announced before it, once and in order, and not of our own", async () => {
    const [one, two] = [await logOf(), await logOf()];
    const purges: Purge[] = [
      { what: "key", key: keyFor("a") },
      { what: "all" },
      { what: "matching", match: { engine: "edge", tag: "spring" } },
    ];
    for (const purge of purges) await one.log.announce(purge, { signal });
    for (let look = 0; look < 2; look++) for (const { log } of [one, two]) await log.catchUp({ signal });
    expect([one.heard, two.heard]).toEqual([[], purges]);
  });

  it("tells a new server nothing of the past", async () => {
    const one = await logOf();
    await one.log.announce({ what: "all" }, { signal });
    const late = await logOf();
    await late.log.catchUp({ signal });
    expect(late.heard).toEqual([]);
  });

  it("takes everything for purged when what came in between is no longer there", async () => {
    const [one, two] = [await logOf(), await logOf()];
    for (const name of ["a", "b"]) await one.log.announce({ what: "key", key: keyFor(name) }, { signal });
    await two.log.catchUp({ signal });
    for (const name of ["c", "d"]) await one.log.announce({ what: "key", key: keyFor(name) }, { signal });
    await raw.xtrim(PURGE_LOG_KEY, "MAXLEN", 1);
    await two.log.catchUp({ signal });
    expect(two.heard.slice(2)).toEqual([{ what: "all" }]);
    await one.log.announce({ what: "key", key: keyFor("e") }, { signal });
    await two.log.catchUp({ signal });
    expect(two.heard.slice(3)).toEqual([{ what: "key", key: keyFor("e") }]);
  });

  it("keeps quiet when Redis has lost everything, and goes on with the new log", async () => {
    const [one, two] = [await logOf(), await logOf()];
    await one.log.announce({ what: "key", key: keyFor("a") }, { signal });
    await two.log.catchUp({ signal });
    await raw.flushall();
    await two.log.catchUp({ signal });
    await one.log.announce({ what: "key", key: keyFor("b") }, { signal });
    await two.log.catchUp({ signal });
    expect(two.heard).toEqual(["a", "b"].map((name) => ({ what: "key", key: keyFor(name) })));
  });

  it("takes everything for purged when the log began anew with an earlier clock", async () => {
    const [one, two] = [await logOf(), await logOf()];
    await one.log.announce({ what: "key", key: keyFor("a") }, { signal });
    await two.log.catchUp({ signal });
    await raw.del(PURGE_LOG_KEY);
    await raw.xadd(PURGE_LOG_KEY, "1-1", "from", "x", "what", "key", "key", keyFor("b"));
    await two.log.catchUp({ signal });
    expect(two.heard.slice(1)).toEqual([{ what: "all" }]);
  });

  it("reads what a newer server writes as the widest purge, and thousands of entries at once", async () => {
    const [one, two] = [await logOf(), await logOf()];
    await raw.xadd(PURGE_LOG_KEY, "*", "from", "newer", "what", "voice", "name", "one");
    const pipeline = raw.pipeline();
    for (let index = 0; index < 2_500; index++)
      pipeline.xadd(PURGE_LOG_KEY, "*", "from", "x", "what", "key", "key", "k");
    await pipeline.exec();
    for (const { log, heard } of [one, two]) {
      await log.catchUp({ signal });
      expect([heard[0], heard.length]).toEqual([{ what: "all" }, 2_501]);
    }
  });
});
