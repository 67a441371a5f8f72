#!/usr/bin/env node
import { existsSync } from "node:fs";
import { SERVER_ENV, SERVER_FLAGS } from "./runtime.mjs";

// V8 and malloc read these settings only when a process begins. So a server's process begins again, once and in place:
// same id, same files, no second process that would have to pass on signals.
const serves = process.argv[2] === undefined || process.argv[2] === "serve";
const isSet = process.execArgv.includes(SERVER_FLAGS[0]);
if (serves && !isSet && process.platform === "linux" && process.execve && process.connected !== true) {
  const again = [process.execPath, ...SERVER_FLAGS, ...process.execArgv, ...process.argv.slice(1)];
  process.execve(process.execPath, again, { ...SERVER_ENV, ...process.env });
}

// The sources in a checkout, what was built of them in a published package.
const source = new URL("../src/cli/main.ts", import.meta.url);
await import(existsSync(source) ? source.href : new URL("../cli/main.js", import.meta.url).href);
