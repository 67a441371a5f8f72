import type { Cluster, Redis, RedisOptions } from "ioredis";
import type { Clock } from "../core/clock.ts";
import { parseRedisUrl } from "./redis-url.ts";
import { vendor } from "./vendor.ts";

/** The vendor's client. Only files in this folder may call it. */
export type RedisClient = Redis | Cluster;

export type ConnectOptions = {
  /** As `parseRedisUrl` reads it. */
  readonly url: string;
  readonly clock: Clock;
  /** It waits on purpose, in blocking reads. */
  readonly blocks?: boolean;
};

const CONNECT_TIMEOUT_MS = 1_000;
/** A connection that owes an answer and has sent nothing for this long is dead: a frozen server, a cut cable. */
const SOCKET_TIMEOUT_MS = 1_000;
/** How long closing waits for the other side; also how long the process is kept alive by it. */
const DISCONNECT_TIMEOUT_MS = 100;
const RECONNECT_STEP_MS = 50;
const MAX_RECONNECT_MS = 500;
/** Within one call only: a cluster that needs longer is down for us until it answers again. */
const CLUSTER_RETRY_MS = 20;
const CLUSTER_MAX_REDIRECTIONS = 3;
/** A server that became a replica behind the same name is left for its successor, but not at every refused write. */
const READONLY_RECONNECT_EVERY_MS = 10_000;

/**
 * A client for a URL; connects in the background and for as long as it lives. Throws a TypeError, without the URL's
 * password in it, for a URL it cannot use.
 */
export function connect(options: ConnectOptions): RedisClient {
  const address = parseRedisUrl(options.url);
  const common = {
    ...settings(options),
    ...(address.tls && { tls: {} }),
    ...(address.username && { username: address.username }),
    ...(address.password && { password: address.password }),
  };
  switch (address.kind) {
    case "single":
      return new (vendor().Redis)({ ...common, ...address.nodes[0]!, db: address.db });
    case "sentinel":
      return new (vendor().Redis)({
        ...common,
        sentinels: [...address.nodes],
        name: address.masterName,
        db: address.db,
        ...(address.tls && { enableTLSForSentinelMode: true }),
        sentinelRetryStrategy: retryDelayMs,
        sentinelCommandTimeout: CONNECT_TIMEOUT_MS,
        failoverDetector: true,
      });
    case "cluster":
      return new (vendor().Cluster)([...address.nodes], {
        redisOptions: common,
        // A managed cluster's certificate names its hosts: what the nodes call each other is not to be made an address.
        ...(address.tls && { dnsLookup: (host, callback) => callback(null, host) }),
        enableOfflineQueue: false,
        clusterRetryStrategy: retryDelayMs,
        slotsRefreshTimeout: CONNECT_TIMEOUT_MS,
        retryDelayOnFailover: CLUSTER_RETRY_MS,
        retryDelayOnClusterDown: CLUSTER_RETRY_MS,
        maxRedirections: CLUSTER_MAX_REDIRECTIONS,
      });
  }
}

/** The servers that hold keys: one, or every master of a cluster. */
export function mastersOf(client: RedisClient): Redis[] {
  return client instanceof vendor().Cluster ? client.nodes("master") : [client];
}

/** Fails early and keeps trying: the choice that was measured to settle soonest when Redis is killed or frozen. */
function settings({ clock, blocks = false }: ConnectOptions): RedisOptions {
  let reconnectedAtMs = Number.NEGATIVE_INFINITY;
  return {
    // No timeout for each command: callers have their own deadlines, and a second timer for each would be felt.
    ...(!blocks && { socketTimeout: SOCKET_TIMEOUT_MS }),
    connectTimeout: CONNECT_TIMEOUT_MS,
    disconnectTimeout: DISCONNECT_TIMEOUT_MS,
    enableOfflineQueue: false,
    maxRetriesPerRequest: 1,
    autoResendUnfulfilledCommands: false,
    retryStrategy: retryDelayMs,
    reconnectOnError(error) {
      if (!error.message.startsWith("READONLY")) return false;
      if (clock.monotonic() - reconnectedAtMs < READONLY_RECONNECT_EVERY_MS) return false;
      reconnectedAtMs = clock.monotonic();
      return true;
    },
    connectionName: "mynah",
  };
}

function retryDelayMs(attempt: number): number {
  return Math.min(RECONNECT_STEP_MS * attempt, MAX_RECONNECT_MS);
}
