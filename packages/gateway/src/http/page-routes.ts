import { hash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { extname, join, relative } from "node:path";
import { gzipSync } from "node:zlib";
import type { FastifyInstance } from "fastify";

const TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
  ".png": "image/png",
  ".ico": "image/x-icon",
  ".woff2": "font/woff2",
  ".json": "application/json",
  ".webmanifest": "application/manifest+json",
};

/** The page loads nothing from elsewhere, so it may not. */
const CONTENT_SECURITY_POLICY =
  "default-src 'self'; media-src 'self' blob:; img-src 'self' data:; object-src 'none'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'";

const NOT_BUILT = `<!doctype html><title>Mynah</title><p>The gateway is running, but its page has not been built.
Run <code>npm run build:page</code> and start it again. The API is at <code>/v1/audio/speech</code>.`;

type PageFile = {
  readonly body: Buffer;
  /** The same packed, where that is smaller. */
  readonly gzip: Buffer | undefined;
  readonly type: string;
  readonly etag: string;
  readonly immutable: boolean;
};

/** The page at `/`: a few small files, read once and served from memory. */
export function pageRoutes(app: FastifyInstance, { directory }: { directory: string }): void {
  for (const [path, file] of readPage(directory)) {
    app.get(path, { schema: { hide: true } }, async (request, reply) => {
      reply.headers({
        etag: file.etag,
        "cache-control": file.immutable ? "public, max-age=31536000, immutable" : "no-cache",
        "content-security-policy": CONTENT_SECURITY_POLICY,
        "referrer-policy": "no-referrer",
      });
      if (request.headers["if-none-match"] === file.etag) return reply.status(304).send();
      const packed = file.gzip !== undefined && /\bgzip\b/.test(request.headers["accept-encoding"] ?? "");
      if (packed) reply.header("content-encoding", "gzip");
      return reply
        .type(file.type)
        .header("vary", "accept-encoding")
        .send(packed ? file.gzip : file.body);
    });
  }
}

function readPage(directory: string): Map<string, PageFile> {
  const files = new Map<string, PageFile>();
  for (const name of listed(directory)) {
    const body = readFileSync(join(directory, name));
    const path = name === "index.html" ? "/" : `/${name.replaceAll("\\", "/")}`;
    const type = TYPES[extname(name)] ?? "application/octet-stream";
    // The build puts a hash of the content into the names of everything below assets/.
    files.set(path, {
      body,
      gzip: packed(body),
      type,
      etag: `"${hash("sha256", body).slice(0, 16)}"`,
      immutable: path.startsWith("/assets/"),
    });
  }
  if (!files.has("/")) {
    files.set("/", {
      body: Buffer.from(NOT_BUILT),
      gzip: undefined,
      type: TYPES[".html"]!,
      etag: '"not-built"',
      immutable: false,
    });
  }
  return files;
}

function packed(body: Buffer): Buffer | undefined {
  const smaller = gzipSync(body, { level: 9 });
  return smaller.byteLength < body.byteLength ? smaller : undefined;
}

function listed(directory: string): string[] {
  try {
    const entries = readdirSync(directory, { recursive: true, withFileTypes: true });
    return entries
      .filter((entry) => entry.isFile())
      .map((entry) => relative(directory, join(entry.parentPath, entry.name)));
  } catch {
    return [];
  }
}
