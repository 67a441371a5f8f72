import { configuredAllowances } from "../compose.ts";
import type { Config } from "../config/config.ts";
import { systemClock } from "../core/clock.ts";
import type { CallOptions } from "../core/ports.ts";
import { type Subject, unitOf } from "../core/quota.ts";
import { KeyRing } from "../identity/key-ring.ts";
import { SharedKeys } from "../identity/shared-keys.ts";
import { RedisRateLimiter } from "../limits/redis-rate-limiter.ts";
import { announceReset } from "../limits/servers.ts";
import type { RedisPort } from "../redis/redis-port.ts";
import { withRedis } from "./with-redis.ts";

export type LimitsCommandOptions = { readonly tenant?: string; readonly plan?: string; readonly json?: boolean };

/** `mynah limits show <user>`: what is left in each window. */
export async function showLimits(user: string, options: LimitsCommandOptions, config: Config): Promise<void> {
  const states = await withRedis(config, async (redis, signal) =>
    limiterOf(redis, config).peek(await subjectOf(user, options, config, redis, { signal }), { signal }),
  );
  if (options.json) {
    const windows = states.map(({ window, remaining, resetMs }) => ({
      ...window,
      unit: unitOf(window),
      remaining,
      resetMs,
    }));
    process.stdout.write(`${JSON.stringify({ user, windows }, undefined, 2)}\n`);
    return;
  }
  for (const { window, remaining, resetMs } of states) {
    const full = resetMs > 0 ? `, room again in ${Math.ceil(resetMs / 1000)} s` : "";
    process.stdout.write(`${window.name}: ${remaining} of ${window.limit} ${unitOf(window)} left${full}\n`);
  }
}

/** `mynah limits reset <user>`: on every server within seconds. */
export async function resetLimits(user: string, options: LimitsCommandOptions, config: Config): Promise<void> {
  await withRedis(config, async (redis, signal) => {
    await limiterOf(redis, config).reset(await subjectOf(user, options, config, redis, { signal }), { signal });
    await announceReset(redis, { signal });
  });
  process.stdout.write(options.json ? `${JSON.stringify({ user, reset: true })}\n` : `${user} starts anew\n`);
}

/** The limiter alone: this is no server, and must not be counted as one. */
function limiterOf(redis: RedisPort, config: Config): RedisRateLimiter {
  return new RedisRateLimiter({ redis, clock: systemClock, allowanceOf: configuredAllowances(config) });
}

/** The user as its key says, wherever that is kept. */
async function subjectOf(
  user: string,
  { tenant, plan }: LimitsCommandOptions,
  { keys }: Config,
  redis: RedisPort,
  options: CallOptions,
): Promise<Subject> {
  const ring = new KeyRing(keys);
  const shared = new SharedKeys({ redis, clock: systemClock, ring, onProblem: () => {} });
  await shared.refresh(options).finally(() => shared.close());
  const known = ring.ofUser(user);
  const within = tenant ?? (known && (known.tenant ?? user));
  const under = plan ?? known?.plan;
  return { user, ...(within !== undefined && { tenant: within }), ...(under !== undefined && { plan: under }) };
}
