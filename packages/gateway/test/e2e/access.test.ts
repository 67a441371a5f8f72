import { describe, expect, it } from "vitest";
import { createGateway } from "../../src/app.ts";
import { hashKey } from "../../src/identity/api-key.ts";
import { postSpeech, runGateway } from "../support/gateway.ts";
import { startRedis } from "../support/redis-process.ts";
import { standInEngine } from "../support/stand-in-engine.ts";

const jose = await import("jose").catch(() => undefined);
if (jose === undefined) process.stdout.write("skipped: tokens, because the package jose is not installed\n");

const key = (name: string) => `${name}-key-0123456789abcdef`;
const bearer = (secret: string) => ({ headers: { authorization: `Bearer ${secret}` } });
const body = { input: "Who goes there?", voice: "one", response_format: "pcm" };
const engines = () => ({ engines: [standInEngine()] });
const jwtSecret = "a secret of more than thirty-two characters";

describe("A gateway with keys", () => {
  it("lets in who has one, in OpenAI's and in ElevenLabs' way, and nobody else", async () => {
    const gateway = await runGateway(
      {
        keys: [{ hash: hashKey(key("ann")), user: "ann", tenant: "acme", plan: "pro" }],
        plans: { pro: { requestsPerMinute: 3 } },
        rateLimitPerMinute: 1,
        adminKey: key("root"),
      },
      engines(),
    );
    expect((await postSpeech(gateway, body, bearer(key("ann")))).status).toBe(200);
    const second = await postSpeech(gateway, body, { headers: { "xi-api-key": key("ann") } });
    expect([second.status, second.headers.get("x-ratelimit-remaining-requests")]).toEqual([200, "1"]);
    const nobody = await postSpeech(gateway, body);
    expect(nobody.status).toBe(401);
    expect(await nobody.json()).toMatchObject({ error: { code: "unauthorized", type: "authentication_error" } });
    expect((await postSpeech(gateway, body, bearer("wrong"))).status).toBe(401);
    // An end user named by the caller has limits of its own, within the caller's tenant.
    const other = await postSpeech(gateway, { ...body, user: "end user" }, bearer(key("ann")));
    expect([other.status, other.headers.get("x-ratelimit-remaining-requests")]).toEqual([200, "2"]);
    expect((await fetch(`${gateway.url}/healthz`)).status).toBe(200);
    expect((await fetch(`${gateway.url}/v1/models`)).status).toBe(401);
    expect((await fetch(`${gateway.url}/%761/models`)).status).toBe(401);
    expect((await fetch(`${gateway.url}/admin/keys`, bearer(key("ann")))).status).toBe(403);
    const limits = await fetch(`${gateway.url}/admin/limits/ann`, bearer(key("root")));
    expect(await limits.json()).toMatchObject({
      user: "ann",
      tenant: "acme",
      plan: "pro",
      windows: [{ limit: 3, remaining: 1 }],
    });
  });

  it("does not listen to an address that keeps guessing, not even when it guesses right", async () => {
    const gateway = await runGateway({ keys: [{ hash: hashKey(key("ann")), user: "ann" }] }, engines());
    for (let guess = 0; guess < 20; guess++)
      expect((await postSpeech(gateway, body, bearer(`guess-${guess}`))).status).toBe(401);
    const slowed = await postSpeech(gateway, body, bearer(key("ann")));
    expect(slowed.status).toBe(429);
    expect(Number(slowed.headers.get("retry-after-ms"))).toBeGreaterThan(0);
    expect(await slowed.json()).toMatchObject({ error: { code: "too_many_failures" } });
  });

  it("slows guessing of the admin key where nobody else needs one", async () => {
    const gateway = await runGateway({ adminKey: key("root") }, engines());
    const ask = (secret: string) => fetch(`${gateway.url}/admin/keys`, bearer(secret));
    expect((await ask(key("root"))).status).toBe(200);
    const statuses = await Promise.all(
      Array.from({ length: 25 }, (_, guess) => ask(`guess-${guess}`).then(({ status }) => status)),
    );
    expect(statuses.filter((status) => status === 429).length).toBeGreaterThan(0);
  });

  it.skipIf(jose === undefined)("takes tokens that hold", async () => {
    const gateway = await runGateway({ jwtSecret, jwtIssuer: "us", jwtAudience: "mynah" }, engines());
    const token = (claims: Record<string, unknown>, issuer = "us", secret = jwtSecret) =>
      new jose!.SignJWT({ tenant: "acme", ...claims })
        .setProtectedHeader({ alg: "HS256" })
        .setSubject("ann")
        .setIssuer(issuer)
        .setAudience("mynah")
        .setExpirationTime("1m")
        .sign(new TextEncoder().encode(secret));
    expect((await postSpeech(gateway, body, bearer(await token({})))).status).toBe(200);
    expect((await postSpeech(gateway, body, bearer(await token({}, "them")))).status).toBe(401);
    expect((await postSpeech(gateway, body, bearer(await token({}, "us", "x".repeat(40))))).status).toBe(401);
    const none = `${Buffer.from('{"alg":"none"}').toString("base64url")}.${Buffer.from('{"sub":"ann","iss":"us","aud":"mynah","exp":9999999999}').toString("base64url")}.`;
    expect((await postSpeech(gateway, body, bearer(none))).status).toBe(401);
  });
});

