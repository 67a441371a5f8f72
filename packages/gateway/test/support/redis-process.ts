import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { accessSync, constants, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";

export type RedisProcess = {
  readonly url: string;
  readonly port: number;
  /** Ends it and removes its files. */
  stop(): Promise<void>;
  /** SIGKILL: its connections break, its data is gone. */
  kill(): Promise<void>;
  /** SIGSTOP: it accepts connections, by its kernel, and never answers. */
  freeze(): void;
  thaw(): void;
  /** After `kill`: a new and empty one on the same port. */
  restart(): Promise<void>;
};

/**
 * Becomes the server (exec, so the child's pid is the server's) and leaves a watcher behind that reads our end of a
 * pipe: when the test process dies, however it dies, the pipe closes and the server is killed, frozen or not.
 */
const WATCHED = `exec 3<&0 0</dev/null; (cat <&3; kill -9 $$) >/dev/null 2>&1 & exec 3<&-; exec "$@"`;

/** A server's program, Redis or Valkey, from PATH or from where `tools/test-setup.ts` puts it. */
export function findRedisServer(names: readonly string[] = ["redis-server", "valkey-server"]): string | undefined {
  const folders = [...(process.env.PATH ?? "").split(delimiter), "/usr/sbin", "/usr/local/bin"];
  return folders.flatMap((folder) => names.map((name) => join(folder, name))).find(isExecutable);
}

/** A real server on a free port, keeping nothing on disk. `args` as on its command line. */
export async function startRedis({
  args = [],
  program,
}: {
  args?: readonly string[];
  program?: string;
} = {}): Promise<RedisProcess> {
  return startServer((port, folder) => ["--port", String(port), "--dir", folder, ...QUIET, ...args], program);
}

/** A Sentinel for a master on this machine; `quorum` of its like must agree that the master is gone. */
export async function startSentinel({
  masterName,
  masterPort,
  quorum = 1,
}: {
  masterName: string;
  masterPort: number;
  quorum?: number;
}): Promise<RedisProcess> {
  return startServer((port, folder) => {
    const file = join(folder, "sentinel.conf"); // it insists on a file it can write to
    const lines = [
      `port ${port}`,
      "bind 127.0.0.1",
      `dir ${folder}`,
      `sentinel monitor ${masterName} 127.0.0.1 ${masterPort} ${quorum}`,
      `sentinel down-after-milliseconds ${masterName} 500`,
      `sentinel failover-timeout ${masterName} 2000`,
    ];
    writeFileSync(file, lines.join("\n"));
    return [file, "--sentinel"];
  });
}

async function startServer(
  argsFor: (port: number, folder: string) => readonly string[],
  program = findRedisServer(),
): Promise<RedisProcess> {
  if (!program) throw new Error("redis-server is missing: apt-get install redis-server");
  const folder = mkdtempSync(join(tmpdir(), "mynah-redis-"));
  const port = await freePort();
  const start = () => launch(program, argsFor(port, folder));
  let child = await start();
  const end = async (): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, "exit");
    child.kill("SIGKILL"); // works on a frozen one too, and there is nothing to save
    await ended;
  };
  return {
    url: `redis://127.0.0.1:${port}`,
    port,
    kill: end,
    freeze: () => void child.kill("SIGSTOP"),
    thaw: () => void child.kill("SIGCONT"),
    async restart() {
      await end();
      child = await start();
    },
    async stop() {
      await end();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

const QUIET = ["--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--daemonize", "no", "--databases", "2"];
const START_TIMEOUT_MS = 10_000;

async function launch(program: string, args: readonly string[]): Promise<ChildProcess> {
  const child = spawn("/bin/sh", ["-c", WATCHED, "sh", program, ...args], { stdio: ["pipe", "pipe", "pipe"] });
  child.stdin.on("error", () => {});
  child.once("exit", () => child.stdin.end()); // lets the watcher go
  let log = "";
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const timer = setTimeout(() => reject(new Error(`${program} did not get ready:\n${log}`)), START_TIMEOUT_MS);
  child.once("exit", () => reject(new Error(`${program} ended at its start:\n${log}`)));
  child.once("error", reject);
  child.stdout.on("data", (data: Buffer) => {
    if (log.length < 10_000) log += data.toString();
    if (/Ready to accept connections|Sentinel ID is/.test(log)) resolve();
  });
  child.stderr.resume();
  await promise
    .catch((error: unknown) => {
      child.kill("SIGKILL");
      throw error;
    })
    .finally(() => clearTimeout(timer));
  return child;
}

/** A port that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
