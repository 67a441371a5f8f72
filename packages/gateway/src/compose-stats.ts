import type { RedisRoles } from "./compose-redis.ts";
import type { Clock } from "./core/clock.ts";
import type { SpeechStats, StatsBody } from "./http/stats-route.ts";
import { SharedStats } from "./observe/shared-stats.ts";
import type { Counters } from "./observe/stats.ts";
import { MemoryUse } from "./redis/memory-use.ts";
import { RedisStats } from "./redis/redis-stats.ts";
import type { SegmentCache } from "./speech/segment-cache.ts";
import type { MemoryAudioStore } from "./stores/memory-audio-store.ts";

export type AllServersStats = {
  /** The part of /v1/stats that comes from Redis. */
  body(): Pick<StatsBody, "allServers" | "redis">;
  /** Sends what is left. */
  close(): Promise<void>;
};

/** Counters of all servers, and our memory in Redis; both kept in the background. */
export function openAllServersStats(
  redis: RedisRoles,
  { counters, clock }: { readonly counters: Readonly<Counters>; readonly clock: Clock },
): AllServersStats {
  const shared = new SharedStats({ counters, clock, sink: new RedisStats({ redis: redis.state }) });
  const measured = [...new Set([redis.audio, redis.state])];
  const memory = new MemoryUse({ measured, state: redis.state, clock });
  return {
    body() {
      const { sums } = shared;
      return {
        ...(sums && { allServers: allServersBody(sums) }),
        redis: {
          audio: redis.audio.state,
          state: redis.state.state,
          ...(sums?.memory_measured_at_ms && {
            keys: sums.memory_keys ?? 0,
            bytes: sums.memory_bytes ?? 0,
            measuredAt: new Date(sums.memory_measured_at_ms).toISOString(),
          }),
        },
      };
    },
    async close() {
      memory.close();
      await shared.close();
    },
  };
}

function allServersBody(sums: Readonly<Record<string, number>>): NonNullable<StatsBody["allServers"]> {
  const of = (field: string): number => Math.max(0, Math.trunc(sums[field] ?? 0));
  const [hits, misses, coalesced, stale] = [of("hits"), of("misses"), of("coalesced"), of("stale")];
  const all = hits + misses + coalesced + stale;
  return {
    requests: { delivered: of("delivered"), failed: of("failed"), refused: of("refused") },
    segments: {
      hits,
      misses,
      coalesced,
      stale,
      transcoded: of("transcoded"),
      hitRate: all === 0 ? 0 : (hits + coalesced) / all,
    },
    syntheses: { started: of("syntheses"), failed: of("syntheses_failed") },
    totalCached: of("total_cached"),
    saved: { bytes: of("bytes_saved"), characters: of("characters_saved"), audioSeconds: of("audio_ms_saved") / 1000 },
  };
}

export type LocalStatsContext = {
  readonly memory: MemoryAudioStore;
  readonly cache: SegmentCache;
  readonly uptimeMs: number;
  readonly maxBytes: number;
  readonly engines: StatsBody["engines"];
};

/** This server's part of /v1/stats. */
export function localStatsBody(
  counters: Readonly<Counters>,
  { memory, cache, uptimeMs, maxBytes, engines }: LocalStatsContext,
): SpeechStats {
  const { hits, misses, coalesced, stale, transcoded } = counters;
  const all = hits + misses + coalesced + stale;
  return {
    uptimeMs: Math.round(uptimeMs),
    requests: { delivered: counters.delivered, failed: counters.failed, refused: counters.refused },
    segments: { hits, misses, coalesced, stale, transcoded, hitRate: all === 0 ? 0 : (hits + coalesced) / all },
    syntheses: {
      started: counters.synthesesStarted,
      finished: counters.synthesesFinished,
      failed: counters.synthesesFailed,
      running: cache.flights,
    },
    saved: {
      bytes: counters.savedBytes,
      characters: counters.savedCharacters,
      audioSeconds: counters.savedAudioMs / 1000,
    },
    memory: { entries: memory.count, bytes: memory.bytes, maxBytes },
    engines,
  };
}
