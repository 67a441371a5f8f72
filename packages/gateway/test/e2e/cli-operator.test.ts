import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { checkEngines } from "../../src/cli/doctor/check-engines.ts";
import { checkNeural } from "../../src/cli/doctor/check-neural.ts";
import { resolveConfig } from "../../src/config/load.ts";
import { bytesOf, postSpeech, type RunningGateway, runGateway } from "../support/gateway.ts";
import { type RedisProcess, startRedis } from "../support/redis-process.ts";
import { type StandInEngine, standInEngine } from "../support/stand-in-engine.ts";

/** The commands of an operator, each a process of its own, beside one gateway on a real Redis. */
const BIN = fileURLToPath(new URL("../../bin/mynah.mjs", import.meta.url));
const ADMIN = "admin-key-0123456789abcdef";
const EVICTING = ["--maxmemory", "64mb", "--maxmemory-policy", "allkeys-lru"];

let folder: string;
let redis: RedisProcess;
let engine: StandInEngine;
let gateway: RunningGateway;
const children = new Set<ChildProcess>();
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "mynah-operator-"));
  redis = await startRedis({ args: EVICTING });
  engine = standInEngine({ name: "first" });
  gateway = await runGateway(
    {
      ...{ redisUrl: redis.url, redisTimeoutMs: 2_000, adminKey: ADMIN, allowAnonymous: true, transcodeWorkers: 1 },
      ...{ plans: {}, rateLimitPerMinute: 20, rateLimitPerHour: 0, socketMaxPerAddress: 100 },
      engines: [{ name: "first", type: "openai-compatible", baseUrl: "http://127.0.0.1:1", costPerMillionChars: 15 }],
    },
    { engines: [engine] },
  );
});
afterAll(async () => {
  for (const child of children) child.kill("SIGKILL");
  await redis?.stop();
  rmSync(folder, { recursive: true, force: true });
});

function start(args: readonly string[], env: Record<string, string> = {}): ChildProcess {
  const settings = { PORT: new URL(gateway.url).port, ADMIN_KEY: ADMIN, REDIS_URL: redis.url, ...env };
  const child = spawn(process.execPath, [BIN, ...args], {
    cwd: folder,
    env: { ...process.env, ...settings },
    stdio: ["ignore", "pipe", "pipe"],
  });
  children.add(child);
  child.once("exit", () => children.delete(child));
  return child;
}

type Ran = { readonly code: number | null; readonly stdout: string; readonly stderr: string };

async function ended(child: ChildProcess): Promise<Ran> {
  const all = [text(child.stdout!), text(child.stderr!), once(child, "close")] as const;
  const [stdout, stderr, [code]] = await Promise.all(all);
  return { code: code as number | null, stdout, stderr };
}

const mynah = (args: readonly string[], env?: Record<string, string>): Promise<Ran> => ended(start(args, env));

async function json<Body>(args: readonly string[], env?: Record<string, string>): Promise<Body> {
  const { stdout, stderr } = await mynah([...args, "--json"], env);
  expect(stderr).not.toMatch(/^mynah:/m);
  return JSON.parse(stdout) as Body;
}

async function isKept(input: string): Promise<boolean> {
  const body = { input, voice: "one", response_format: "wav" };
  const response = await postSpeech(gateway, body, { headers: { "cache-control": "only-if-cached" } });
  await bytesOf(response);
  return response.status === 200;
}

