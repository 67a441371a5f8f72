import type { FastifyInstance } from "fastify";
import { Type } from "typebox";
import { SpeechError } from "../../core/errors.ts";
import type { Job } from "../../core/job.ts";
import { abortedWhenClientLeaves } from "../client-gone.ts";
import type { AdminRouteContext } from "./admin-deps.ts";
import { actor, answers, common, JobBody, jobShown } from "./admin-schemas.ts";

const params = Type.Object({ id: Type.String({ maxLength: 80 }) });
type ById = { Params: { id: string } };

/** Purges and warmings of all servers: how far they are, and how to stop them. */
export function jobRoutes(app: FastifyInstance, { jobs, audit }: Pick<AdminRouteContext, "jobs" | "audit">): void {
  const list = { ...common, summary: "Purges and warmings of about a day, newest first" };
  app.get(
    "/admin/jobs",
    { schema: { ...list, response: answers(200, Type.Object({ jobs: Type.Array(JobBody) })) } },
    async (_, reply) => ({ jobs: (await jobs.list({ signal: abortedWhenClientLeaves(reply.raw) })).map(jobShown) }),
  );

  app.get<ById>(
    "/admin/jobs/:id",
    { schema: { ...common, summary: "How far a job is", params, response: answers(200, JobBody) } },
    async ({ params: { id } }, reply) =>
      jobShown(found(await jobs.get(id, { signal: abortedWhenClientLeaves(reply.raw) }))),
  );

  const cancel = {
    ...common,
    summary: "Stop a job",
    description: "One that runs on another server ends within a second or two. What it has done stays done.",
  };
  app.delete<ById>(
    "/admin/jobs/:id",
    { schema: { ...cancel, params, response: answers(200, JobBody) } },
    async (request, reply) => {
      const { id } = request.params;
      const job = found(await jobs.cancel(id, { signal: abortedWhenClientLeaves(reply.raw) }));
      audit({ action: "job.cancelled", jobId: id, ...actor(request) });
      return jobShown(job);
    },
  );
}

function found(job: Job | undefined): Job {
  if (job !== undefined) return job;
  throw new SpeechError("not_found", "there is no such job; GET /admin/jobs lists those of about a day");
}
