import { pino } from "pino";
import type { Config } from "../config/config.ts";
import { ConfigError } from "../config/config.ts";
import { systemClock } from "../core/clock.ts";
import { createKey, hashKey, keyId } from "../identity/api-key.ts";
import { KeyRing } from "../identity/key-ring.ts";
import { SharedKeys } from "../identity/shared-keys.ts";
import { printTable } from "./print-table.ts";
import { withRedis } from "./with-redis.ts";

export type KeyOptions = {
  readonly user: string;
  readonly tenant?: string;
  readonly plan?: string;
  readonly admin?: boolean;
  readonly json?: boolean;
};

/** `mynah keys create`: into Redis if there is one, else as a line for the config file. The key is shown only now. */
export async function createApiKey({ user, tenant, plan, admin, json }: KeyOptions, config: Config): Promise<void> {
  const key = createKey();
  const hash = hashKey(key);
  const owner = { user, ...(tenant && { tenant }), ...(plan && { plan }), ...(admin && { admin }) };
  const line = Object.entries({ hash, ...owner }).map(([name, value]) => `${name}: ${JSON.stringify(value)}`);
  let kept = "config file";
  let where = `Put it under keys in mynah.config.yaml:\n  - { ${line.join(", ")} }`;
  if (config.redisUrl !== undefined && config.redisEnabled !== false) {
    await withKeys(config, (keys, _, signal) =>
      keys.create({ hash, ...owner, createdAtMs: systemClock.now() }, { signal }),
    );
    kept = "redis";
    where = `It is in Redis and holds on every server. \`mynah keys revoke ${keyId(hash)}\` ends it.`;
  }
  if (json) {
    process.stdout.write(`${JSON.stringify({ key, id: keyId(hash), hash, ...owner, keptIn: kept }, undefined, 2)}\n`);
    return;
  }
  process.stdout.write(`${key}\n`);
  process.stderr.write(`\nThis is the only time that this key is shown. ${where}\n`);
}

/** `mynah keys list`: without the keys themselves, which nobody knows. */
export async function listApiKeys({ json }: { readonly json?: boolean }, config: Config): Promise<void> {
  const ring = new KeyRing(config.keys);
  if (config.redisUrl !== undefined && config.redisEnabled !== false) {
    await withKeys(config, async (keys, shared, signal) => {
      await keys.refresh({ signal });
      ring.replaceShared(shared.list());
    });
  }
  if (json) {
    const keys = ring.list().map(({ hash: _, ...key }) => key);
    process.stdout.write(`${JSON.stringify(keys, undefined, 2)}\n`);
    return;
  }
  const rows = ring
    .list()
    .map(({ id, user, tenant, plan, admin, source }) => [
      id,
      user,
      tenant ?? user,
      plan ?? "default",
      admin ? "speech, admin" : "speech",
      source,
    ]);
  printTable(["ID", "USER", "TENANT", "PLAN", "OPENS", "KEPT IN"], rows);
}

/** `mynah keys revoke <id>`. */
export async function revokeApiKey(id: string, { json }: { readonly json?: boolean }, config: Config): Promise<void> {
  const revoked = await withKeys(config, (keys, _, signal) => keys.revoke(id, { signal }));
  if (!revoked) throw new ConfigError(`there is no key ${id} in Redis; keys of the config file are removed there`);
  process.stdout.write(
    json
      ? `${JSON.stringify({ id, revoked: true })}\n`
      : `${id} does not hold any more; servers turn it away within 15 seconds\n`,
  );
}

function withKeys<T>(
  config: Config,
  work: (keys: SharedKeys, ring: KeyRing, signal: AbortSignal) => Promise<T>,
): Promise<T> {
  return withRedis(config, async (redis, signal) => {
    const ring = new KeyRing([]);
    const log = pino({ level: "silent" });
    const keys = new SharedKeys({ redis, clock: systemClock, ring, onProblem: (problem) => log.warn(problem) });
    try {
      return await work(keys, ring, signal);
    } finally {
      keys.close();
    }
  });
}
