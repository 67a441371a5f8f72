import { describe, expect, it } from "vitest";
import { systemClock } from "../../src/core/clock.ts";
import { openRedis } from "../../src/redis/redis-port.ts";
import { freePort } from "../support/redis-process.ts";
import { client, gateway, onlyInRedis, redisServer, up, warmGateway } from "../support/store-on-redis.ts";

const { signal } = new AbortController();

describe("openRedis()", () => {
  it("stays up when our own process paused for longer than the deadline", async () => {
    const server = await redisServer();
    const one = await warmGateway(server.url);
    const answer = one.store.get(onlyInRedis, { signal });
    await new Promise(setImmediate); // the command is on its way
    const endMs = performance.now() + 120;
    while (performance.now() < endMs);
    expect((await answer)?.audio.byteLength).toBe(20_000);
    expect(one.changes).toEqual(["up"]);
  });

  it("close() ends its connections and its timers, in any state", async () => {
    const server = await redisServer();
    const raw = await client(server.url);
    const connections = async () => String(await raw.client("LIST")).split("name=mynah").length - 1;
    const one = gateway(server.url);
    await up(one);
    await expect.poll(connections).toBe(1);
    await one.redis.close();
    await expect.poll(connections).toBe(0);
    await expect(one.redis.ping({ signal })).rejects.toThrow("down");
    const late = gateway(`redis://127.0.0.1:${await freePort()}`);
    const waiting = late.redis.whenUp({ signal });
    await late.redis.close();
    await expect(waiting).rejects.toThrow("closed");
    expect(one.changes).toEqual(["up"]);
  });

  it.each(["", "localhost:6379", "http://:hunter2@x", "redis+nonsense://x"])("refuses the URL %j", (url) => {
    const attempt = () => openRedis({ url, clock: systemClock });
    expect(attempt).toThrow(/REDIS_URL/);
    expect(attempt).not.toThrow(/hunter2/);
  });

  it("whenUp() rejects with its signal's reason", async () => {
    const one = gateway(`redis://127.0.0.1:${await freePort()}`);
    const reason = new Error("do not wait any longer");
    await expect(one.redis.whenUp({ signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
  });
});