describe("A gateway without keys", () => {
  it("speaks to anybody here, whatever key their client sends, and starts on no public address", async () => {
    const gateway = await runGateway({}, engines());
    expect((await postSpeech(gateway, body, bearer("sk-whatever"))).status).toBe(200);
    const open = await createGateway({}, engines());
    await expect(open.listen({ port: 0, host: "0.0.0.0" })).rejects.toThrow(/ALLOW_ANONYMOUS=true/);
    await open.close();
    const meant = await createGateway({ allowAnonymous: true }, engines());
    await expect(meant.listen({ port: 0, host: "0.0.0.0" })).resolves.toBeDefined();
    await meant.close({ graceMs: 0 });
  });
});

describe("Keys and limits in Redis", () => {
  it("are shared: made, used, reset and revoked on different servers", async () => {
    const redis = await startRedis();
    try {
      const config = {
        redisUrl: redis.url,
        adminKey: key("root"),
        rateLimitPerMinute: 2,
        allowAnonymous: false,
        redisTimeoutMs: 2_000,
      };
      const [one, two] = [await runGateway(config, engines()), await runGateway(config, engines())];
      for (const { speech } of [one, two]) await speech.redis!.whenUp({ signal: AbortSignal.timeout(5_000) });
      const admin = (gateway: { url: string }, path: string, method = "GET", json?: object) =>
        fetch(`${gateway.url}/admin/${path}`, {
          method,
          headers: { authorization: `Bearer ${key("root")}`, ...(json && { "content-type": "application/json" }) },
          ...(json && { body: JSON.stringify(json) }),
        });
      const made = await admin(one, "keys", "POST", { user: "ann", tenant: "acme" });
      expect(made.status).toBe(201);
      const { key: secret, id } = (await made.json()) as { key: string; id: string };
      expect((await postSpeech(one, body, bearer(secret))).status).toBe(200);
      await admin(two, "keys", "POST", { user: "bob" }); // server two knows of keys at all
      expect((await postSpeech(two, body, bearer(secret))).status).toBe(200);
      const refused = await postSpeech(one, body, bearer(secret));
      expect(refused.status).toBe(429);
      expect(refused.headers.get("ratelimit")).toMatch(/^"minute";r=0;t=\d+/);
      expect((await admin(two, "limits/ann", "DELETE")).status).toBe(204);
      // Server one hears of the reset with its next sign of life; server two knows already.
      expect((await postSpeech(two, body, bearer(secret))).status).toBe(200);
      await expect
        .poll(async () => (await postSpeech(one, body, bearer(secret))).status, { timeout: 12_000, interval: 500 })
        .toBe(200);
      const top = (await (await admin(one, "limits")).json()) as { refused: { user: string; refusals: number }[] };
      expect(top.refused[0]).toMatchObject({ user: "ann" });
      expect((await admin(one, `keys/${id}`, "DELETE")).status).toBe(204);
      expect((await postSpeech(one, body, bearer(secret))).status).toBe(401);
    } finally {
      await redis.stop();
    }
  });
});
