import type { Redis } from "ioredis";
import type { CallOptions } from "../core/ports.ts";
import { mastersOf } from "./connect.ts";
import type { GuardedRedis } from "./guarded-redis.ts";

/**
 * The `maxmemory-policy` of a Redis, of a cluster the first that evicts: `noeviction` means that what is there stays.
 * Undefined where neither CONFIG nor INFO may be asked, as with some managed ones. Not for a request's path.
 */
export async function evictionPolicy(redis: GuardedRedis, { signal }: CallOptions): Promise<string | undefined> {
  const options = { signal, timeoutMs: redis.writeTimeoutMs };
  const policies = await redis.run((client) => Promise.all(mastersOf(client).map(policyOf)), options);
  return policies.find((policy) => policy !== undefined && policy !== "noeviction") ?? policies[0];
}

async function policyOf(master: Redis): Promise<string | undefined> {
  const asked = (await master.config("GET", "maxmemory-policy").catch(() => [])) as string[];
  if (asked[1] !== undefined) return asked[1];
  const info = await master.info("memory").catch(() => "");
  return /^maxmemory_policy:(\S+)/m.exec(info)?.[1];
}
