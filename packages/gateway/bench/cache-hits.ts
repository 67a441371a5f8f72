/**
 * Cached answers of three sizes at three concurrencies, on one core: mynah from memory and from Redis, with and without limits, beside
 * bare node:http, a cache as people write it (Fastify and Redis), nginx serving a file and nginx with its proxy cache. In turn within
 * one run, every body compared. BENCH_CHARS names other sizes, in characters of text.
 */
import { startRedis } from "../test/support/redis-process.ts";
import { type Child, startChild } from "./support/child.ts";
import { type LoadOptions, load } from "./support/load.ts";
import { type Nginx, startNginx } from "./support/nginx.ts";
import { fixed, median, table } from "./support/report.ts";

const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 3);
const SECONDS = Number(process.env.BENCH_SECONDS ?? 0.7);
const WARM_UP_SECONDS = Number(process.env.BENCH_WARM_UP_SECONDS ?? 2);
const CONNECTIONS = [1, 64, 512];
/** The scripted engine speaks 20 ms a character, 120 bytes of MP3 at 48 kbit/s. */
const SIZES = (process.env.BENCH_CHARS ?? "50,170,1700").split(",").map(Number);
/** A sentence of 170 characters. The first two sizes are one sentence each, the third is ten. */
const WORDS =
  "This is one sentence of the length that people hear when a machine tells them what was found, what it costs and when it is there, and asks whether all of it is all right. ";
/** The first asks store what is asked; one more would be a hit. */
const WARM_UP_ASKS = 100;
const PATH = "/v1/audio/speech";

type Contender = {
  readonly name: string;
  readonly ask: Pick<LoadOptions, "port" | "path" | "body" | "expected">;
  readonly cpuMs?: () => Promise<number>;
};
type Sample = { readonly perSecond: number; readonly p50Ms: number; readonly p99Ms: number; readonly cpuUs: number };
type Figures = {
  readonly name: string;
  readonly bytes: number;
  readonly connections: number;
  errors: number;
  readonly samples: Sample[];
};

const redis = await startRedis();
const all: Figures[] = [];
const bare = (bytes: number) =>
  startChild(new URL("support/bare-server.ts", import.meta.url), { BENCH_BYTES: String(bytes) });
for (const chars of SIZES) await measureSize(WORDS.repeat(Math.ceil(chars / WORDS.length)).slice(0, chars));
await redis.stop();
process.stdout.write(
  `\nCached answers on one core, ${ROUNDS} × ${SECONDS} s each in turn; medians, and the spread of the rate\n\n`,
);
process.stdout.write(
  table(
    ["server", "bytes", "connections", "req/s", "least–most", "of bare", "CPU µs/req", "p50 ms", "p99 ms", "errors"],
    all.map(row),
  ),
);

