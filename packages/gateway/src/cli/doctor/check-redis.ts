import type { Config } from "../../config/config.ts";
import { systemClock } from "../../core/clock.ts";
import { mastersOf } from "../../redis/connect.ts";
import { evictionPolicy } from "../../redis/eviction-policy.ts";
import { GuardedRedis } from "../../redis/guarded-redis.ts";
import { type Check, fail, off, ok, warn } from "./check.ts";

const ANSWER_WITHIN_MS = 5_000;
const PROBE_KEY = "tts:doctor";
const PROBE_LIFE_MS = 1_000;
const OLDEST_MAJOR = 6;
const SLOW_MS = 10;

type Role = "audio" | "state" | "audio and state";

/** Redis in each of its roles: whether it answers, takes writes, and keeps what must be kept. */
export async function checkRedis({ redisUrl, redisStateUrl, redisEnabled }: Config): Promise<Check[]> {
  if (redisEnabled === false)
    return [off("redis", "REDIS_ENABLED=false", "Remove it to share the cache between servers.")];
  if (redisUrl === undefined) {
    const advice = "One server needs none. With several, or to keep the cache over a restart, set REDIS_URL.";
    return [off("redis", "REDIS_URL is not set: cache and limits are this server's own and end with it", advice)];
  }
  if (redisStateUrl === undefined || redisStateUrl === redisUrl)
    return checkRole("audio and state", redisUrl, "REDIS_URL");
  return [
    ...(await checkRole("audio", redisUrl, "REDIS_URL")),
    ...(await checkRole("state", redisStateUrl, "REDIS_STATE_URL")),
  ];
}

async function checkRole(role: Role, url: string, variable: string): Promise<Check[]> {
  const name = `redis (${role})`;
  let reason = "";
  let redis: GuardedRedis;
  try {
    redis = new GuardedRedis({
      ...{ url, clock: systemClock, readTimeoutMs: ANSWER_WITHIN_MS },
      onStateChange(change) {
        if (change.state === "down") reason = change.reason.message;
      },
    });
  } catch (error) {
    return [fail(name, (error as Error).message, `Write ${variable} like redis://user:password@host:6379.`)];
  }
  const signal = AbortSignal.timeout(ANSWER_WITHIN_MS);
  try {
    await redis.whenUp({ signal });
    return [
      await answering(name, redis, signal),
      await memory(name, role, redis, signal),
      ...(await writes(name, redis, signal)),
    ];
  } catch (error) {
    const told = reason || (signal.aborted ? "no answer" : (error as Error).message);
    return [fail(name, `does not work: ${told}`, adviceFor(told, variable))];
  } finally {
    await redis.close();
  }
}

function adviceFor(reason: string, variable: string): string {
  if (/ECONNREFUSED/.test(reason)) return `Start Redis there, or correct the address in ${variable}.`;
  if (/ENOTFOUND|EAI_AGAIN/.test(reason)) return `The host in ${variable} is not known to this machine; correct it.`;
  if (/NOAUTH|WRONGPASS|NOPERM|auth/i.test(reason))
    return `Put user and password into ${variable}: redis://user:password@host.`;
  return `It accepts connections and does not answer in time: look at its log and load, and whether ${variable} names a Redis at all (rediss:// for TLS).`;
}

async function answering(name: string, redis: GuardedRedis, signal: AbortSignal): Promise<Check> {
  const options = { signal, timeoutMs: ANSWER_WITHIN_MS };
  const startedAt = performance.now();
  await redis.run((client) => client.ping(), options);
  const tookMs = performance.now() - startedAt;
  const info = await redis.run((client) => mastersOf(client)[0]!.info("server"), options).catch(() => "");
  const version = /^(?:valkey_version|redis_version):(\S+)/m.exec(info)?.[1] ?? "?";
  const detail = `version ${version}, answers in ${tookMs.toFixed(1)} ms`;
  if (Number.parseInt(version, 10) < OLDEST_MAJOR)
    return warn(name, detail, "Use Redis 7 or Valkey; older ones lack commands.");
  return tookMs <= SLOW_MS
    ? ok(name, detail)
    : warn(name, detail, "Every miss of memory waits so long; put Redis nearer to the gateway.");
}

async function memory(name: string, role: Role, redis: GuardedRedis, signal: AbortSignal): Promise<Check> {
  const policy = await evictionPolicy(redis, { signal });
  const maxBytes = await maxMemory(redis, signal);
  const label = `${name} memory`;
  if (policy === undefined || maxBytes === undefined)
    return warn(
      label,
      "it tells neither its maxmemory nor its policy",
      "Ask whoever runs it: see docs/operations.md for both.",
    );
  const detail = `maxmemory ${maxBytes === 0 ? "not set" : `${Math.round(maxBytes / 1024 / 1024)} MiB`}, ${policy}`;
  const evicts = policy !== "noeviction";
  if (role === "state")
    return evicts
      ? warn(
          label,
          detail,
          "Set maxmemory-policy noeviction: an evicted limit starts anew, an evicted lease costs a second synthesis.",
        )
      : ok(label, detail);
  if (maxBytes === 0)
    return warn(
      label,
      detail,
      "Set maxmemory, or audio grows until the machine's memory is full: for example `maxmemory 512mb`.",
    );
  if (role === "audio")
    return evicts
      ? ok(label, detail)
      : warn(label, detail, "Set maxmemory-policy allkeys-lru, or nothing new is stored when it is full.");
  return evicts
    ? warn(label, detail, "It may evict limits and leases: set REDIS_STATE_URL to a second Redis with noeviction.")
    : warn(
        label,
        detail,
        "When it is full nothing new is shared and each server counts limits for itself: evict audio here (maxmemory-policy allkeys-lru), and set REDIS_STATE_URL to a second Redis with noeviction.",
      );
}

async function maxMemory(redis: GuardedRedis, signal: AbortSignal): Promise<number | undefined> {
  const options = { signal, timeoutMs: ANSWER_WITHIN_MS };
  const info = await redis.run((client) => mastersOf(client)[0]!.info("memory"), options).catch(() => "");
  const bytes = /^maxmemory:(\d+)/m.exec(info)?.[1];
  return bytes === undefined ? undefined : Number(bytes);
}

async function writes(name: string, redis: GuardedRedis, signal: AbortSignal): Promise<Check[]> {
  const set = redis.run((client) => client.set(PROBE_KEY, "1", "PX", PROBE_LIFE_MS), {
    signal,
    timeoutMs: ANSWER_WITHIN_MS,
  });
  return set.then(
    () => [],
    (error: Error) => [
      fail(
        `${name} writes`,
        error.message,
        "Nothing new can be stored: name the primary (not a replica), and give it memory.",
      ),
    ],
  );
}
