import { Redis, type RedisOptions } from "ioredis";
import type { Clock } from "../core/clock.ts";

/** The vendor's client. Only files in this folder may call it. */
export type RedisClient = Redis;

export type ConnectOptions = {
  /** `redis://` or `rediss://`, with user, password and database number as usual. */
  readonly url: string;
  readonly clock: Clock;
  /** Backstop behind our own deadlines. 0 for connections that wait on purpose (blocking reads). */
  readonly commandTimeoutMs: number;
};

const CONNECT_TIMEOUT_MS = 1_000;
/** A connection that owes an answer and has sent nothing for this long is dead: a frozen server, a cut cable. */
const SOCKET_TIMEOUT_MS = 1_000;
const RECONNECT_STEP_MS = 50;
const MAX_RECONNECT_MS = 500;
/** A server that became a replica behind the same name is left for its successor, but not at every refused write. */
const READONLY_RECONNECT_EVERY_MS = 10_000;

/**
 * A client for a URL; connects in the background and for as long as it lives. Sentinel and Cluster URLs get their client here, once
 * they are supported. Throws a TypeError, without the URL's password in it, for a URL it cannot use.
 */
export function connect(options: ConnectOptions): RedisClient {
  const url = parsed(options.url);
  if (url.protocol !== "redis:" && url.protocol !== "rediss:") {
    throw new TypeError(`REDIS_URL: "${url.protocol}//" is not supported; write redis:// or rediss://`);
  }
  return new Redis(options.url, settings(options));
}

/** Fails early and keeps trying: the choice that was measured to settle soonest when Redis is killed or frozen. */
function settings({ clock, commandTimeoutMs }: ConnectOptions): RedisOptions {
  let reconnectedAtMs = Number.NEGATIVE_INFINITY;
  const waits = commandTimeoutMs === 0;
  return {
    ...(!waits && { commandTimeout: commandTimeoutMs, socketTimeout: SOCKET_TIMEOUT_MS }),
    connectTimeout: CONNECT_TIMEOUT_MS,
    enableOfflineQueue: false,
    maxRetriesPerRequest: 1,
    autoResendUnfulfilledCommands: false,
    retryStrategy: (attempt) => Math.min(RECONNECT_STEP_MS * attempt, MAX_RECONNECT_MS),
    reconnectOnError(error) {
      if (!error.message.startsWith("READONLY")) return false;
      if (clock.monotonic() - reconnectedAtMs < READONLY_RECONNECT_EVERY_MS) return false;
      reconnectedAtMs = clock.monotonic();
      return true;
    },
    connectionName: "mynah",
  };
}

function parsed(url: string): URL {
  try {
    return new URL(url);
  } catch {
    throw new TypeError("REDIS_URL is not a URL; write for example redis://127.0.0.1:6379");
  }
}
