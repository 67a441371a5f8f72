import { type Config, ConfigError } from "../config/config.ts";
import { systemClock } from "../core/clock.ts";
import { openRedis, type RedisPort } from "../redis/redis-port.ts";

const TIMEOUT_MS = 5_000;

/** Runs `work` on the configured Redis and closes it. Throws a ConfigError when there is none or it does not answer. */
export async function withRedis<T>(
  { redisUrl, redisEnabled }: Config,
  work: (redis: RedisPort, signal: AbortSignal) => Promise<T>,
): Promise<T> {
  if (redisUrl === undefined || redisEnabled === false)
    throw new ConfigError(
      "this needs REDIS_URL: without Redis it is kept in each server's memory or in the config file",
    );
  const redis = openRedis({ url: redisUrl, clock: systemClock, readTimeoutMs: TIMEOUT_MS });
  const signal = AbortSignal.timeout(TIMEOUT_MS);
  try {
    await redis.whenUp({ signal }).catch(() => {
      throw new ConfigError("Redis does not answer at REDIS_URL");
    });
    return await work(redis, signal);
  } finally {
    await redis.close();
  }
}
