import type { Logger } from "pino";
import type { RedisRoles } from "./compose-redis.ts";
import type { Config } from "./config/config.ts";
import type { Clock } from "./core/clock.ts";
import type { EventBus } from "./core/events.ts";
import type { AudioStore } from "./core/ports.ts";
import { PurgeLog } from "./redis/purge-log.ts";
import { redisPort } from "./redis/redis-port.ts";
import { MemoryAudioStore } from "./stores/memory-audio-store.ts";
import { RedisAudioStore, type RedisAudioStoreEvent } from "./stores/redis-audio-store.ts";
import { TieredAudioStore } from "./stores/tiered-audio-store.ts";

export type Stores = {
  readonly store: AudioStore;
  readonly memory: MemoryAudioStore;
  close(): Promise<void>;
};

type StoresContext = {
  readonly config: Config;
  readonly clock: Clock;
  readonly events: EventBus;
  readonly log: Logger;
  readonly redis: RedisRoles | undefined;
};

/** Memory, and Redis behind it where there is one, with purges passed around between the servers. */
export function openStores({ config, clock, events, log, redis }: StoresContext): Stores {
  const ttlMs = config.cacheTtlSeconds * 1000;
  const graceMs = config.cacheGraceSeconds * 1000;
  const memory = new MemoryAudioStore({
    clock,
    graceMs,
    maxBytes: config.cacheMemoryMaxBytes,
    maxEntryBytes: config.cacheMaxEntryBytes,
  });
  if (redis === undefined) return { store: memory, memory, close: () => memory.close() };
  const { signal } = new AbortController();
  const onEvent = (event: RedisAudioStoreEvent): void => {
    if (event.type === "entry.replaced") {
      const { key } = event;
      purges.announce({ what: "key", key }, { signal }).catch((error: unknown) => {
        events.emit("store.failed", { op: "set", error });
      });
    } else log.debug(event, "redis entry");
  };
  const shared = new RedisAudioStore({
    redis: redisPort(redis.audio),
    ttlMs,
    graceMs,
    compressionLevel: config.compressionLevel,
    maxEntryBytes: config.cacheMaxEntryBytes,
    onEvent,
  });
  const purges: PurgeLog = new PurgeLog({
    redis: redis.state,
    clock,
    onPurge: (purge) => store.forget(purge),
    onTrouble: (error) => log.warn({ reason: error.message }, "purges of other servers cannot be read"),
  });
  const store: TieredAudioStore = new TieredAudioStore({
    memory,
    redis: shared,
    clock,
    ttlMs,
    purges,
    onFailure: ({ operation, error }) => events.emit("store.failed", { op: operation, error }),
  });
  return {
    store,
    memory,
    async close() {
      await store.close();
      await purges.close();
    },
  };
}
