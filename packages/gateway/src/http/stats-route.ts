import type { FastifyInstance } from "fastify";
import { type Static, type TSchema, Type } from "typebox";

const Count = Type.Integer({ minimum: 0 });
const Requests = Type.Object({ delivered: Count, failed: Count, refused: Count });
const Segments = Type.Object({
  hits: Count,
  misses: Count,
  coalesced: Count,
  stale: Count,
  transcoded: Count,
  hitRate: Type.Number(),
});
/** What was not asked of an engine again; bytes of stored audio only. */
const Saved = Type.Object({ bytes: Count, characters: Count, audioSeconds: Type.Number() });
const RedisState = Type.Enum(["connecting", "up", "down"]);

const OrNull = <Schema extends TSchema>(schema: Schema) => Type.Union([schema, Type.Null()]);
const Ms = OrNull(Type.Number());
export const EngineBody = Type.Object({
  name: Type.String(),
  state: Type.Enum(["closed", "open", "half-open", "off"]),
  retryInMs: Count,
  successRate: OrNull(Type.Number()),
  firstAudioMs: Type.Object({ p50: Ms, p95: Ms }),
  inFlight: Count,
  queued: Count,
  calls: Count,
  failures: Type.Record(Type.String(), Count),
  characters: Type.Object({ spoken: Count, saved: Count }),
  cost: OrNull(Type.Object({ perMillionChars: Type.Number(), spent: Type.Number(), saved: Type.Number() })),
});

const StatsBody = Type.Object({
  uptimeMs: Type.Number(),
  requests: Requests,
  segments: Segments,
  syntheses: Type.Object({ started: Count, finished: Count, failed: Count, running: Count }),
  saved: Saved,
  sockets: Type.Object({ open: Count, utterances: Count }),
  /** Where Wyoming is spoken. */
  wyoming: Type.Optional(Type.Object({ open: Count, utterances: Count })),
  memory: Type.Object({ entries: Count, bytes: Count, maxBytes: Count }),
  /** In the order of preference; each as `EngineStats` of the protocol. */
  engines: Type.Array(EngineBody),
  allServers: Type.Optional(
    Type.Object({
      requests: Requests,
      segments: Segments,
      syntheses: Type.Object({ started: Count, failed: Count }),
      totalCached: Count,
      saved: Saved,
    }),
  ),
  redis: Type.Optional(
    Type.Object({
      audio: RedisState,
      state: RedisState,
      keys: Type.Optional(Count),
      bytes: Type.Optional(Count),
      measuredAt: Type.Optional(Type.String()),
    }),
  ),
});
export type StatsBody = Static<typeof StatsBody>;
/** All of it but what the way in adds. */
export type SpeechStats = Omit<StatsBody, "sockets" | "wyoming">;

/** GET /v1/stats: this server's counters since it started; with Redis those of all servers since ever, seconds old. */
export function statsRoute(app: FastifyInstance, { stats }: { stats: () => Promise<StatsBody> }): void {
  const schema = { summary: "Counters of this server, and of all", tags: ["operations"], response: { 200: StatsBody } };
  app.get("/v1/stats", { schema }, async () => stats());
}
