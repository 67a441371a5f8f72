import type { FastifyRequest } from "fastify";
import { type TSchema, Type } from "typebox";
import type { Job } from "../../core/job.ts";
import { errorResponses } from "../schemas.ts";

const security: Record<string, string[]>[] = [{ bearer: [] }, { xiApiKey: [] }];

/** What every route of administrators has in its description. */
export const common = { tags: ["admin"], security };

export function answers<Status extends number>(status: Status, body: TSchema) {
  return { [status]: body, ...errorResponses };
}

/** Who did it, for the audit log. */
export function actor({ caller, ip, id }: FastifyRequest) {
  return { by: caller?.user ?? "admin", address: ip, requestId: id };
}

const Count = Type.Integer({ minimum: 0 });
const OrNull = <Schema extends TSchema>(schema: Schema) => Type.Union([schema, Type.Null()]);

export const JobBody = Type.Object({
  id: Type.String(),
  kind: Type.Enum(["purge", "warm"]),
  about: Type.String({ description: "What is purged, or as whom is warmed." }),
  by: Type.String(),
  state: Type.Enum(["running", "done", "failed", "cancelled", "lost"], {
    description: "lost: the server that ran it has not been heard of for a while.",
  }),
  startedAt: Type.String({ format: "date-time" }),
  endedAt: OrNull(Type.String({ format: "date-time" })),
  done: Count,
  total: OrNull(Count),
  purge: Type.Optional(Type.Object({ seen: Count, removed: Count })),
  warm: Type.Optional(
    Type.Object({
      hits: Type.Integer({ minimum: 0, description: "Segments that were there, or were made for somebody else." }),
      made: Count,
      failed: Type.Integer({ minimum: 0, description: "Phrases that could not be said whole." }),
      characters: Type.Integer({ minimum: 0, description: "That engines were asked to say." }),
      cost: OrNull(Type.Number({ description: "Null: an engine that spoke has no costPerMillionChars." })),
      failures: Type.Record(Type.String(), Count, { description: "By error code." }),
      failedPhrases: Type.Array(
        Type.Object({ at: Type.Integer({ minimum: 0, description: "From 0." }), code: Type.String() }),
      ),
    }),
  ),
  error: OrNull(Type.String()),
});

/** A job as clients see it. */
export function jobShown({ startedAtMs, endedAtMs, updatedAtMs: _, ...job }: Job) {
  return {
    ...job,
    startedAt: new Date(startedAtMs).toISOString(),
    endedAt: endedAtMs === null ? null : new Date(endedAtMs).toISOString(),
  };
}
