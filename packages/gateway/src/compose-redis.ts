import type { Logger } from "pino";
import { type Config, ConfigError } from "./config/config.ts";
import { deferred } from "./core/async.ts";
import type { Clock } from "./core/clock.ts";
import type { PartHealth, Readiness } from "./http/health-routes.ts";
import { evictionPolicy } from "./redis/eviction-policy.ts";
import { GuardedRedis } from "./redis/guarded-redis.ts";
import type { RedisError } from "./redis/redis-error.ts";
import { type RedisPort, redisPort } from "./redis/redis-port.ts";

/** What Redis does for us; both by one connection unless REDIS_STATE_URL names another. */
type Role = "audio" | "state";

export type RedisRoles = {
  /** Holds the shared audio. May evict. */
  readonly audio: GuardedRedis;
  /** Holds leases, limits, purges, statistics. Should not evict. */
  readonly state: GuardedRedis;
  /** The same connection, for what needs single commands only. */
  readonly statePort: RedisPort;
  /** For /readyz. */
  parts(): Readiness["parts"];
  /** What an operator should know that is no fault: one line each. */
  warnings(): readonly string[];
  /** Resolves when each connection is up and looked at, or known to be down; soon in any case. */
  settled(): Promise<void>;
  close(): Promise<void>;
};

/** A start waits for Redis no longer than this. */
const SETTLE_MS = 1_000;

/** The connections that the config asks for, opened in the background; undefined: none. */
export function openRedisRoles(config: Config, clock: Clock, log: Logger): RedisRoles | undefined {
  const { redisUrl, redisStateUrl } = config;
  if (config.redisEnabled === false) return undefined;
  if (redisUrl === undefined) {
    if (redisStateUrl !== undefined) throw new ConfigError("REDIS_STATE_URL needs REDIS_URL beside it");
    return undefined;
  }
  const isOne = redisStateUrl === undefined || redisStateUrl === redisUrl;
  const audio = openRole(isOne ? ["audio", "state"] : ["audio"], redisUrl, "REDIS_URL", { config, clock, log });
  const state = isOne ? audio : openRole(["state"], redisStateUrl, "REDIS_STATE_URL", { config, clock, log });
  const all = isOne ? [audio] : [audio, state];
  return {
    audio: audio.redis,
    state: state.redis,
    statePort: redisPort(state.redis),
    parts: () => ({ redisAudio: audio.health("audio"), redisState: state.health("state") }),
    warnings: () => all.flatMap(({ warning }) => warning() ?? []),
    async settled() {
      const enough = new AbortController();
      const late = clock.sleep(SETTLE_MS, enough.signal).catch(() => {});
      await Promise.race([Promise.all(all.map(({ settled }) => settled)), late]);
      enough.abort();
    },
    close: async () => void (await Promise.all(all.map(({ redis }) => redis.close()))),
  };
}

type RoleContext = { readonly config: Config; readonly clock: Clock; readonly log: Logger };

function openRole(roles: readonly Role[], url: string, env: string, { config, clock, log }: RoleContext) {
  const settled = deferred();
  const eviction = new EvictionWatch(roles, env, log);
  const open = (): GuardedRedis =>
    new GuardedRedis({
      url,
      clock,
      maxConnections: config.redisMaxConnections,
      readTimeoutMs: config.redisTimeoutMs,
      onStateChange(change) {
        if (change.state === "down") {
          log.warn(
            { redis: roles, state: "down", reason: change.reason.message },
            "redis is down; going on without it",
          );
          return settled.resolve();
        }
        log.info({ redis: roles, state: "up" }, "redis is up");
        void eviction.look(redis).then(settled.resolve);
      },
      onWritesChange: (refused) => logWrites(refused, roles, log),
    });
  const redis = opened(open, env);
  return {
    redis,
    settled: settled.promise,
    warning: () => eviction.warning,
    health: (role: Role) => roleHealth(redis, role, eviction),
  };
}

function opened(open: () => GuardedRedis, env: string): GuardedRedis {
  try {
    return open();
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    throw new ConfigError(error.message.replace(/^REDIS_URL/, env));
  }
}

function logWrites(refused: RedisError | undefined, roles: readonly Role[], log: Logger): void {
  if (refused === undefined) log.info({ redis: roles, writes: "accepted" }, "redis takes writes again");
  else
    log.warn(
      { redis: roles, writes: "refused", reason: refused.message },
      "redis refuses writes; what it has is still used, what is new stays on this server",
    );
}

/** Whether what must stay can be pushed out. Asked once, in the background, as soon as there is somebody to ask. */
class EvictionWatch {
  readonly #roles: readonly Role[];
  readonly #env: string;
  readonly #log: Logger;
  #looked = false;
  policy: string | undefined;
  warning: string | undefined;

  constructor(roles: readonly Role[], env: string, log: Logger) {
    this.#roles = roles;
    this.#env = env;
    this.#log = log;
  }

  async look(redis: GuardedRedis): Promise<void> {
    if (this.#looked || !this.#roles.includes("state")) return;
    this.#looked = true;
    const { signal } = new AbortController();
    try {
      this.policy = await evictionPolicy(redis, { signal });
    } catch {
      this.#looked = false; // lost again while asking; at its next return
      return;
    }
    if (this.policy === undefined || this.policy === "noeviction") return;
    this.warning =
      `${this.#env} names a Redis that may evict limits and leases (maxmemory-policy ${this.policy}): ` +
      "set it to noeviction, or REDIS_STATE_URL to a Redis where it is.";
    this.#log.warn({ redis: this.#roles, policy: this.policy }, this.warning);
  }
}

function roleHealth(redis: GuardedRedis, role: Role, { policy, warning }: EvictionWatch): PartHealth {
  const refused = redis.writesRefused?.replyCode;
  if (redis.state !== "up") {
    const instead = role === "audio" ? "speech goes on from memory and engines" : "each server decides for itself";
    return { status: "degraded", detail: `${redis.state}; ${instead}` };
  }
  if (refused !== undefined) return { status: "degraded", detail: `up, and refuses writes (${refused})` };
  if (role === "state" && warning !== undefined) return { status: "ok", detail: `up; may evict (${policy})` };
  return { status: "ok", detail: "up" };
}