describe("mynah warm, purge, engines, stats", () => {
  it("warms phrases, tells what it cost, and goes on where it was when it is run again", async () => {
    writeFileSync(join(folder, "phrases.txt.gz"), gzipSync("One to warm.\n\n# not this\nOne to warm. And one more.\n"));
    const args = ["warm", "phrases.txt.gz", "-v", "one", "-f", "wav", "-n", "1", "-t", "spring"];
    const first = await mynah(args);
    expect(first).toEqual({
      ...{ code: 0, stderr: "" },
      stdout: "2 of 2 phrases: 1 sentences were there, 2 made, 0 phrases failed; 25 characters, cost 0.0004\n",
    });
    const again = await json(args);
    expect(again).toMatchObject({ state: "done", done: 2, hits: 3, made: 0, failed: 0, characters: 0, cost: 0 });
    expect(await isKept("One to warm.")).toBe(true);

    const [some, unclear, stranger] = await Promise.all([
      mynah(["purge", "--tag", "spring"]),
      mynah(["purge"]),
      mynah(["purge", "--all", "-k", "wrong-key-0123456789"]),
    ]);
    expect(some).toEqual({ code: 0, stdout: "2 entries removed\n", stderr: "" });
    expect(unclear).toMatchObject({ code: 2, stderr: expect.stringMatching(/^mynah: say what to purge: --all.*\n$/) });
    expect(stranger).toMatchObject({ code: 2, stderr: expect.stringMatching(/^mynah: .*key.*\n$/) });
    expect(await isKept("One to warm.")).toBe(false);

    const [higher, styled] = await Promise.all([
      json([...args, "--pitch", "1.5", "--volume", "0.5"]),
      json([...args, "--style", "calm", "--seed", "7", "--instructions", "slowly"]),
    ]);
    expect(higher).toMatchObject({ made: 2, failed: 0 });
    expect(engine.requests.at(-1)).toMatchObject({ pitch: 1.5, volume: 1 }); // louder or softer is done here
    expect(styled).toMatchObject({ made: 0, failures: { setting_unsupported: 2 } });
  });

  it("stops warming at Ctrl-C, on the gateway too, and says how to go on", async () => {
    writeFileSync(join(folder, "slow.txt"), Array.from({ length: 50 }, (_, at) => `Slowly said, ${at}.`).join("\n"));
    engine.script.firstByteMs = 100;
    const child = start(["warm", "slow.txt", "-v", "one", "-f", "wav", "--json", "-n", "1"]);
    const before = engine.calls;
    await expect.poll(() => engine.calls, { timeout: 20_000 }).toBeGreaterThan(before + 2);
    child.kill("SIGINT");
    const { code, stdout, stderr } = await ended(child);
    engine.script.firstByteMs = 0;
    expect(code).toBe(130);
    expect(stderr).toBe("mynah: cancelled; run it again, what was made is kept\n");
    const { made, done } = JSON.parse(stdout) as { made: number; done: number };
    expect(made).toBeGreaterThan(0);
    expect(done).toBeLessThan(50);
    expect(await isKept("Slowly said, 0.")).toBe(true);
  });

  it("switches engines and shows counters, keys and limits to people and programs", async () => {
    const off = await mynah(["engines", "off", "first"]);
    expect(off).toEqual({ code: 0, stdout: "first is off\n", stderr: "" });
    const [on, nobody, stats] = await Promise.all([
      json<{ name: string; state: string }>(["engines", "on", "first"]),
      mynah(["engines", "off", "nobody"]),
      json<{ engines: { name: string }[] }>(["stats"]),
    ]);
    expect(on).toMatchObject({ name: "first", state: "closed", shared: true });
    expect(nobody).toMatchObject({ code: 2, stderr: expect.stringMatching(/^mynah: there is no engine "nobody"/) });
    expect(stats.engines.map(({ name }) => name)).toEqual(["first"]);

    const made = await json<{ key: string; id: string }>(["keys", "create", "-u", "ann"]);
    const [keys, limits] = await Promise.all([
      json<object[]>(["keys", "list"]),
      json<object>(["limits", "show", "bob"], { RATE_LIMIT_PER_HOUR: "0" }),
    ]);
    expect(keys).toEqual([expect.objectContaining({ id: made.id, user: "ann" })]);
    expect(JSON.stringify(keys)).not.toContain(made.key);
    expect(limits).toEqual({ user: "bob", windows: [expect.objectContaining({ name: "minute", remaining: 30 })] });
    expect(await json(["keys", "revoke", made.id])).toEqual({ id: made.id, revoked: true });
  });
});

