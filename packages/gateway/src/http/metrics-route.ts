import type { FastifyInstance } from "fastify";
import { Type } from "typebox";
import type { CallOptions } from "../core/ports.ts";
import type { Credential } from "../identity/authenticator.ts";
import { secretOf } from "./auth.ts";
import { abortedWhenClientLeaves } from "./client-gone.ts";
import { errorResponses } from "./schemas.ts";

export type MetricsRouteDeps = {
  readonly metrics: { readonly contentType: string; text(): Promise<string> };
  /** Throws as over HTTP when this caller may not read metrics. */
  readonly check: (credential: Credential, options: CallOptions) => Promise<void>;
};

/** GET /metrics: what Prometheus reads. */
export function metricsRoute(app: FastifyInstance, { metrics, check }: MetricsRouteDeps): void {
  const text = Type.String();
  const schema = {
    summary: "Metrics in Prometheus' text format",
    tags: ["operations"],
    response: { 200: { content: { "text/plain": { schema: text } } }, ...errorResponses },
  };
  app.get("/metrics", { schema }, async (request, reply) => {
    await check({ secret: secretOf(request), address: request.ip }, { signal: abortedWhenClientLeaves(reply.raw) });
    const body = await metrics.text();
    return reply.header("content-type", metrics.contentType).header("cache-control", "no-store").send(body);
  });
}
