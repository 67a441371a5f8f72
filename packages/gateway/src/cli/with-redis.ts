import { type Config, ConfigError } from "../config/config.ts";
import { systemClock } from "../core/clock.ts";
import { openRedis, type RedisPort } from "../redis/redis-port.ts";

const TIMEOUT_MS = 5_000;

/** Runs `work` on the Redis that keeps limits and keys, and closes it. Throws a ConfigError when there is none or it does not answer. */
export async function withRedis<T>(
  { redisUrl, redisStateUrl, redisEnabled }: Config,
  work: (redis: RedisPort, signal: AbortSignal) => Promise<T>,
): Promise<T> {
  if (redisUrl === undefined || redisEnabled === false)
    throw new ConfigError(
      "this needs REDIS_URL: without Redis it is kept in each server's memory or in the config file",
    );
  const url = redisStateUrl ?? redisUrl;
  const name = url === redisUrl ? "REDIS_URL" : "REDIS_STATE_URL";
  const redis = openRedis({ url, clock: systemClock, readTimeoutMs: TIMEOUT_MS });
  const signal = AbortSignal.timeout(TIMEOUT_MS);
  try {
    await redis.whenUp({ signal }).catch(() => {
      throw new ConfigError(`Redis does not answer at ${name}`);
    });
    return await work(redis, signal);
  } finally {
    await redis.close();
  }
}