describe("mynah load", () => {
  type Report = {
    sent: number;
    ok: number;
    hitRate: number;
    refused: Record<string, number>;
    errors: Record<string, number>;
    interrupted: boolean;
    seed: number;
    firstAudio: { count: number; p99Ms: number };
    overTime: { hits: number }[];
  };
  const common = ["-v", "one", "-f", "wav", "--seed", "3"];

  it("tells hits, refusals and times over HTTP and over sockets, and writes a page", async () => {
    // A try before this one may have used up their minutes.
    const headers = { authorization: `Bearer ${ADMIN}` };
    const forget = async (user: string) =>
      (await fetch(`${gateway.url}/admin/limits/${user}`, { method: "DELETE", headers })).status;
    for (let n = 0; n < 13; n++) await expect.poll(() => forget(`load-${n}`)).toBe(204);
    const long = ["-r", "150", "-d", "2"];
    const [http, socket] = await Promise.all([
      json<Report>(["load", gateway.url, ...common, ...long, "-n", "10", "--ramp", "1", "--html", "run.html"]),
      json<Report>(["load", gateway.url, ...common, ...long, "-n", "13", "--socket", "--no-html"]),
    ]);
    for (const { sent, ok, refused, errors, hitRate, firstAudio, overTime, seed } of [http, socket]) {
      const refusals = Object.values(refused).reduce((sum, count) => sum + count, 0);
      expect([errors, ok + refusals, seed]).toEqual([{}, sent, 3]);
      expect(refusals).toBeGreaterThan(0); // each user has 20 a minute
      expect(ok).toBeGreaterThan(20);
      expect(hitRate).toBeGreaterThan(0);
      expect(firstAudio.count).toBe(ok);
      expect(overTime.reduce((sum, { hits }) => sum + hits, 0)).toBeGreaterThan(0);
    }
    expect(Object.keys(http.refused)).toEqual(["rate_limit_exceeded"]);
    expect(http.sent).toBeLessThan(socket.sent); // for a second it was growing
    const page = readFileSync(join(folder, "run.html"), "utf8");
    expect(page.match(/<svg /g)).toHaveLength(4);
    expect(page).not.toContain("<script");
  }, 90_000);

  it("ends at Ctrl-C with the report so far, and counts errors by their code", async () => {
    writeFileSync(join(folder, "mixed.txt"), "Fine.\n🎉\n");
    const args = [
      "load",
      gateway.url,
      ...common,
      "-r",
      "50",
      "-d",
      "60",
      "--phrases",
      "mixed.txt",
      "--no-html",
      "--json",
    ];
    const heard = engine.calls;
    const child = start(args);
    await expect.poll(() => engine.calls, { timeout: 20_000 }).toBeGreaterThan(heard);
    setTimeout(() => child.kill("SIGINT"), 500);
    const { code, stdout } = await ended(child);
    const report = JSON.parse(stdout) as Report;
    expect([code, report.interrupted]).toEqual([0, true]);
    expect(report.errors.text_empty).toBeGreaterThan(0);
    expect(report.ok).toBeGreaterThan(0);
  });

  it("speaks to nobody but a gateway that is named", async () => {
    const other = createServer((socket) => socket.end("HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n"));
    other.listen(0, "127.0.0.1");
    await once(other, "listening");
    const { port } = other.address() as { port: number };
    const [nothing, stranger] = await Promise.all([
      mynah(["load", "http://127.0.0.1:9"]),
      mynah(["load", `http://127.0.0.1:${port}`]),
    ]);
    other.close();
    expect(nothing).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/^mynah: nothing answers at .*; start the gateway/),
    });
    expect(stranger).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/^mynah: what answers at .* is no Mynah gateway/),
    });
  });
});

/** On a busy machine it may be called slow. */
const ANSWERS = /^version \d+\.\S+, answers in/;