async function measureSize(input: string): Promise<void> {
  const body = JSON.stringify({ model: "auto", voice: "one", input, response_format: "mp3" });
  const limits = { rateLimitPerMinute: 100_000_000, rateLimitPerHour: 1_000_000_000 };
  const none = { rateLimitPerMinute: 0, rateLimitPerHour: 0 };
  const shared = { redisUrl: redis.url, redisTimeoutMs: 2_000 };
  const configs: Record<string, object> = {
    "mynah, memory": none,
    "mynah, memory, limits in memory": limits,
    "mynah, memory, limits in Redis": { ...limits, ...shared },
    "mynah, Redis": { ...none, ...shared, cacheMemoryMaxBytes: 0 },
    "mynah, Redis, limits in Redis": { ...limits, ...shared, cacheMemoryMaxBytes: 0 },
  };
  const children: Child[] = [];
  const contenders: Contender[] = [];
  let bytes = 0;
  const add = (name: string, child: Child, expected: Buffer): void => {
    children.push(child);
    contenders.push({
      name,
      ask: { port: child.port, path: PATH, body, expected },
      cpuMs: async () => (await child.usage()).cpuMs,
    });
  };
  for (const [name, config] of Object.entries(configs)) {
    const child = await startChild(new URL("support/bench-gateway.ts", import.meta.url), {
      BENCH_ENGINE: "{}",
      BENCH_CONFIG: JSON.stringify(config),
    });
    const expected = await warm(child.port, body);
    bytes = expected.byteLength;
    add(name, child, expected);
  }
  const filler = Buffer.alloc(bytes, 7);
  add("bare node:http", await bare(bytes), filler);
  const byHand = new URL("support/fastify-redis-cache.ts", import.meta.url);
  add(
    "Fastify + Redis by hand",
    await startChild(byHand, { BENCH_BYTES: String(bytes), BENCH_REDIS: redis.url }, { plain: true }),
    filler,
  );
  const servers: Nginx[] = [];
  for (const [name, cached] of [
    ["nginx, a file", false],
    ["nginx proxy_cache", true],
  ] as const) {
    const nginx = await startNginx(bytes, cached);
    if (nginx === undefined) process.stdout.write(`${name}: nginx is not installed here, left out\n`);
    else {
      servers.push(nginx);
      contenders.push({ name, ask: { port: nginx.port, path: "/audio", expected: filler } });
    }
  }
  await measure(contenders, bytes);
  for (const child of children) await child.stop();
  for (const nginx of servers) nginx.stop();
}

async function measure(contenders: readonly Contender[], bytes: number): Promise<void> {
  for (const { ask } of contenders) await load({ ...ask, connections: 64, seconds: WARM_UP_SECONDS });
  for (const connections of CONNECTIONS) {
    const figures = contenders.map(({ name }): Figures => ({ name, bytes, connections, errors: 0, samples: [] }));
    for (let round = 0; round < ROUNDS; round++)
      for (const [at, { ask, cpuMs }] of contenders.entries()) {
        const before = (await cpuMs?.()) ?? Number.NaN;
        const { requests, errors, ...times } = await load({ ...ask, connections, seconds: SECONDS });
        const cpuUs = (((await cpuMs?.()) ?? Number.NaN) - before) * (1000 / requests);
        figures[at]!.errors += errors;
        figures[at]!.samples.push({ ...times, cpuUs });
      }
    process.stderr.write(`${bytes} bytes, ${connections} connections: measured\n`);
    all.push(...figures);
  }
}

function row({ name, bytes, connections, errors, samples }: Figures): (string | number)[] {
  const of = (what: keyof Sample): number => median(samples.map((sample) => sample[what]));
  const rates = samples.map(({ perSecond }) => perSecond);
  const base = all.find(
    (one) => one.name === "bare node:http" && one.bytes === bytes && one.connections === connections,
  )!;
  const share = of("perSecond") / median(base.samples.map(({ perSecond }) => perSecond));
  const cpu = of("cpuUs");
  return [
    ...[
      name,
      bytes,
      connections,
      fixed(of("perSecond"), 0),
      `${fixed(Math.min(...rates), 0)}–${fixed(Math.max(...rates), 0)}`,
    ],
    ...[
      `${fixed(100 * share, 0)} %`,
      Number.isNaN(cpu) ? "" : fixed(cpu),
      fixed(of("p50Ms"), 2),
      fixed(of("p99Ms"), 2),
      errors,
    ],
  ];
}

/** Asks until the answer comes from the cache. */
async function warm(port: number, body: string): Promise<Buffer> {
  for (let asks = 0; asks < WARM_UP_ASKS; asks++) {
    const headers = { "content-type": "application/json" };
    const response = await fetch(`http://127.0.0.1:${port}${PATH}`, { method: "POST", headers, body });
    const bytes = Buffer.from(await response.arrayBuffer());
    if (response.headers.get("cache-status") === "mynah; hit") return bytes;
  }
  throw new Error(`the answer to ${body.length} bytes is still none from the cache`);
}
