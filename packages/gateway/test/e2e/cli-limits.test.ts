import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { hashKey } from "../../src/identity/api-key.ts";
import { startGatewayProcess } from "../support/gateway-process.ts";
import { type RedisProcess, startRedis } from "../support/redis-process.ts";

/** `mynah limits` as an operator uses it: beside gateways in processes of their own, on a real Redis. */
const BIN = fileURLToPath(new URL("../../bin/mynah.mjs", import.meta.url));
const run = promisify(execFile);
const CONFIG_KEY = "key-of-cy-0123456789abcdef";
const settings = {
  keys: [{ hash: hashKey(CONFIG_KEY), user: "cy" }],
  plans: { pro: { requestsPerMinute: 5, charactersPerHour: 1_000 } },
  tenants: { acme: { requestsPerHour: 40 } },
};

let folder: string;
let redis: RedisProcess;
const ends: (() => Promise<unknown>)[] = [];
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "mynah-limits-"));
  writeFileSync(join(folder, "mynah.config.yaml"), JSON.stringify(settings)); // JSON is YAML
  redis = await startRedis();
});
afterAll(async () => {
  for (const end of ends.reverse()) await end();
  await redis?.stop();
  rmSync(folder, { recursive: true, force: true });
});

async function mynah(args: readonly string[], url = redis.url): Promise<string> {
  const env = { ...process.env, REDIS_URL: url };
  return (await run(process.execPath, [BIN, ...args], { cwd: folder, env })).stdout;
}

async function failing(args: readonly string[], url: string): Promise<{ code: number; stderr: string }> {
  return mynah(args, url).then(
    () => Promise.reject(new Error("it succeeded")),
    ({ code, stderr }: { code: number; stderr: string }) => ({ code, stderr }),
  );
}

describe("mynah limits", () => {
  it("shows and resets what a user has left under the tenant and plan of the user's key, wherever that is kept", async () => {
    const key = (await mynah(["keys", "create", "-u", "ann", "-t", "acme", "-p", "pro"])).trim();
    const gateway = async () => {
      const limits = { rateLimitPerMinute: 30, rateLimitPerHour: 500 };
      const started = await startGatewayProcess({ redisUrl: redis.url, redisTimeoutMs: 2_000, ...limits, ...settings });
      ends.push(() => started.stop());
      return started;
    };
    const [one, two] = [await gateway(), await gateway()];
    const speak = async ({ url }: { url: string }, secret: string): Promise<number> => {
      const response = await fetch(`${url}/v1/audio/speech`, {
        method: "POST",
        headers: { "content-type": "application/json", authorization: `Bearer ${secret}` },
        body: JSON.stringify({ model: "auto", voice: "one", input: "How much is left?", response_format: "pcm" }),
      });
      await response.arrayBuffer();
      return response.status;
    };
    expect(await mynah(["limits", "show", "ann"])).toBe(
      [
        "minute: 5 of 5 requests left",
        "hour: 500 of 500 requests left",
        "characters-hour: 1000 of 1000 characters left",
        "tenant-hour: 40 of 40 requests left",
        "",
      ].join("\n"),
    );
    // A gateway hears of a new key within seconds.
    await expect.poll(() => speak(one, key), { timeout: 15_000 }).toBe(200);
    await expect.poll(() => speak(two, key), { timeout: 15_000 }).toBe(200);
    for (let n = 0; n < 3; n++) expect(await speak(one, key)).toBe(200);
    expect([await speak(one, key), await speak(two, key)]).toEqual([429, 429]);
    const shown = await mynah(["limits", "show", "ann"]);
    expect(shown).toMatch(/^minute: 0 of 5 requests left, room again in \d+ s\n/);
    expect(shown).toContain("tenant-hour: 35 of 40 requests left");
    // Only what an engine said counts: the sentence was said once, and stored.
    expect(shown).toContain("characters-hour: 983 of 1000 characters left");
    expect(await mynah(["limits", "show", "ann", "-t", "other"])).toContain("minute: 5 of 5 requests left");

    expect(await mynah(["limits", "reset", "ann"])).toBe("ann starts anew\n");
    expect(await mynah(["limits", "show", "ann"])).toMatch(
      /^minute: 5 of 5 requests left\nhour: 500 of 500 .*\ncharacters-hour: 1000 of 1000 .*\ntenant-hour: 35 of 40/,
    );
    // Both had remembered the refusal; a reset reaches them within seconds.
    for (const server of [one, two]) await expect.poll(() => speak(server, key), { timeout: 15_000 }).toBe(200);

    expect(await speak(one, CONFIG_KEY)).toBe(200);
    expect(await mynah(["limits", "show", "cy"])).toMatch(/^minute: 29 of 30 requests left\nhour: 499 of 500/);
  }, 60_000);

  it("says what to do when there is no Redis", async () => {
    const { code, stderr } = await failing(["limits", "show", "ann"], "redis://127.0.0.1:1");
    expect({ code, stderr }).toEqual({ code: 2, stderr: "mynah: Redis does not answer at REDIS_URL\n" });
    const without = await run(process.execPath, [BIN, "limits", "reset", "ann"], {
      cwd: folder,
      env: { ...process.env, REDIS_ENABLED: "false" },
    }).catch(({ stderr: said }: { stderr: string }) => said);
    expect(without).toMatch(/^mynah: this needs REDIS_URL/);
  }, 30_000);
});
