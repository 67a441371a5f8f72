import type { EngineStats } from "./engine-stats.ts";
import type { SocketStats } from "./socket.ts";

type RequestCounts = { delivered: number; failed: number; refused: number };
type SegmentCounts = {
  hits: number;
  misses: number;
  coalesced: number;
  stale: number;
  transcoded: number;
  hitRate: number;
};
/** What was not asked of an engine again. */
type Saved = { bytes: number; characters: number; audioSeconds: number };
type RedisState = "connecting" | "up" | "down";

/** Answer of `GET /v1/stats`: counters of this server since it started, and with Redis those of all servers. */
export type GatewayStats = {
  uptimeMs: number;
  requests: RequestCounts;
  segments: SegmentCounts;
  syntheses: { started: number; finished: number; failed: number; running: number };
  saved: Saved;
  sockets: SocketStats;
  /** Home Assistant's connections, where they are listened for. */
  wyoming?: SocketStats;
  memory: { entries: number; bytes: number; maxBytes: number };
  /** In the order of preference. */
  engines: EngineStats[];
  allServers?: {
    requests: RequestCounts;
    segments: SegmentCounts;
    syntheses: { started: number; failed: number };
    totalCached: number;
    saved: Saved;
  };
  redis?: { audio: RedisState; state: RedisState; keys?: number; bytes?: number; measuredAt?: string };
};
