/** Servers under test run in processes of their own, so that their processor time and memory are theirs alone. */
import { type ChildProcess, execFileSync, fork } from "node:child_process";
import { once } from "node:events";
import { SERVER_ENV, SERVER_FLAGS } from "../../bin/runtime.mjs";

export type Usage = { readonly cpuMs: number; readonly rssBytes: number };
export type Child = {
  readonly port: number;
  usage(): Promise<Usage>;
  /** Sends what the script itself understands; resolves with its answer. */
  ask(message: object | string): Promise<unknown>;
  stop(): Promise<void>;
};

/** Forks a script that calls `serveAsChild`, with the runtime settings of `mynah serve` unless it is to be `plain`; on a machine with two cores it gets the first one, the load the rest. `stdout` may be an open file. */
export async function startChild(
  script: URL,
  env: Record<string, string> = {},
  { plain = false, stdout = "inherit" }: { readonly plain?: boolean; readonly stdout?: "inherit" | number } = {},
): Promise<Child> {
  const runtime = new URL("../../bin/runtime.mjs", import.meta.url).href; // with what bin/mynah.mjs does before it
  const child = fork(script, {
    env: { ...process.env, ...(!plain && SERVER_ENV), ...env },
    execArgv: plain ? [] : [...SERVER_FLAGS, "--import", runtime],
    stdio: ["ignore", stdout, "inherit", "ipc"],
  });
  pin(child);
  const ended = once(child, "exit").then(() => Promise.reject(new Error(`${script.pathname} ended at its start`)));
  const [port] = (await Promise.race([once(child, "message"), ended])) as [number];
  ended.catch(() => {});
  return {
    port,
    async usage() {
      child.send("usage");
      const [usage] = (await once(child, "message")) as [Usage];
      return usage;
    },
    async ask(message) {
      child.send(message);
      const [answer] = (await once(child, "message")) as [unknown];
      return answer;
    },
    async stop() {
      child.kill();
      await once(child, "exit");
    },
  };
}

function pin({ pid }: ChildProcess): void {
  try {
    execFileSync("taskset", ["-a", "-c", "-p", "0", String(pid)], { stdio: "ignore" });
    execFileSync("taskset", ["-a", "-c", "-p", "1", String(process.pid)], { stdio: "ignore" });
  } catch {
    // no taskset here, or one core only: processor time per request is still right
  }
}

/** In the child: tells the port, then its usage when asked. */
export function serveAsChild(port: number): void {
  process.on("message", (message) => {
    if (message !== "usage") return;
    const { user, system } = process.cpuUsage();
    process.send?.({ cpuMs: (user + system) / 1000, rssBytes: process.memoryUsage.rss() } satisfies Usage);
  });
  process.on("disconnect", () => process.exit());
  process.send?.(port);
}
