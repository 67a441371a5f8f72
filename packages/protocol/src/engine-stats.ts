/** How one engine is doing on the server that was asked; part of `GET /v1/stats`. */
export type EngineStats = {
  name: string;
  /** Of its breaker: `open` while it is left alone, `half-open` while one call finds out. `off`: switched off. */
  state: "closed" | "open" | "half-open" | "off";
  /** Until a call is let through; 0 unless `open`. */
  retryInMs: number;
  /** Of calls in the last five minutes; null: there were none. */
  successRate: number | null;
  /** Of the last 200 calls, in ms. */
  firstAudioMs: { p50: number | null; p95: number | null };
  inFlight: number;
  queued: number;
  calls: number;
  /** By error code. */
  failures: Record<string, number>;
  /** Spoken by it, and heard from the cache instead. */
  characters: { spoken: number; saved: number };
  /** In the currency of `costPerMillionChars`; null where that is not configured. */
  cost: { perMillionChars: number; spent: number; saved: number } | null;
};
