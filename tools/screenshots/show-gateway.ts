import { existsSync } from "node:fs";
import { join } from "node:path";
import { createGateway, type Gateway } from "../../packages/gateway/src/app.ts";
import { freePort, type RedisProcess, startRedis } from "../../packages/gateway/test/support/redis-process.ts";

export type ShowGateway = { readonly url: string; readonly adminKey: string; close(): Promise<void> };

const ADMIN_KEY = "screenshots-admin-key-0000";
/** Where `npm test` puts what it may not depend on. */
const ESPEAK = join(import.meta.dirname, "../../.cache/optional/node_modules/@echogarden/espeak-ng-emscripten");

/**
 * A gateway worth looking at: Redis, an engine behind HTTP that costs money (another gateway), two of its own, and one that cannot be
 * reached, whose breaker opens.
 */
export async function startShowGateway(): Promise<ShowGateway> {
  const studio = await createGateway({
    ...{ engines: [{ name: "flite", type: "flite" }], redisEnabled: false },
    ...{ rateLimitPerMinute: 0, rateLimitPerHour: 0 },
  });
  const { url: studioUrl } = await studio.listen({ port: 0, host: "127.0.0.1" });
  const redis: RedisProcess = await startRedis();
  const unreachable = `http://127.0.0.1:${await freePort()}/v1`;
  const gateway: Gateway = await createGateway({
    engines: [
      { name: "studio", type: "openai-compatible", baseUrl: `${studioUrl}/v1`, costPerMillionChars: 15 },
      { name: "annex", type: "openai-compatible", baseUrl: unreachable, voices: ["harbour"], costPerMillionChars: 30 },
      { name: "flite", type: "flite" },
      ...(existsSync(ESPEAK) ? [{ name: "espeak", type: "espeak", modulePath: ESPEAK }] : []),
    ],
    voices: { alloy: { studio: "slt", flite: "slt" }, harbour: { annex: "harbour", flite: "kal" } },
    ...{ redisUrl: redis.url, adminKey: ADMIN_KEY, allowAnonymous: true },
    redisTimeoutMs: 2000, // load, browser and gateways share this machine, and the picture is not of an outage
    ...{ rateLimitPerMinute: 60, rateLimitPerHour: 0 },
  });
  const { url } = await gateway.listen({ port: 0, host: "127.0.0.1" });
  return {
    url,
    adminKey: ADMIN_KEY,
    async close() {
      await Promise.all([gateway.close({ graceMs: 500 }), studio.close({ graceMs: 500 })]);
      await redis.stop();
    },
  };
}
