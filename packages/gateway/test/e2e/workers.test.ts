import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { bytesOf, postSpeech } from "../support/gateway.ts";
import { type RedisProcess, startRedis } from "../support/redis-process.ts";

const BIN = fileURLToPath(new URL("../../bin/mynah.mjs", import.meta.url));
const WORKERS = 2;
const LIMIT = 9;

function serve(env: Record<string, string>): ChildProcess {
  return spawn(process.execPath, [BIN, "serve", "--port", "0", "--workers", String(WORKERS)], {
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
}

describe("mynah serve --workers 2", () => {
  let redis: RedisProcess;
  let server: ChildProcess;
  let url: string;
  let log = "";

  const workers = (): string[] =>
    execFileSync("ps", ["-o", "pid=", "--ppid", String(server.pid)], { encoding: "utf8" })
      .split("\n")
      .filter(Boolean);
  /** Each call is a connection of its own, and connections go to the workers in turn. */
  const say = (input: string, user?: string) =>
    postSpeech({ url }, { input, ...(user && { user }) }, { headers: { connection: "close" } });
  const until = async (condition: () => boolean | Promise<boolean>): Promise<void> => {
    while (!(await condition())) await sleep(50);
  };
  const metric = async (line: string): Promise<number> => {
    const scraped = await (await fetch(`${url}/metrics`, { headers: { connection: "close" } })).text();
    return Number(
      scraped
        .split("\n")
        .find((one) => one.startsWith(line))
        ?.split(" ")
        .at(-1),
    );
  };

  beforeAll(async () => {
    redis = await startRedis();
    server = serve({ REDIS_URL: redis.url, REDIS_TIMEOUT_MS: "5000", RATE_LIMIT_PER_MINUTE: String(LIMIT) });
    for (const stream of [server.stdout!, server.stderr!])
      stream.on("data", (chunk: Buffer) => {
        log += chunk;
      });
    await until(() => /API +http/.test(log) && log.split("Server listening").length > WORKERS);
    url = /API +(http:\S+?)\/v1/.exec(log)![1]!;
  }, 60_000);

  afterAll(async () => {
    server.kill("SIGKILL");
    await redis.stop();
  });

  it("share what was said, and count as one server", async () => {
    const first = await bytesOf(await say("Said once, heard by all.", "ann"));
    await until(async () => (await metric("mynah_store_writes_total{")) === 1);
    for (let n = 1; n < LIMIT; n++) {
      const again = await say("Said once, heard by all.", "ann");
      expect(again.headers.get("cache-status")).toBe("mynah; hit");
      expect(Buffer.compare(await bytesOf(again), first)).toBe(0);
    }
    expect((await say("Said once, heard by all.", "ann")).status).toBe(429);
    await until(async () => (await metric('mynah_requests_total{outcome="hit"}')) === LIMIT - 1);
    expect(await metric("mynah_syntheses_total{")).toBe(1);
    expect(await metric("mynah_build_info")).toBe(1);
    const stats = (await (await fetch(`${url}/v1/stats`)).json()) as {
      requests: object;
      syntheses: { started: number };
    };
    expect(stats.requests).toEqual({ delivered: LIMIT, failed: 0, refused: 1 });
    expect(stats.syntheses.started).toBe(1);
  }, 30_000);

  it("replace one that is killed, while the others answer", async () => {
    const [victim, survivor] = workers();
    process.kill(Number(victim), "SIGKILL");
    await until(() => !workers().includes(victim!)); // until then its connections are its own, and die with it
    for (let n = 0; n < 4; n++) expect((await say("Said once, heard by all.", `bob-${n}`)).status).toBe(200);
    await until(() => workers().length === WORKERS && log.includes("another one takes its place"));
    expect(workers()).toContain(survivor);
    expect(workers()).not.toContain(victim);
  }, 60_000);

  it("finish what they say on SIGTERM, then all end with 0", async () => {
    const answer = await say("A sentence that is being said. ".repeat(60), "cora");
    const children = workers();
    server.kill("SIGTERM");
    expect((await bytesOf(answer)).byteLength).toBeGreaterThan(100_000);
    const [code] = (await once(server, "exit")) as [number];
    expect(code).toBe(0);
    for (const pid of children) expect(() => process.kill(Number(pid), 0)).toThrow();
  }, 60_000);
});

it("mynah serve --workers 2 without Redis says what to write", async () => {
  const child = serve({ REDIS_URL: "" });
  const [stderr, [code]] = await Promise.all([text(child.stderr!), once(child, "exit") as Promise<[number]>]);
  expect(code).toBe(2);
  expect(stderr).toMatch(/^mynah: WORKERS=2 .* set REDIS_URL/);
}, 30_000);
