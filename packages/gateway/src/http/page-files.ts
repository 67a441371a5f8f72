import { hash } from "node:crypto";
import { readdirSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { extname, join, relative } from "node:path";
import { promisify } from "node:util";
import { gzip } from "node:zlib";

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

export type PageFile = {
  readonly body: Buffer;
  /** The same packed, where that is smaller. */
  readonly gzip: Buffer | undefined;
  readonly type: string;
  readonly etag: string;
};

/**
 * The built page. What files there are is found out once, so nothing else of the disk can be asked for; each is read and
 * packed when it is first asked for, since a start need not wait for 250 flags, and then kept.
 */
export class PageFiles {
  readonly #directory: string;
  readonly #names: ReadonlyMap<string, string>;
  readonly #read = new Map<string, Promise<PageFile | undefined>>();

  constructor(directory: string) {
    this.#directory = directory;
    this.#names = new Map(listed(directory).map((name) => [`/${name.replaceAll("\\", "/")}`, name]));
  }

  /** URL paths, as `/index.html`. */
  paths(): Iterable<string> {
    return this.#names.keys();
  }

  /** Undefined: there is no such file, or none any more: the page was built anew. Rejects when it cannot be read. */
  async get(path: string): Promise<PageFile | undefined> {
    const name = this.#names.get(path);
    if (name === undefined) return undefined;
    const known = this.#read.get(path);
    if (known !== undefined) return known;
    const file = read(join(this.#directory, name)).catch((error: unknown) => {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
      throw error;
    });
    this.#read.set(path, file);
    const forget = () => this.#read.delete(path); // it may be there again when the build is done
    file.then((found) => found ?? forget(), forget);
    return file;
  }
}

async function read(path: string): Promise<PageFile> {
  const body = await readFile(path);
  const packed = await promisify(gzip)(body, { level: 9 });
  return {
    body,
    gzip: packed.byteLength < body.byteLength ? packed : undefined,
    type: TYPES[extname(path)] ?? "application/octet-stream",
    etag: `"${hash("sha256", body).slice(0, 16)}"`,
  };
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
