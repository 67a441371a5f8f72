import type { FastifyInstance } from "fastify";
import type { EventBus } from "../core/events.ts";

/** Tells of requests that are part of somebody else's trace (W3C Trace Context). Only where traces are kept: it is a hook on every request. */
export function tellTraceParents(app: FastifyInstance, events: EventBus): void {
  app.addHook("onRequest", (request, _, done) => {
    const { traceparent, tracestate } = request.headers;
    if (typeof traceparent === "string") {
      const state = typeof tracestate === "string" ? tracestate : undefined;
      events.emit("request.received", { requestId: request.id, traceparent, tracestate: state });
    }
    done();
  });
}
