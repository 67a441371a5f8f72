import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";

/** A Lua script and the digest by which Redis knows it. */
export type RedisScript = { readonly source: string; readonly sha1: string };

/** Reads one or more `.lua` files as one script, what they share first. At start only: it blocks. */
export function loadScript(...files: readonly URL[]): RedisScript {
  const source = files.map((file) => readFileSync(file, "utf8")).join("\n");
  return { source, sha1: createHash("sha1").update(source).digest("hex") };
}

/** A script of one line, written where it is used. */
export function inlineScript(source: string): RedisScript {
  return { source, sha1: createHash("sha1").update(source).digest("hex") };
}
