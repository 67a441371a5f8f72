import { configuredAllowances } from "../compose.ts";
import type { Config } from "../config/config.ts";
import { systemClock } from "../core/clock.ts";
import { type Subject, unitOf } from "../core/quota.ts";
import { RedisRateLimiter } from "../limits/redis-rate-limiter.ts";
import { announceReset } from "../limits/servers.ts";
import type { RedisPort } from "../redis/redis-port.ts";
import { withRedis } from "./with-redis.ts";

export type LimitsCommandOptions = { readonly tenant?: string; readonly plan?: string };

/** `mynah limits show <user>`: what is left in each window. */
export async function showLimits(user: string, options: LimitsCommandOptions, config: Config): Promise<void> {
  const states = await withLimits(config, (limits, _, signal) =>
    limits.peek(subjectOf(user, options, config), { signal }),
  );
  for (const { window, remaining, resetMs } of states) {
    const full = resetMs > 0 ? `, room again in ${Math.ceil(resetMs / 1000)} s` : "";
    process.stdout.write(`${window.name}: ${remaining} of ${window.limit} ${unitOf(window)} left${full}\n`);
  }
}

/** `mynah limits reset <user>`: on every server within seconds. */
export async function resetLimits(user: string, options: LimitsCommandOptions, config: Config): Promise<void> {
  await withLimits(config, async (limits, redis, signal) => {
    await limits.reset(subjectOf(user, options, config), { signal });
    await announceReset(redis, { signal });
  });
  process.stdout.write(`${user} starts anew\n`);
}

function subjectOf(user: string, { tenant, plan }: LimitsCommandOptions, { keys }: Config): Subject {
  const known = keys.find((key) => key.user === user);
  const within = tenant ?? (known && (known.tenant ?? user));
  const under = plan ?? known?.plan;
  return { user, ...(within !== undefined && { tenant: within }), ...(under !== undefined && { plan: under }) };
}

/** The limiter alone: this is no server, and must not be counted as one. */
function withLimits<T>(
  config: Config,
  work: (limits: RedisRateLimiter, redis: RedisPort, signal: AbortSignal) => Promise<T>,
): Promise<T> {
  return withRedis(config, (redis, signal) => {
    const allowanceOf = configuredAllowances(config);
    return work(new RedisRateLimiter({ redis, clock: systemClock, allowanceOf }), redis, signal);
  });
}
