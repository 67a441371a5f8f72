import { existsSync } from "node:fs";
import { statfs } from "node:fs/promises";
import { createServer } from "node:net";
import { availableParallelism, tmpdir, totalmem } from "node:os";
import { join } from "node:path";
import { isLoopback } from "../../access.ts";
import { PAGE_DIRECTORY } from "../../app.ts";
import type { Config } from "../../config/config.ts";
import { type Check, fail, off, ok, warn } from "./check.ts";

const MIB = 1024 * 1024;
const LEAST_DISK_BYTES = 100 * MIB;
const NODE_TESTED = 24;
const PROBE_MS = 2_000;

export function checkNode(): Check {
  const { version } = process;
  const detail = `${version}, ${availableParallelism()} cores, ${Math.round(totalmem() / MIB)} MiB`;
  if (Number.parseInt(version.slice(1), 10) >= NODE_TESTED) return ok("node", detail);
  return warn("node", detail, `Mynah is tested on Node ${NODE_TESTED}; use that, or newer.`);
}

export function checkConfig({ cacheMemoryMaxBytes }: Config, warnings: readonly string[]): Check[] {
  const checks = warnings.map((text) => warn("config", text, "Correct the name, or remove it."));
  if (cacheMemoryMaxBytes > totalmem() / 2)
    checks.push(
      warn(
        "config",
        `CACHE_MEMORY_MAX_BYTES is ${Math.round(cacheMemoryMaxBytes / MIB)} MiB of this machine's ${Math.round(totalmem() / MIB)} MiB`,
        "Set it below half of the machine's memory.",
      ),
    );
  return checks.length > 0 ? checks : [ok("config", "understood, nothing unknown in it")];
}

/** Who may come in. Keys that are in Redis are not looked up: a start does that. */
export function checkAccess({ host, keys, jwtSecret, jwtJwks, allowAnonymous, adminKey, redisUrl }: Config): Check[] {
  const demands = keys.length > 0 || jwtSecret !== undefined || jwtJwks !== undefined;
  const admin =
    adminKey !== undefined || keys.some((key) => key.admin)
      ? ok("admin", "there is an admin key")
      : off(
          "admin",
          "no admin key here: the /admin routes are closed",
          "Set ADMIN_KEY to purge, warm and switch engines.",
        );
  if (demands || isLoopback(host)) {
    return [
      ok("access", demands ? "keys or tokens are demanded" : `no keys; only this machine reaches ${host}`),
      admin,
    ];
  }
  if (allowAnonymous === true)
    return [
      warn("access", `anybody who reaches ${host} may speak`, "Make keys (`mynah keys create`) unless that is meant."),
      admin,
    ];
  const detail = `${host} is open to the network and there are no keys here`;
  const advice = "Make one with `mynah keys create`, or set ALLOW_ANONYMOUS=true if that is meant.";
  return [
    redisUrl === undefined ? fail("access", detail, advice) : warn("access", `${detail}; Redis may hold some`, advice),
    admin,
  ];
}

export function checkPort({ host, port }: Config): Promise<Check> {
  const { promise, resolve } = Promise.withResolvers<Check>();
  const server = createServer();
  server.once("error", ({ code = "" }: NodeJS.ErrnoException) => {
    if (code === "EADDRINUSE") return resolve(whoListens(host, port));
    if (code === "EACCES")
      return resolve(fail("port", `this user may not listen on ${port}`, "Set PORT to one above 1023."));
    resolve(
      fail("port", `${host}:${port} cannot be listened on (${code})`, "HOST must be an address of this machine."),
    );
  });
  server.listen(port, host, () => server.close(() => resolve(ok("port", `${host}:${port} is free`))));
  return promise;
}

async function whoListens(host: string, port: number): Promise<Check> {
  const at = host === "0.0.0.0" ? "127.0.0.1" : host;
  const answer = await fetch(`http://${at}:${port}/openapi.json`, { signal: AbortSignal.timeout(PROBE_MS) })
    .then((response) => response.json() as Promise<{ info?: { title?: string } }>)
    .catch(() => undefined);
  if (answer?.info?.title === "Mynah") return ok("port", `a gateway is running on ${at}:${port}`);
  return fail(
    "port",
    `${host}:${port} is taken by something else`,
    "Set PORT to another one, or stop what listens there.",
  );
}

export async function checkDisk(): Promise<Check[]> {
  const page = existsSync(join(PAGE_DIRECTORY, "index.html"))
    ? ok("page", "built")
    : warn("page", "the page at / is not built", "Run `npm run build:page`.");
  const { bavail, bsize } = await statfs(tmpdir());
  const free = bavail * bsize;
  const detail = `${Math.round(free / MIB)} MiB free in ${tmpdir()}`;
  const disk =
    free >= LEAST_DISK_BYTES
      ? ok("disk", detail)
      : warn("disk", detail, "Make room: engines keep files there while they speak.");
  return [disk, page];
}
