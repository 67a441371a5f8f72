import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { createConnection } from "node:net";
import type { ConfigInput } from "../../src/config/config.ts";
import type { StandInOptions } from "./stand-in-engine.ts";

/** A gateway in a process of its own, around a scripted engine. */
export type GatewayProcess = {
  readonly port: number;
  readonly url: string;
  /** SIGKILL: its sockets break, what it led is orphaned. */
  kill(): Promise<void>;
  /** SIGSTOP: its sockets stand and say nothing. */
  freeze(): void;
  thaw(): void;
  /** After `kill`: a new one, on the same port. */
  restart(): Promise<void>;
  /** Syntheses begun by its engine since it started. */
  syntheses(): Promise<number>;
  stop(): Promise<void>;
};

const SCRIPT = new URL("../../bench/support/bench-gateway.ts", import.meta.url);

export async function startGatewayProcess(
  config: ConfigInput,
  engine: Omit<StandInOptions, "clock" | "failWith"> = {},
): Promise<GatewayProcess> {
  const launch = async (port?: number): Promise<{ child: ChildProcess; port: number }> => {
    const env = {
      ...process.env,
      BENCH_ENGINE: JSON.stringify(engine),
      BENCH_CONFIG: JSON.stringify(port === undefined ? config : { ...config, port }),
    };
    const child = fork(SCRIPT, { env, execArgv: [], stdio: ["ignore", "ignore", "inherit", "ipc"] });
    const exit = once(child, "exit").then(() => Promise.reject(new Error("the gateway ended at its start")));
    const [listening] = (await Promise.race([once(child, "message"), exit])) as [number];
    exit.catch(() => {});
    return { child, port: listening };
  };
  const first = await launch();
  const { port } = first;
  let { child } = first;
  const url = `http://127.0.0.1:${port}`;
  const end = async (): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, "exit");
    child.kill("SIGKILL"); // works on a frozen one too
    await ended;
  };
  return {
    port,
    url,
    kill: end,
    stop: end,
    freeze: () => void child.kill("SIGSTOP"),
    thaw: () => void child.kill("SIGCONT"),
    async restart() {
      await end();
      ({ child } = await launch(port));
    },
    async syntheses() {
      const response = await fetch(`${url}/v1/stats`);
      return ((await response.json()) as { syntheses: { started: number } }).syntheses.started;
    },
  };
}

/** One request on a socket of its own, its audio as it comes. */
export type Caller = {
  /** Bytes of the body so far. */
  readonly bytes: number;
  /** Monotonic ms of the first byte of audio. */
  readonly firstByteAt: number | undefined;
  /** The longest time in which nothing came, after the first byte. */
  readonly longestGapMs: number;
  /** The whole body. Rejects if the answer was cut, or was not a 200. */
  readonly audio: Promise<Buffer>;
};

/** POST /v1/audio/speech by hand: fetch pools sockets, and the first byte's time is asked for. */
export function call(port: number, body: Readonly<Record<string, unknown>>): Caller {
  const text = JSON.stringify({ model: "auto", voice: "one", response_format: "pcm", ...body });
  const socket = createConnection({ port, host: "127.0.0.1", noDelay: true });
  const caller = { bytes: 0, firstByteAt: undefined as number | undefined, longestGapMs: 0 };
  const received: Buffer[] = [];
  let head: string | undefined;
  let lastAt = 0;
  socket.write(
    `POST /v1/audio/speech HTTP/1.1\r\nhost: t\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(text)}\r\n\r\n${text}`,
  );
  const audio = new Promise<Buffer>((resolve, reject) => {
    socket.on("error", reject);
    socket.on("data", (data: Buffer) => {
      received.push(data);
      const now = performance.now();
      if (head === undefined) {
        const sofar = Buffer.concat(received);
        const at = sofar.indexOf("\r\n\r\n");
        if (at < 0) return;
        head = sofar.subarray(0, at).toString("latin1");
        received.splice(0, received.length, sofar.subarray(at + 4));
        caller.bytes = sofar.length - at - 4;
      } else caller.bytes += data.length;
      if (caller.bytes === 0) return;
      if (caller.firstByteAt !== undefined) caller.longestGapMs = Math.max(caller.longestGapMs, now - lastAt);
      caller.firstByteAt ??= now;
      lastAt = now;
    });
    socket.on("close", () => {
      try {
        resolve(bodyOf(head, Buffer.concat(received)));
      } catch (error) {
        reject(error as Error);
      }
    });
  });
  audio.catch(() => {});
  return Object.assign(caller, { audio });
}

function bodyOf(head: string | undefined, raw: Buffer): Buffer {
  if (head === undefined) throw new Error("no answer");
  const body = /transfer-encoding: *chunked/i.test(head) ? unchunked(raw) : raw;
  if (!head.startsWith("HTTP/1.1 200"))
    throw new Error(`${head.split("\r\n", 1)[0]}: ${body.toString("utf8", 0, 300)}`);
  const length = /content-length: *(\d+)/i.exec(head)?.[1];
  if (length !== undefined && Number(length) !== body.length) throw new Error("the answer was cut");
  return body;
}

function unchunked(raw: Buffer): Buffer {
  const parts: Buffer[] = [];
  for (let at = 0; ; ) {
    const line = raw.indexOf("\r\n", at);
    const size = line < 0 ? Number.NaN : Number.parseInt(raw.toString("latin1", at, line), 16);
    if (size === 0) return Buffer.concat(parts);
    if (Number.isNaN(size) || line + 2 + size > raw.length) throw new Error("the answer was cut");
    parts.push(raw.subarray(line + 2, line + 2 + size));
    at = line + 2 + size + 2;
  }
}
