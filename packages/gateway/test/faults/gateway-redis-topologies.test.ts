import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import {
  expectRecovered,
  type GatewayOnRedis,
  gatewayOn,
  keep,
  REDIS_TIMEOUT_MS,
  ready,
  say,
  told,
  warmedOn,
} from "../support/gateway-on-redis.ts";
import { freePort } from "../support/redis-process.ts";
import { migrateSlot, startCluster, startSentinels } from "../support/redis-topologies.ts";
import { cleanups, client, redisServer } from "../support/store-on-redis.ts";

/** Seconds if all goes well; on a busy machine an election may have to be repeated. */
const ELECTED_MS = 50_000;

/**
 * Speech goes on whatever moves behind the address; elections take their seconds. Whoever asks a server that is just
 * being lost waits a deadline or two; most do not wait at all.
 */
function expectUndisturbed(times: readonly number[]): void {
  const sorted = times.toSorted((a, b) => a - b);
  expect(sorted[sorted.length >> 1]).toBeLessThan(REDIS_TIMEOUT_MS);
  expect(sorted.at(-1)).toBeLessThan(5_000);
}

/** A new server that has found Redis. */
async function readyOn(url: string): Promise<GatewayOnRedis> {
  const gateway = await gatewayOn(url);
  await expect.poll(async () => (await ready(gateway)).status, { timeout: 20_000 }).toBe("ready");
  return gateway;
}

describe("the gateway on Sentinel (1 + 1 + 3)", () => {
  it("follows the master to the replica that takes over, with what was stored", async () => {
    const { url, master, replica } = await startSentinels();
    const gateway = await warmedOn(url);
    const [before, after] = [await client(master.url), await client(replica.url)];
    before.on("error", () => {});
    const stored = await before.keys("tts:audio:*");
    expect(stored).toHaveLength(2);
    await expect.poll(() => after.exists(stored)).toBe(2);
    await master.kill();
    const times: number[] = [];
    const endMs = performance.now() + 1_500;
    for (let round = 0; performance.now() < endMs; round++) {
      times.push(
        (await say(gateway, "Memory has this.")).ms,
        (await say(gateway, `During the failover, ${round}.`)).ms,
      );
    }
    expectUndisturbed(times);
    await expectRecovered(gateway, url, ELECTED_MS);
    expect(await after.exists(stored)).toBe(2);
    const { downs, ups } = told(gateway);
    expect(ups).toBe(downs + 1);
  }, 120_000);
});

describe("the gateway on a cluster (3 + 3)", () => {
  it("speaks while slots move and while a master is lost, and finds everything again", async () => {
    const { url, masters } = await startCluster();
    const gateway = await warmedOn(url);
    const [one, two, three] = masters;
    const texts = Array.from({ length: 24 }, (_, index) => `Spread over the slots, number ${index}.`);
    for (const text of texts) await keep(gateway, text);

    // Every slot with audio on the first master moves to the second, under way and afterwards a hit for a new server.
    const names = await one!.raw.keys("tts:audio:*");
    expect(names.length).toBeGreaterThan(0);
    let moved = 0;
    for (const name of names) {
      moved += await migrateSlot(await one!.raw.cluster("KEYSLOT", name), one!, two!);
      await say(gateway, "Memory has this.");
    }
    expect(moved).toBeGreaterThanOrEqual(names.length);
    const other = await readyOn(url);
    for (const text of texts) expect([text, (await say(other, text)).cache]).toEqual([text, "hit"]);
    expect(told(gateway).downs).toBe(0);

    await three!.kill();
    const times: number[] = [];
    const endMs = performance.now() + 2_000;
    for (let round = 0; performance.now() < endMs; round++) {
      times.push((await say(gateway, "Memory has this.")).ms, (await say(gateway, `While it is gone, ${round}.`)).ms);
    }
    expectUndisturbed(times);
    await expectRecovered(gateway, url, ELECTED_MS); // its replica has taken over
    const third = await readyOn(url);
    for (const text of texts) expect([text, (await say(third, text)).cache]).toEqual([text, "hit"]);
    await expect.poll(async () => (await ready(gateway)).status).toBe("ready");
  }, 150_000);
});

describe("the gateway on rediss://", () => {
  it("speaks TLS, and does not speak to a server whose certificate nobody vouches for", async ({ skip }) => {
    const folder = mkdtempSync(join(tmpdir(), "mynah-tls-"));
    cleanups.push(async () => rmSync(folder, { recursive: true, force: true }));
    const [key, cert] = [join(folder, "key.pem"), join(folder, "cert.pem")];
    const subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"];
    try {
      const how = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"];
      execFileSync("openssl", [...how, "-keyout", key, "-out", cert, ...subject], { stdio: "ignore" });
    } catch {
      return skip("openssl is missing: no certificate can be made");
    }
    const tlsPort = await freePort();
    const tls = ["--tls-cert-file", cert, "--tls-key-file", key, "--tls-auth-clients", "no"];
    const server = await redisServer(["--tls-port", String(tlsPort), ...tls]).catch(() => undefined);
    if (server === undefined) return skip("this redis-server is built without TLS");
    const stranger = await gatewayOn(`rediss://localhost:${tlsPort}`);
    await keep(stranger, "Not to be trusted.");
    expect((await ready(stranger)).parts.redisAudio!.status).toBe("degraded");
    expect(stranger.log.find(({ msg }) => msg.startsWith("redis is down"))?.reason).toMatch(/certificate|self/i);
    expect(await (await client(server.url)).keys("tts:audio:*")).toEqual([]);

    const trusted = await sayInChild({ url: `rediss://localhost:${tlsPort}`, extraCa: cert });
    expect(trusted).toMatch(/redis is up/);
  }, 60_000);
});

/** NODE_EXTRA_CA_CERTS is read when a process starts, so a private authority needs one of its own. */
async function sayInChild({ url, extraCa }: { url: string; extraCa: string }): Promise<string> {
  const main = new URL("../../src/cli/main.ts", import.meta.url).pathname;
  const env = { ...process.env, REDIS_URL: url, NODE_EXTRA_CA_CERTS: extraCa, PORT: "0", LOG_LEVEL: "info" };
  const child = spawn(process.execPath, [main, "serve"], { env, stdio: ["ignore", "pipe", "pipe"] });
  cleanups.push(async () => void child.kill("SIGKILL"));
  let out = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (data: Buffer) => {
      out += data.toString();
    });
  }
  await expect.poll(() => out, { timeout: 30_000 }).toContain("is speaking");
  return out;
}
