#!/usr/bin/env node
import "./runtime.mjs";
import { existsSync } from "node:fs";

// A server runs with two of glibc's malloc arenas: one for each thread keeps tens of MiB that nobody uses, and malloc
// reads its settings only when a process begins. So this process begins again, once, in place: same id, same files.
const serves = process.argv[2] === undefined || process.argv[2] === "serve";
if (
  serves &&
  process.platform === "linux" &&
  !process.env.MALLOC_ARENA_MAX &&
  process.execve &&
  process.connected !== true
) {
  const again = [process.execPath, ...process.execArgv, ...process.argv.slice(1)];
  process.execve(process.execPath, again, { ...process.env, MALLOC_ARENA_MAX: "2" });
}

// The sources in a checkout, what was built of them in a published package.
const source = new URL("../src/cli/main.ts", import.meta.url);
await import(existsSync(source) ? source.href : new URL("../cli/main.js", import.meta.url).href);
