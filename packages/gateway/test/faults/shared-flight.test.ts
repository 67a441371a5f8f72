import { createHash } from "node:crypto";
import { Redis } from "ioredis";
import { afterEach, describe, expect, it } from "vitest";
import { systemClock } from "../../src/core/clock.ts";
import { call, type GatewayProcess, startGatewayProcess } from "../support/gateway-process.ts";
import { type RedisProcess, startRedis } from "../support/redis-process.ts";
import { type StandInOptions, toneAudio } from "../support/stand-in-engine.ts";

/** Gateways in processes of their own that share one Redis and are killed, frozen and cut off while one speaks for all. */
const pcm = { name: "pcm", sampleRateHz: 24_000 } as const;
const slow = { firstByteMs: 100, chunkMs: 100, chunkDurationMs: 80 };
const TEXT = "This sentence takes the engine about three seconds, which is time enough to die in it, isn't it?";
const expected = (text: string): Buffer =>
  Buffer.from(toneAudio({ text, voice: "one", speed: 1, pitch: 1, volume: 1, wanted: pcm }));

const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function redisServer(): Promise<RedisProcess> {
  const server = await startRedis();
  cleanups.push(() => server.stop());
  return server;
}
async function gateways(
  count: number,
  { url }: { readonly url: string },
  engine: Omit<StandInOptions, "clock" | "failWith"> = slow,
): Promise<GatewayProcess[]> {
  const started = await Promise.all(
    Array.from({ length: count }, () =>
      startGatewayProcess({ redisUrl: url, redisTimeoutMs: 1_000, transcodeWorkers: 1 }, engine),
    ),
  );
  for (const gateway of started) cleanups.push(() => gateway.stop());
  // One that has not found Redis yet would speak for itself.
  const ready = async (at: string) => ((await (await fetch(`${at}/readyz`)).json()) as { status: string }).status;
  for (const gateway of started) await expect.poll(() => ready(gateway.url), { timeout: 15_000 }).toBe("ready");
  return started;
}

const sum = async (servers: readonly GatewayProcess[]): Promise<number> =>
  (await Promise.all(servers.map((server) => server.syntheses()))).reduce((total, count) => total + count, 0);
const heard = (caller: { readonly bytes: number }, bytes = 8_000) =>
  expect.poll(() => caller.bytes, { interval: 10, timeout: 10_000 }).toBeGreaterThan(bytes);

/** Nothing that a flight leaves behind stays for ever. */
async function expectNoKeyWithoutTtl({ url }: { readonly url: string }): Promise<void> {
  const raw = new Redis(url);
  try {
    const keys = (await raw.keys("tts:*")).filter((key) => /^tts:(flight|live|audio):/.test(key));
    expect(keys.length).toBeGreaterThan(0);
    for (const key of keys) expect(await raw.pttl(key), key).not.toBe(-1);
  } finally {
    raw.disconnect();
  }
}

/** What is stored, once nobody has changed it for a while. */
async function settled(redis: { readonly url: string }): Promise<Record<string, string>> {
  let stored = await storedIn(redis);
  for (let looks = 0; looks < 20; looks++) {
    await systemClock.sleep(700, new AbortController().signal);
    const now = await storedIn(redis);
    if (JSON.stringify(now) === JSON.stringify(stored)) break;
    stored = now;
  }
  return stored;
}

/** The digest of every stored entry, the time of its making included. */
async function storedIn({ url }: { readonly url: string }): Promise<Record<string, string>> {
  const raw = new Redis(url);
  try {
    const keys = await raw.keys("tts:audio:*");
    expect(keys.length).toBeGreaterThan(0);
    const entry = async (key: string) =>
      [
        key,
        createHash("sha256")
          .update((await raw.getBuffer(key))!)
          .digest("hex"),
      ] as const;
    return Object.fromEntries(await Promise.all(keys.map(entry)));
  } finally {
    raw.disconnect();
  }
}

