import type { GatewayStats } from "./gateway-stats.ts";

/** How far `GET /v1/stats/history` looks back, and how many seconds each of its points covers. */
export const HISTORY_RANGES = {
  "5m": { stepS: 1, points: 300 },
  "1h": { stepS: 10, points: 360 },
  "24h": { stepS: 60, points: 1440 },
} as const;
export type HistoryRange = keyof typeof HISTORY_RANGES;

/** What is counted within the seconds of a point. */
export const HISTORY_COUNTS = [
  ...(["delivered", "failed", "refused"] as const),
  /** Utterances by what they were made of: all stored; some of it; nothing stored, but made for somebody else; nothing. */
  ...(["utteranceHits", "utterancePartials", "utteranceShared", "utteranceMisses"] as const),
  ...(["hits", "misses", "coalesced", "stale"] as const),
  ...(["sentBytes", "savedBytes", "savedCharacters", "savedMoney"] as const),
] as const;
/** The highest that was seen within the seconds of a point. `redisDown`: 0 or 1. */
export const HISTORY_PEAKS = ["sockets", "utterances", "syntheses", "memoryBytes", "redisDown"] as const;
/** Milliseconds to the first audio; null where nothing was heard. `miss`: what had to be made, for whomever. */
export const HISTORY_LATENCIES = ["hitP50", "hitP95", "hitP99", "missP50", "missP95", "missP99"] as const;

export type HistoryPoint = Record<(typeof HISTORY_COUNTS)[number] | (typeof HISTORY_PEAKS)[number], number> &
  Record<(typeof HISTORY_LATENCIES)[number], number | null> & {
    /** End of the time it covers, in ms since the epoch. */
    atMs: number;
  };

/** Answer of `GET /v1/stats/history`: the points of this server, oldest first, one array per name. */
export type StatsHistory = {
  range: HistoryRange;
  stepS: number;
  points: { [Name in keyof HistoryPoint]: HistoryPoint[Name][] };
};

/** Event `tick` of `GET /v1/stats/stream`, once a second. */
export type StatsTick = {
  atMs: number;
  /** Of the ranges whose next point is complete. */
  points: { [Range in HistoryRange]?: HistoryPoint };
  stats: GatewayStats;
  /** As `GET /readyz` tells them. */
  parts: Readonly<Record<string, { readonly status: "ok" | "degraded" | "off"; readonly detail: string }>>;
  /** Refusals since the start, by the window that was used up. */
  refusals: Record<string, number>;
};
