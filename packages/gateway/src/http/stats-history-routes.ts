import {
  HISTORY_COUNTS,
  HISTORY_LATENCIES,
  HISTORY_PEAKS,
  HISTORY_RANGES,
  type HistoryRange,
  type StatsHistory,
  type StatsTick,
} from "@mynah/protocol";
import type { FastifyInstance } from "fastify";
import { type Static, Type } from "typebox";
import { type LiveViewers, serverSentEvent } from "./live-viewers.ts";
import { errorResponses } from "./schemas.ts";
import { takenOver } from "./send-speech.ts";

export type StatsHistoryDeps = {
  readonly history: { read(range: HistoryRange): StatsHistory };
  readonly viewers: LiveViewers;
  /** What is so now, for somebody who has just come. */
  readonly tickNow: () => StatsTick;
};

const RANGES = Object.keys(HISTORY_RANGES) as HistoryRange[];
const numbers = Type.Array(Type.Number());
const numbersOrNull = Type.Array(Type.Union([Type.Number(), Type.Null()]));
const HistoryBody = Type.Object({
  range: Type.Enum(RANGES),
  stepS: Type.Integer({ description: "Seconds that a point covers." }),
  points: Type.Object({
    atMs: Type.Array(Type.Number(), { description: "End of the time a point covers." }),
    ...Object.fromEntries([...HISTORY_COUNTS, ...HISTORY_PEAKS].map((name) => [name, numbers])),
    ...Object.fromEntries(HISTORY_LATENCIES.map((name) => [name, numbersOrNull])),
  }),
});
const Query = Type.Object({ range: Type.Optional(Type.Enum(RANGES)) }, { additionalProperties: false });

const STREAM_HEADERS = [
  ...["content-type", "text/event-stream; charset=utf-8"],
  ...["cache-control", "no-store"],
  ...["x-accel-buffering", "no"], // or nginx would keep what it should pass on
];

/** What the dashboard draws: the last 24 hours of this server, and every second that is added to them. */
export function statsHistoryRoutes(app: FastifyInstance, { history, viewers, tickNow }: StatsHistoryDeps): void {
  const tags = ["operations"];
  const historySchema = {
    summary: "What this server did in the last 5 minutes, hour or day",
    tags,
    querystring: Query,
    response: { 200: HistoryBody, ...errorResponses },
  };
  app.get<{ Querystring: Static<typeof Query> }>(
    "/v1/stats/history",
    { schema: historySchema },
    // Not through the response's schema: tens of thousands of numbers, all of them ours.
    async ({ query: { range = "5m" } }, reply) =>
      reply
        .header("content-type", "application/json; charset=utf-8")
        .header("cache-control", "no-store")
        .serializer(JSON.stringify)
        .send(history.read(range)),
  );

  const streamSchema = {
    summary: "GET /v1/stats once a second, with the points of the history, as server-sent events named `tick`",
    tags,
    response: { 200: { content: { "text/event-stream": { schema: Type.String() } } }, ...errorResponses },
  };
  app.get("/v1/stats/stream", { schema: streamSchema }, async (_, reply) => {
    viewers.checkRoom();
    const first = serverSentEvent("tick", tickNow());
    const headers = [...STREAM_HEADERS];
    const response = takenOver(reply, headers);
    response.writeHead(200, headers);
    viewers.admit(response, first);
  });
}
