/**
 * A hit of 20 KB from Redis through the gateway, its memory tier off, beside the bare client: one GET at a time, and a
 * node:http server that does one GET per request. In turn, in one run, each server in a process of its own.
 */
import { Redis } from "ioredis";
import { startRedis } from "../test/support/redis-process.ts";
import { type Child, startChild } from "./support/child.ts";
import { type LoadResult, load } from "./support/load.ts";
import { fixed, median, table } from "./support/report.ts";

const ROUNDS = 3;
const SECONDS = Number(process.env.BENCH_SECONDS ?? 2);
const CONNECTIONS = [1, 64];
const input = `This sentence is as long as it needs to be, ${"word ".repeat(25).trim()}`;
const body = JSON.stringify({ model: "auto", voice: "one", input, response_format: "mp3", speed: 1 });

const server = await startRedis();
const redis = new Redis(server.url);
const gatewayOf = (config: object): Promise<Child> =>
  startChild(new URL("support/bench-gateway.ts", import.meta.url), {
    BENCH_ENGINE: "{}",
    BENCH_CONFIG: JSON.stringify({ redisUrl: server.url, cacheMemoryMaxBytes: 0, redisTimeoutMs: 2_000, ...config }),
  });
const gateway = await gatewayOf({});
const expected = await warm(gateway.port);
const plain = await gatewayOf({ cacheGraceSeconds: 0, redisUrl: `${server.url}/1` });
await warm(plain.port);
const key = "bench:bare";
await redis.set(key, expected);
const bare = await startChild(new URL("support/bare-redis-server.ts", import.meta.url), {
  BENCH_REDIS: server.url,
  BENCH_KEY: key,
});

const getMs: number[] = [];
const servers: Record<string, Child> = {
  "node:http and one GET": bare,
  "mynah, hit in Redis": gateway,
  "mynah, CACHE_GRACE=0": plain,
};
type Sample = LoadResult & { cpuUs: number };
const samples = new Map<string, Sample[]>();
for (let round = 0; round < ROUNDS; round++) {
  getMs.push(await bareGetMs());
  for (const connections of CONNECTIONS)
    for (const [name, child] of Object.entries(servers)) {
      const before = await child.usage();
      const result = await load({
        port: child.port,
        path: "/v1/audio/speech",
        body,
        connections,
        seconds: SECONDS,
        expected,
      });
      const after = await child.usage();
      const cpuUs = ((after.cpuMs - before.cpuMs) * 1000) / result.requests;
      const id = `${connections} ${name}`;
      samples.set(id, [...(samples.get(id) ?? []), { ...result, cpuUs }]);
    }
}
await Promise.all([gateway.stop(), plain.stop(), bare.stop()]);
redis.disconnect();
await server.stop();

const mid = (of: (sample: Sample) => number, id: string): number => median(samples.get(id)!.map(of));
const rows = CONNECTIONS.flatMap((connections) => {
  const base = `${connections} node:http and one GET`;
  return Object.keys(servers).map((name) => {
    const id = `${connections} ${name}`;
    const p50 = mid(({ p50Ms }) => p50Ms, id);
    const perSecond = mid((sample) => sample.perSecond, id);
    return [
      name,
      connections,
      fixed(perSecond, 0),
      `${fixed((100 * perSecond) / mid((sample) => sample.perSecond, base), 0)} %`,
      fixed(mid(({ cpuUs }) => cpuUs, id)),
      fixed(p50, 3),
      fixed(
        mid(({ p99Ms }) => p99Ms, id),
        2,
      ),
      fixed(p50 - mid(({ p50Ms }) => p50Ms, base), 3),
      connections === 1 ? fixed(p50 - median(getMs), 3) : "",
      samples.get(id)!.reduce((sum, { errors }) => sum + errors, 0),
    ];
  });
});
process.stdout.write(
  `\nHit of ${expected.length} bytes in Redis, memory tier off, ${ROUNDS} × ${SECONDS} s each, medians. ` +
    `Bare client, one GET at a time: ${fixed(median(getMs), 3)} ms\n\n`,
);
process.stdout.write(
  table(
    [
      "server",
      "connections",
      "req/s",
      "of node:http + GET",
      "CPU µs/req",
      "p50 ms",
      "p99 ms",
      "p50 − node:http + GET, ms",
      "p50 − bare GET, ms",
      "errors",
    ],
    rows,
  ),
);

/** Median of one GET after the other through the bare client in this process. */
async function bareGetMs(): Promise<number> {
  const times: number[] = [];
  const until = performance.now() + 500 * Math.min(2, SECONDS);
  while (performance.now() < until) {
    const startedAt = performance.now();
    await redis.getBuffer(key);
    times.push(performance.now() - startedAt);
  }
  return median(times);
}

/** Asks until the answer comes from Redis. */
async function warm(port: number): Promise<Buffer> {
  for (;;) {
    const response = await fetch(`http://127.0.0.1:${port}/v1/audio/speech`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body,
    });
    const bytes = Buffer.from(await response.arrayBuffer());
    if (response.headers.get("cache-status") === "mynah; hit") return bytes;
  }
}
