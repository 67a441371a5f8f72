import { hash } from "node:crypto";
import { readFileSync } from "node:fs";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { type ApiDescription, renderDocs } from "./render-docs.ts";

/** Text and one style sheet of our own; nothing that runs. */
const CONTENT_SECURITY_POLICY =
  "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; frame-ancestors 'none'; form-action 'none'";

/**
 * GET /docs: the API to be read, made of the same schemas that check requests. Rendered at the first request, when every
 * route is there. Our own page and not a viewer of OpenAPI: those are megabytes of scripts that want a weaker policy.
 */
export function docsRoute(app: FastifyInstance): void {
  const style = readFileSync(new URL("./docs.css", import.meta.url), "utf8");
  let page: string | undefined;
  app.get("/docs", { schema: { hide: true } }, async (request, reply) => {
    page ??= renderDocs(app.swagger() as unknown as ApiDescription);
    return send(request, reply, "text/html; charset=utf-8", page);
  });
  app.get("/docs/docs.css", { schema: { hide: true } }, async (request, reply) =>
    send(request, reply, "text/css; charset=utf-8", style),
  );
}

function send(request: FastifyRequest, reply: FastifyReply, type: string, body: string): FastifyReply {
  const etag = `"${hash("sha256", body).slice(0, 16)}"`;
  reply.headers({
    etag,
    "cache-control": "no-cache",
    "content-security-policy": CONTENT_SECURITY_POLICY,
    "referrer-policy": "no-referrer",
  });
  if (request.headers["if-none-match"] === etag) return reply.status(304).send();
  return reply.type(type).send(body);
}
