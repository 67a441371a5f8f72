import type { FastifyInstance } from "fastify";
import { Type } from "typebox";

const Count = Type.Integer({ minimum: 0 });

const StatsBody = Type.Object({
  uptimeMs: Type.Number(),
  requests: Type.Object({ delivered: Count, failed: Count, refused: Count }),
  segments: Type.Object({ hits: Count, misses: Count, coalesced: Count, transcoded: Count, hitRate: Type.Number() }),
  syntheses: Type.Object({ started: Count, finished: Count, failed: Count, running: Count }),
  saved: Type.Object({ characters: Count, audioSeconds: Type.Number() }),
  memory: Type.Object({ entries: Count, bytes: Count, maxBytes: Count }),
});
export type StatsBody = {
  uptimeMs: number;
  requests: { delivered: number; failed: number; refused: number };
  segments: { hits: number; misses: number; coalesced: number; transcoded: number; hitRate: number };
  syntheses: { started: number; finished: number; failed: number; running: number };
  saved: { characters: number; audioSeconds: number };
  memory: { entries: number; bytes: number; maxBytes: number };
};

/** GET /v1/stats: this server's counters since it started. */
export function statsRoute(app: FastifyInstance, { stats }: { stats: () => StatsBody }): void {
  const schema = { summary: "Counters of this server", tags: ["operations"], response: { 200: StatsBody } };
  app.get("/v1/stats", { schema }, async () => stats());
}