describe("mynah doctor", () => {
  type Diagnosis = { status: string; checks: { name: string; status: string; detail: string; advice?: string }[] };

  it("finds what is wrong without Redis, with a broken one, and with one that evicts, and says what to do", async () => {
    const taken = createServer().listen(0, "127.0.0.1");
    const frozen = createServer(() => {}).listen(0, "127.0.0.1"); // accepts, never answers
    await Promise.all([once(taken, "listening"), once(frozen, "listening")]);
    const portOf = (server: typeof taken) => (server.address() as { port: number }).port;
    const quick = ["doctor", "--skip", "engines,codecs"];
    const [without, broken, silent, evicting, table] = await Promise.all([
      json<Diagnosis>(["doctor"], { REDIS_ENABLED: "false" }),
      json<Diagnosis>(quick, { REDIS_URL: "redis://127.0.0.1:1", PORT: String(portOf(taken)), REDIS_URI: "typo" }),
      json<Diagnosis>(quick, {
        REDIS_URL: redis.url,
        REDIS_STATE_URL: `redis://127.0.0.1:${portOf(frozen)}`,
        PORT: "0",
      }),
      json<Diagnosis>(quick),
      mynah(quick, { COMPRESSION_LEVEL: "many" }),
    ]);
    taken.close();
    frozen.close();
    const found = ({ checks }: Diagnosis, name: string) => checks.find((check) => check.name === name);

    expect(found(without, "redis")).toMatchObject({ status: "off" });
    expect(found(without, "engine flite")).toMatchObject({
      status: "ok",
      detail: expect.stringMatching(/^said a word as slt/),
    });
    expect(found(without, "neural voices")).toMatchObject({
      status: "off",
      advice: expect.stringMatching(
        /^Download vits-piper\S+ from https:.* unpack it to .*`npm install sherpa-onnx-node`/,
      ),
    });
    expect(found(without, "codecs")).toMatchObject({ status: "ok" });
    expect(found(without, "node")).toMatchObject({ status: "ok" });

    expect(broken.status).toBe("fail");
    expect(found(broken, "redis (audio and state)")).toMatchObject({
      ...{ status: "fail", detail: expect.stringContaining("ECONNREFUSED") },
      advice: "Start Redis there, or correct the address in REDIS_URL.",
    });
    expect(found(broken, "port")).toMatchObject({
      status: "fail",
      detail: expect.stringContaining("taken by something else"),
    });
    expect(found(broken, "config")).toMatchObject({ status: "warn", detail: expect.stringContaining("REDIS_URL?") });

    expect(found(silent, "redis (audio)")?.detail).toMatch(ANSWERS);
    expect(found(silent, "redis (audio) memory")).toMatchObject({
      status: "ok",
      detail: "maxmemory 64 MiB, allkeys-lru",
    });
    expect(found(silent, "redis (state)")).toMatchObject({
      status: "fail",
      advice: expect.stringContaining("does not answer in time"),
    });

    expect(evicting.status).toBe("warn");
    expect(found(evicting, "redis (audio and state)")?.detail).toMatch(ANSWERS);
    expect(found(evicting, "redis (audio and state) memory")).toMatchObject({
      ...{ status: "warn", advice: expect.stringContaining("REDIS_STATE_URL") },
    });
    expect(found(evicting, "port")).toMatchObject({
      status: "ok",
      detail: expect.stringContaining("a gateway is running"),
    });

    expect(table.code).toBe(1);
    expect(table.stdout).toMatch(/^FAIL {2}config +COMPRESSION_LEVEL must be/m);
    expect(table.stdout).toMatch(/^What to do:\n {2}FAIL {2}config: Correct it/m);
  }, 60_000);

  it("tries the other engines when one cannot even be opened", async () => {
    const missing = {
      name: "missing",
      type: "command",
      command: "no-such-program-anywhere",
      format: "wav",
      sampleRateHz: 22_050,
    };
    const engines = [missing, { name: "flite", type: "flite" }];
    expect(await checkEngines(resolveConfig({ engines }))).toEqual([
      expect.objectContaining({
        ...{ name: "engine missing", status: "fail" },
        detail: expect.stringContaining('there is no program "no-such-program-anywhere"'),
      }),
      expect.objectContaining({ name: "engine flite", status: "ok" }),
    ]);
  });

  it("says which model to download where, if one is configured that is not there", () => {
    const entry = { name: "amy", type: "neural", model: "/nowhere/models/vits-piper-en_US-amy-low" };
    expect(checkNeural({ engines: [entry] })).toEqual([
      {
        ...{ name: "neural model amy", status: "fail" },
        detail: expect.stringContaining("there is no folder /nowhere/models/vits-piper-en_US-amy-low"),
        advice: expect.stringMatching(/^Download vits-piper-en_US-amy-low\.tar\.bz2.* unpack it in \/nowhere\/models;/),
      },
    ]);
  });
});
