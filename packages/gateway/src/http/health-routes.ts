import type { FastifyInstance } from "fastify";
import { Type } from "typebox";

/** What one part of the gateway is doing. `degraded`: speech works without it, worse or slower. */
export type PartHealth = { readonly status: "ok" | "degraded" | "off"; readonly detail: string };
export type Readiness = { readonly stopping: boolean; readonly parts: Readonly<Record<string, PartHealth>> };

const ReadyBody = Type.Object({
  status: Type.Enum(["ready", "degraded", "stopping"]),
  parts: Type.Record(
    Type.String(),
    Type.Object({ status: Type.Enum(["ok", "degraded", "off"]), detail: Type.String() }),
  ),
});

/** GET /healthz: the process answers. GET /readyz: send traffic here; 200 as long as speech works, however degraded. */
export function healthRoutes(app: FastifyInstance, { readiness }: { readiness: () => Readiness }): void {
  const healthSchema = {
    summary: "Whether the process is alive",
    tags: ["operations"],
    response: { 200: Type.Object({ status: Type.Literal("ok") }) },
  };
  app.get("/healthz", { schema: healthSchema }, async () => ({ status: "ok" }));

  const readySchema = {
    summary: "Whether to send traffic here, and what is degraded",
    tags: ["operations"],
    response: { 200: ReadyBody, 503: ReadyBody },
  };
  app.get("/readyz", { schema: readySchema }, async (_, reply) => {
    const { stopping, parts } = readiness();
    const degraded = Object.values(parts).some(({ status }) => status === "degraded");
    return reply
      .status(stopping ? 503 : 200)
      .send({ status: stopping ? "stopping" : degraded ? "degraded" : "ready", parts });
  });
}
