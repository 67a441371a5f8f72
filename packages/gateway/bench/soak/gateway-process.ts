import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { SERVER_ENV, SERVER_FLAGS } from "../../bin/runtime.mjs";
import type { ConfigInput } from "../../src/config/config.ts";
import type { StandInOptions } from "../../test/support/stand-in-engine.ts";
import { within } from "./deadline.ts";
import type { ChildState, FromChild, ToChild } from "./gateway-child.ts";

/** What a gateway tells of its own accord. */
export type GatewayWord = Extract<FromChild, { type: "call" | "called" | "note" }>;
export type GatewayOptions = {
  readonly config: ConfigInput;
  /** Also told when the process is gone, by its lives so far. */
  readonly onWord: (word: GatewayWord, life: number) => void;
  /** It ended and nobody had asked it to. */
  readonly onCrash: (how: string) => void;
};

const SCRIPT = new URL("gateway-child.ts", import.meta.url);
const START_MS = 60_000;
const END_MS = 10_000;
const STOP_MS = 45_000;
const STATE_MS = 2_000;

/** A gateway that can be killed, frozen, stopped and told how its engines are to misbehave. */
export class SoakGateway {
  readonly #options: GatewayOptions;
  readonly #answers = new Map<number, (state: ChildState) => void>();
  #child: ChildProcess | undefined;
  #mayEnd = false;
  #asked = 0;
  /** Processes so far. */
  lives = 0;
  port = 0;

  constructor(options: GatewayOptions) {
    this.#options = options;
  }

  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  /** On the same port as before, if there was a before. */
  async start(): Promise<void> {
    const { config, onWord, onCrash } = this.#options;
    const env = { ...process.env, ...SERVER_ENV, BENCH_CONFIG: JSON.stringify({ ...config, port: this.port }) };
    const child = fork(SCRIPT, { env, execArgv: [...SERVER_FLAGS], stdio: ["ignore", "ignore", "inherit", "ipc"] });
    const life = ++this.lives;
    this.#child = child;
    this.#mayEnd = false;
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    child.on("error", () => {}); // a message to one that is being killed
    child.once("exit", (code, signal) => {
      reject(new Error("the gateway ended at its start"));
      if (!this.#mayEnd) onCrash(`gateway on port ${this.port} ended with ${signal ?? code}`);
    });
    child.on("message", (message: FromChild) => {
      if (message.type === "listening") resolve(message.port);
      else if (message.type === "state") this.#answers.get(message.id)?.(message.state);
      else onWord(message, life);
    });
    promise.catch(() => {});
    this.port = await within(START_MS, "a gateway to listen", promise);
  }

  script(engine: number, script: StandInOptions): void {
    this.#send({ type: "script", engine, script });
  }

  /** Undefined if it does not answer soon, as when frozen. */
  async state(): Promise<ChildState | undefined> {
    const id = ++this.#asked;
    const { promise, resolve } = Promise.withResolvers<ChildState>();
    this.#answers.set(id, resolve);
    this.#send({ type: "state", id });
    try {
      return await within(STATE_MS, "the state of a gateway", promise);
    } catch {
      return undefined;
    } finally {
      this.#answers.delete(id);
    }
  }

  freeze(): void {
    this.#child?.kill("SIGSTOP");
  }

  thaw(): void {
    this.#child?.kill("SIGCONT");
  }

  async kill(): Promise<void> {
    await this.#end("SIGKILL", END_MS);
  }

  /** SIGTERM. Gives how it ended: 0 if in order. */
  async stop(): Promise<number | string> {
    return this.#end("SIGTERM", STOP_MS);
  }

  /** For whoever leaves without waiting. */
  abandon(): void {
    this.#mayEnd = true;
    this.#child?.kill("SIGKILL");
  }

  async #end(signal: NodeJS.Signals, ms: number): Promise<number | string> {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return "was gone";
    this.#mayEnd = true;
    const ended = once(child, "exit") as Promise<[number | null, string | null]>;
    child.kill(signal);
    const [code, by] = await within(ms, `a gateway to end by ${signal}`, ended);
    return code ?? by ?? "?";
  }

  #send(message: ToChild): void {
    if (this.#child?.connected) this.#child.send(message, () => {});
  }
}
