import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { SERVER_ENV, SERVER_FLAGS } from "../../bin/runtime.mjs";
import type { ConfigInput } from "../../src/config/config.ts";
import type { StandInOptions } from "../../test/support/stand-in-engine.ts";

export type SoakState = {
  readonly rssBytes: number;
  /** Sockets and threads that keep the process alive. */
  readonly resources: number;
  readonly active: number;
  readonly calls: number;
};

export type SoakGateway = {
  readonly port: number;
  script(engine: number, script: StandInOptions): void;
  /** Undefined if it does not answer soon, as when frozen. */
  state(): Promise<SoakState | undefined>;
  freeze(): void;
  thaw(): void;
  kill(): Promise<void>;
  /** After `kill`: a new one on the same port. */
  restart(): Promise<void>;
};

const SCRIPT = new URL("bench-soak-gateway.ts", import.meta.url);
const ANSWER_MS = 2_000;

/** A gateway that can be killed, frozen and told how its engines are to misbehave. */
export async function startSoakGateway(config: ConfigInput): Promise<SoakGateway> {
  const launch = async (port: number): Promise<{ child: ChildProcess; port: number }> => {
    const env = { ...process.env, ...SERVER_ENV, BENCH_CONFIG: JSON.stringify({ ...config, port }) };
    const child = fork(SCRIPT, { env, execArgv: [...SERVER_FLAGS], stdio: ["ignore", "ignore", "inherit", "ipc"] });
    const ended = once(child, "exit").then(() => Promise.reject(new Error("the gateway ended at its start")));
    const [listening] = (await Promise.race([once(child, "message"), ended])) as [number];
    ended.catch(() => {});
    return { child, port: listening };
  };
  const first = await launch(0);
  let { child } = first;
  const end = async (): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, "exit");
    child.kill("SIGKILL");
    await ended;
  };
  return {
    port: first.port,
    script: (engine, script) => void (child.connected && child.send({ engine, script })),
    async state() {
      if (!child.connected) return undefined;
      const signal = AbortSignal.timeout(ANSWER_MS);
      child.send("state");
      const answer = await once(child, "message", { signal }).catch(() => undefined);
      return answer?.[0] as SoakState | undefined;
    },
    freeze: () => void child.kill("SIGSTOP"),
    thaw: () => void child.kill("SIGCONT"),
    kill: end,
    async restart() {
      await end();
      ({ child } = await launch(first.port));
    },
  };
}