describe("one flight across gateways", { timeout: 90_000 }, () => {
  it("one synthesis for all callers everywhere, each with the same bytes and in step with the leader", async () => {
    const redis = await redisServer();
    const servers = await gateways(3, redis);
    const callers = Array.from({ length: 30 }, (_, n) => call(servers[n % 3]!.port, { input: TEXT }));
    const mp3 = call(servers[1]!.port, { input: TEXT, response_format: "mp3" });
    for (const { audio } of callers) expect((await audio).equals(expected(TEXT))).toBe(true);
    expect((await mp3.audio).length).toBeGreaterThan(5_000);
    expect(await sum(servers)).toBe(1);
    const firsts = callers.map(({ firstByteAt }) => firstByteAt!);
    // The engine takes three seconds: nobody had to wait for the end, nor for much of it.
    expect(Math.max(...firsts) - Math.min(...firsts)).toBeLessThan(1_500);
    await expectNoKeyWithoutTtl(redis);
  });

  it.each(["kill", "freeze"] as const)(
    "a leader that is hit by %s is replaced by one of its followers",
    async (fault) => {
      const redis = await redisServer();
      const [leader, ...others] = (await gateways(3, redis)) as [GatewayProcess, ...GatewayProcess[]];
      const led = call(leader.port, { input: TEXT });
      await heard(led);
      const callers = others.flatMap(({ port }) => [call(port, { input: TEXT }), call(port, { input: TEXT })]);
      await Promise.all(callers.map((caller) => heard(caller)));
      await leader[fault]();
      for (const { audio } of callers) expect((await audio).equals(expected(TEXT))).toBe(true);
      // Within two seconds, and what was heard is made again meanwhile; the rest is the machine's noise. Without a
      // successor they would hear nothing more.
      for (const { longestGapMs } of callers) expect(longestGapMs).toBeLessThan(10_000);
      expect(await sum(others)).toBe(1);
      if (fault === "kill") await expect(led.audio).rejects.toThrow();
      else {
        const stored = await settled(redis); // two followers, both store what they heard
        leader.thaw(); // comes back as if nothing had been, and disturbs nobody
        expect((await led.audio).equals(expected(TEXT))).toBe(true);
        expect(await settled(redis)).toEqual(stored);
        const again = await call(others[0]!.port, { input: TEXT }).audio;
        expect(again.equals(expected(TEXT))).toBe(true);
        expect(await sum(others)).toBe(1);
      }
      await expectNoKeyWithoutTtl(redis);
    },
  );

  it("Redis killed or frozen under a flight: every caller gets all of it, from its own server", async () => {
    for (const fault of ["kill", "freeze"] as const) {
      const redis = await redisServer();
      const servers = await gateways(2, redis);
      const led = call(servers[0]!.port, { input: TEXT });
      await heard(led);
      const followed = call(servers[1]!.port, { input: TEXT });
      await heard(followed);
      await redis[fault]();
      const late = call(servers[1]!.port, { input: "Later." });
      for (const { audio } of [led, followed]) expect((await audio).equals(expected(TEXT))).toBe(true);
      expect((await late.audio).equals(expected("Later."))).toBe(true);
      if (fault === "freeze") redis.thaw();
      else await redis.restart();
      await expect
        .poll(
          async () => {
            const text = `Again, ${Math.random()}.`;
            const before = await sum(servers);
            await Promise.all(servers.map(({ port }) => call(port, { input: text }).audio));
            return (await sum(servers)) - before;
          },
          { timeout: 15_000, interval: 200 },
        )
        .toBe(1);
    }
  });

  it("a leader whose own callers hang up goes on for the others", async () => {
    const redis = await redisServer();
    const servers = await gateways(2, redis);
    const leave = new AbortController();
    const led = fetch(`${servers[0]!.url}/v1/audio/speech`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ model: "auto", voice: "one", input: TEXT, response_format: "pcm" }),
      signal: leave.signal,
    });
    await led;
    const follower = call(servers[1]!.port, { input: TEXT });
    await heard(follower);
    leave.abort();
    expect((await follower.audio).equals(expected(TEXT))).toBe(true);
    expect(await sum(servers)).toBe(1);
  });

  it("Cache-Control means the same between servers as within one; Cache-Status tells who waited for another", async () => {
    const redis = await redisServer();
    const servers = await gateways(2, redis, { ...slow, durationMsPerChar: 20 });
    const ask = async (at: number, cacheControl: string) => {
      const response = await fetch(`${servers[at]!.url}/v1/audio/speech`, {
        method: "POST",
        headers: { "content-type": "application/json", "cache-control": cacheControl },
        body: JSON.stringify({ model: "auto", voice: "one", input: TEXT, response_format: "pcm" }),
      });
      await response.arrayBuffer();
      return response.headers.get("cache-status");
    };
    await Promise.all([ask(0, "no-store"), ask(1, "no-store")]);
    expect(await sum(servers)).toBe(2);
    const raw = new Redis(redis.url);
    expect((await raw.keys("tts:*")).filter((key) => /^tts:(flight|live|audio):/.test(key))).toEqual([]);
    raw.disconnect();
    const statuses = await Promise.all([ask(0, ""), ask(1, "")]);
    expect(await sum(servers)).toBe(3);
    expect(statuses.filter((status) => status?.includes("collapsed"))).toHaveLength(1);
    expect(await ask(0, "")).toContain("hit");
    await ask(1, "no-cache"); // the flight that has just ended is still on the board
    expect(await sum(servers)).toBe(4);
  });
});
