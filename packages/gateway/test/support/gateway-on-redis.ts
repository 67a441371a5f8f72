import { Writable } from "node:stream";
import { pino } from "pino";
import { expect } from "vitest";
import { createGateway, type Gateway, type GatewayOverrides } from "../../src/app.ts";
import type { ConfigInput } from "../../src/config/config.ts";
import { bytesOf, postSpeech } from "./gateway.ts";
import { type StandInEngine, type StandInOptions, standInEngine, toneAudio } from "./stand-in-engine.ts";
import { cleanups, client } from "./store-on-redis.ts";

type LogLine = { level: number; msg: string; redis?: string[]; reason?: string };

export type GatewayOnRedis = Gateway & {
  readonly url: string;
  readonly engine: StandInEngine;
  readonly log: readonly LogLine[];
};

/**
 * What these gateways wait for Redis, ten times the default: a busy machine misses 50 ms by chance, and then there is
 * an outage that no test has made. Whoever waits for a Redis that does not answer waits this long at least.
 */
export const REDIS_TIMEOUT_MS = 500;

/** A whole gateway on this Redis with a scripted engine and a log that can be read; closed when the test ends. */
export async function gatewayOn(
  redisUrl: string,
  config: ConfigInput = {},
  script: StandInOptions = {},
  overrides: GatewayOverrides = {},
): Promise<GatewayOnRedis> {
  const log: LogLine[] = [];
  const sink = new Writable({
    write(line, _, done) {
      log.push(JSON.parse(String(line)) as LogLine);
      done();
    },
  });
  const engine = standInEngine({ nearlyFree: true, ...script });
  const gateway = await createGateway(
    {
      redisUrl,
      rateLimitPerMinute: 0,
      rateLimitPerHour: 0,
      transcodeWorkers: 1,
      redisTimeoutMs: REDIS_TIMEOUT_MS,
      ...config,
    },
    { engines: [engine], logger: pino({ level: "info" }, sink), ...overrides },
  );
  const { url } = await gateway.listen({ port: 0 });
  let closed: Promise<void> | undefined;
  const close = (options?: { graceMs?: number }) => (closed ??= gateway.close(options));
  cleanups.push(() => close({ graceMs: 1_000 }));
  return { ...gateway, url, engine, log, close };
}

export type Said = { readonly ms: number; readonly cacheStatus: string; readonly cache: "hit" | "miss" | "stale" };

/** Speaks and listens: the answer is right, to the last byte, or the test fails here. */
export async function say(gateway: GatewayOnRedis, text: string, headers?: Record<string, string>): Promise<Said> {
  const startMs = performance.now();
  const body = { input: text, voice: "one", response_format: "pcm" };
  const response = await postSpeech(gateway, body, headers ? { headers } : {});
  const bytes = await bytesOf(response);
  const ms = performance.now() - startMs;
  expect(response.status, bytes.toString("latin1").slice(0, 300)).toBe(200);
  const asked = {
    text,
    voice: "one",
    speed: 1,
    pitch: 1,
    volume: 1,
    wanted: { name: "pcm", sampleRateHz: 24_000 },
  } as const;
  expect(Buffer.compare(bytes, toneAudio(asked, gateway.engine.script)), `audio of "${text}"`).toBe(0);
  const cacheStatus = response.headers.get("cache-status") ?? "";
  const cache = cacheStatus === "mynah; hit" ? "hit" : cacheStatus.includes("fwd=stale") ? "stale" : "miss";
  return { ms, cacheStatus, cache };
}

/** Says it once and waits until it is stored, in Redis too if that works. */
export async function keep(gateway: GatewayOnRedis, text: string): Promise<void> {
  await expect.poll(async () => (await say(gateway, text)).cache, { timeout: 10_000 }).toBe("hit");
}

/** The live copy of what was just made stays for a while and would answer too; this makes it be later. */
export async function forgetFlights(url: string): Promise<void> {
  const raw = await client(url);
  const keys = [...(await raw.keys("tts:flight:*")), ...(await raw.keys("tts:live:*"))];
  if (keys.length > 0) await raw.unlink(keys);
}

export type Ready = { status: string; parts: Record<string, { status: string; detail: string }> };

export async function ready({ url }: GatewayOnRedis): Promise<Ready> {
  const response = await fetch(`${url}/readyz`);
  expect(response.status).toBe(200);
  return (await response.json()) as Ready;
}

/** How often the log told of Redis going and coming. */
export function told({ log }: GatewayOnRedis): { downs: number; ups: number; refusals: number } {
  const count = (start: string) => log.filter(({ msg }) => msg.startsWith(start)).length;
  return { downs: count("redis is down"), ups: count("redis is up"), refusals: count("redis refuses writes") };
}

export type Outage = {
  readonly firstMs: number;
  /** How many of the others took so long that they may have waited for Redis. */
  readonly waited: number;
};

/** Speech while something is broken: what is in memory, what only Redis has, and what nobody has said yet. */
export async function speakThrough(gateway: GatewayOnRedis, rounds = 15): Promise<Outage> {
  const first = await say(gateway, "Only Redis has this.");
  const times: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const near = await say(gateway, "Memory has this.");
    expect(near.cache).toBe("hit");
    times.push(near.ms, (await say(gateway, `Never said before, ${round}, ${Math.random()}.`)).ms);
  }
  return { firstMs: first.ms, waited: times.filter((ms) => ms >= REDIS_TIMEOUT_MS).length };
}

/** A gateway whose memory holds one text, with another in Redis that it has never heard of. */
export async function warmedOn(
  redisUrl: string,
  config: ConfigInput = {},
  seedUrl = redisUrl,
): Promise<GatewayOnRedis> {
  const seed = await gatewayOn(seedUrl, config);
  await keep(seed, "Only Redis has this.");
  await seed.close();
  for (let attempt = 1; ; attempt++) {
    const gateway = await gatewayOn(redisUrl, config);
    await keep(gateway, "Memory has this.");
    // On a busy machine Redis may have been too late before anything was done to it: that is no beginning for a test.
    const { downs, refusals } = told(gateway);
    if (downs + refusals === 0) return gateway;
    expect(attempt, "starts that found Redis too late").toBeLessThan(5);
    await gateway.close();
  }
}

/** Once the fault is over, by itself: another server finds in Redis what this one says now. */
export async function expectRecovered(gateway: GatewayOnRedis, url: string, withinMs = 20_000): Promise<void> {
  await expect
    .poll(async () => (await ready(gateway)).parts.redisAudio, { timeout: withinMs, interval: 100 })
    .toEqual({ status: "ok", detail: "up" });
  const other = await gatewayOn(url);
  await expect
    .poll(
      async () => {
        const text = `After the fault, ${Math.random()}.`;
        await keep(gateway, text);
        return (await say(other, text)).cache;
      },
      { timeout: withinMs, interval: 200 },
    )
    .toBe("hit");
  expect((await ready(gateway)).status).toBe("ready");
}
