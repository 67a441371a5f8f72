import { describe, expect, it } from "vitest";
import { systemClock } from "../../src/core/clock.ts";
import { GuardedRedis } from "../../src/redis/guarded-redis.ts";
import { RedisFlightBoard } from "../../src/redis/redis-flight-board.ts";
import { audioIn, followsOn, leads, newFlightKey, noting } from "../conformance/flight-board.ts";
import { startCluster, startSentinels } from "../support/redis-topologies.ts";
import { cleanups, client, redisServer } from "../support/store-on-redis.ts";

/** The board where Redis is more than one server, or does not let us do everything. */
const audio = Uint8Array.from({ length: 40_000 }, (_, at) => (at * 31) % 253);

async function boards(count: number, url: string): Promise<RedisFlightBoard[]> {
  const opened = Array.from({ length: count }, async () => {
    const redis = new GuardedRedis({ url, clock: systemClock, readTimeoutMs: 1_000, writeTimeoutMs: 1_000 });
    const board = new RedisFlightBoard({ redis, clock: systemClock });
    cleanups.push(async () => {
      await board.close();
      await redis.close();
    });
    await redis.whenUp({ signal: AbortSignal.timeout(15_000) });
    return board;
  });
  return Promise.all(opened);
}

/** So many flights at once, each from one server to the other; all must arrive whole. */
async function expectFlights(one: RedisFlightBoard, two: RedisFlightBoard, count: number): Promise<void> {
  const flights = Array.from({ length: count }, async () => {
    const key = newFlightKey();
    const lead = await leads(one, key);
    const follower = noting(await followsOn(two, key));
    for (let at = 0; at < audio.length; at += 5_000) {
      lead.publish({ audio: audio.subarray(at, at + 5_000) });
      await systemClock.sleep(5, new AbortController().signal);
    }
    await lead.end({ how: "done" });
    await follower.over;
    return { end: follower.end, right: audioIn(follower).equals(audio) };
  });
  for (const flight of await Promise.all(flights)) expect(flight).toEqual({ end: { how: "done" }, right: true });
}

describe("flights", () => {
  it("on a cluster, over all its slots, and after the loss of a master", async () => {
    const { url, masters } = await startCluster();
    const [one, two] = (await boards(2, url)) as [RedisFlightBoard, RedisFlightBoard];
    await expectFlights(one, two, 24);
    await masters[1]!.kill();
    await expect
      .poll(() => expectFlights(one, two, 12).then(() => "well", String), { timeout: 25_000, interval: 500 })
      .toBe("well");
  }, 90_000);

  it("behind Sentinel, before and after the master is lost; followers learn of the loss", async () => {
    const { url, master } = await startSentinels();
    const [one, two] = (await boards(2, url)) as [RedisFlightBoard, RedisFlightBoard];
    await expectFlights(one, two, 4);
    const key = newFlightKey();
    const lead = await leads(one, key);
    const follower = noting(await followsOn(two, key));
    await master.kill();
    await follower.over;
    expect(["unreachable", "lost"]).toContain(follower.end?.how);
    await lead.end({ how: "left" });
    await expect
      .poll(() => expectFlights(one, two, 4).then(() => "well", String), { timeout: 25_000, interval: 500 })
      .toBe("well");
  }, 90_000);

  it("for a user who may not use CLIENT", async () => {
    const server = await redisServer();
    const raw = await client(server.url);
    await raw.call("ACL", "SETUSER", "plain", "on", ">pw", "~*", "&*", "+@all", "-client");
    const [one, two] = await boards(2, `redis://plain:pw@127.0.0.1:${server.port}`);
    await expectFlights(one!, two!, 10);
  });
});
