import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { PageFiles } from "./page-files.ts";

/** The page loads nothing from elsewhere, so it may not. */
const CONTENT_SECURITY_POLICY =
  "default-src 'self'; media-src 'self' blob:; img-src 'self' data:; object-src 'none'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'";

const NOT_BUILT = `<!doctype html><title>Mynah</title><p>The gateway is running, but its page has not been built.
Run <code>npm run build:page</code> and start it again. The API is at <code>/v1/audio/speech</code>.`;

/** The build puts a hash of the content into the names of everything below it. */
const ASSETS = "/assets/";
const INDEX = "/index.html";

/** The page at `/`: a few small files, served from memory. */
export function pageRoutes(app: FastifyInstance, { directory }: { directory: string }): void {
  const files = new PageFiles(directory);
  const hidden = { schema: { hide: true } };
  const answer = (path: string) => (request: FastifyRequest, reply: FastifyReply) => send(files, path, request, reply);
  app.get("/", hidden, answer(INDEX));
  for (const path of files.paths()) if (path !== INDEX && !path.startsWith(ASSETS)) app.get(path, hidden, answer(path));
  app.get<{ Params: { "*": string } }>(`${ASSETS}*`, hidden, (request, reply) =>
    send(files, `${ASSETS}${request.params["*"]}`, request, reply),
  );
}

async function send(
  files: PageFiles,
  path: string,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const file = await files.get(path);
  if (file === undefined && path !== INDEX) {
    reply.callNotFound();
    return reply;
  }
  reply.headers({ "content-security-policy": CONTENT_SECURITY_POLICY, "referrer-policy": "no-referrer" });
  if (file === undefined) return reply.type("text/html; charset=utf-8").send(NOT_BUILT);
  reply.headers({
    etag: file.etag,
    "cache-control": path.startsWith(ASSETS) ? "public, max-age=31536000, immutable" : "no-cache",
  });
  if (request.headers["if-none-match"] === file.etag) return reply.status(304).send();
  const packed = /\bgzip\b/.test(request.headers["accept-encoding"] ?? "") ? file.gzip : undefined;
  if (packed !== undefined) reply.header("content-encoding", "gzip");
  return reply
    .type(file.type)
    .header("vary", "accept-encoding")
    .send(packed ?? file.body);
}
