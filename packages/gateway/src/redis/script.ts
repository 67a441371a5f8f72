import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";

/** A Lua script and the digest by which Redis knows it. */
export type RedisScript = { readonly source: string; readonly sha1: string };

/** Reads a `.lua` file. At start only: it blocks. */
export function loadScript(file: URL): RedisScript {
  const source = readFileSync(file, "utf8");
  return { source, sha1: createHash("sha1").update(source).digest("hex") };
}
