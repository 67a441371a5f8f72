import { type ChildProcess, fork } from "node:child_process";
import { SpeechError } from "../../core/errors.ts";
import { Mailbox } from "../../threads/mailbox.ts";
import type { FromModel, SherpaConfig, ToModel } from "./neural-protocol.ts";

export type ModelProcessOptions = {
  /** The engine's. */
  readonly name: string;
  /** Path of sherpa-onnx-node. */
  readonly module: string;
  readonly config: SherpaConfig;
  readonly loadTimeoutMs: number;
};

export type LoadedModel = { readonly sampleRateHz: number; readonly speakers: number };
export type ModelJob = { readonly text: string; readonly speaker: number; readonly speed: number };

const SCRIPT = new URL(import.meta.url.endsWith(".ts") ? "./neural-worker.ts" : "./neural-worker.js", import.meta.url);
/** sherpa-onnx finishes the sentence that it is at before it stops; a process that takes longer is ended. */
const CANCEL_GRACE_MS = 1_500;
const STDERR_CHARS = 2_000;

/**
 * One model in a process of its own, one text at a time. The process is started when it is needed; when it crashes,
 * hangs or does not load in time, what it was doing fails with a reason, and the next text starts a new one.
 */
export class ModelProcess {
  readonly #options: ModelProcessOptions;
  #child: ChildProcess | undefined;
  #loaded: Promise<LoadedModel> | undefined;
  #receive: ((message: FromModel) => void) | undefined;
  #gone: ((error: SpeechError) => void) | undefined;
  #complaint = "";
  #lastId = 0;
  #busy = Promise.resolve();

  constructor(options: ModelProcessOptions) {
    this.#options = options;
  }

  /** Starts the process if it does not run. Rejects with `engine_failed`, or `engine_timeout` after the load deadline. */
  load(): Promise<LoadedModel> {
    this.#loaded ??= this.#start();
    return this.#loaded;
  }

  /** Speaks; samples as they are made. Only when it is free. An abort ends the work, if need be with its process. */
  async *speak(job: ModelJob, signal: AbortSignal): AsyncGenerator<Uint8Array> {
    await this.load();
    signal.throwIfAborted();
    const id = ++this.#lastId;
    const mailbox = new Mailbox<Uint8Array>();
    const over = Promise.withResolvers<void>();
    this.#busy = over.promise;
    this.#hold(true);
    this.#receive = (message) => {
      if (message.type === "ready" || message.id !== id) return;
      if (message.type === "audio") return mailbox.put(message.samples);
      // It lives and refuses: the next text is none the worse for it.
      if (message.type === "failed") mailbox.fail(this.#cannotSay(message.reason));
      else mailbox.end();
      over.resolve();
    };
    this.#gone = (error) => {
      mailbox.fail(error);
      over.resolve();
    };
    const abandon = (): void => mailbox.fail(signal.reason);
    signal.addEventListener("abort", abandon, { once: true });
    let ended = false;
    try {
      this.#send({ type: "speak", id, ...job });
      yield* mailbox;
      ended = true;
    } finally {
      signal.removeEventListener("abort", abandon);
      if (!ended) this.#abandon(id, over.promise);
      this.#hold(false);
    }
  }

  /** Resolves when it can take the next text: what was given up may still be at its last sentence. */
  free(): Promise<void> {
    return this.#busy;
  }

  close(): void {
    this.#kill();
  }

  #start(): Promise<LoadedModel> {
    const { module, config, loadTimeoutMs, name } = this.#options;
    this.#complaint = "";
    const child = fork(SCRIPT, { serialization: "advanced", stdio: ["ignore", "ignore", "pipe", "ipc"], execArgv: [] });
    this.#child = child;
    child.stderr?.on("data", (bytes: Buffer) => {
      this.#complaint = (this.#complaint + bytes.toString()).slice(-STDERR_CHARS);
    });
    const { promise, resolve, reject } = Promise.withResolvers<LoadedModel>();
    const late = setTimeout(() => {
      reject(
        new SpeechError("engine_timeout", `${name}'s model was not loaded within ${loadTimeoutMs} ms`, {
          engine: name,
        }),
      );
      child.kill("SIGKILL");
    }, loadTimeoutMs);
    child.on("message", (message: FromModel) => {
      if (message.type === "ready") resolve({ sampleRateHz: message.sampleRateHz, speakers: message.speakers });
      else if (message.type === "failed" && message.id === undefined) reject(this.#failure(message.reason));
      else this.#receive?.(message);
    });
    child.on("error", (error) => reject(this.#failure(error.message)));
    // Not at "exit": what it complained of may still be on its way.
    child.once("close", (code, signal) => {
      const error = this.#failure(`its process ended (${signal ?? `code ${code}`})${this.#lastComplaint()}`);
      reject(error);
      if (this.#child !== child) return;
      this.#child = undefined;
      this.#loaded = undefined;
      this.#gone?.(error);
    });
    promise
      .catch(() => this.#forget(child))
      .finally(() => {
        clearTimeout(late);
        this.#hold(false);
      });
    child.send({ type: "load", module, config } satisfies ToModel, () => {}); // a process that is gone is told by "close"
    return promise;
  }

  #abandon(id: number, over: Promise<void>): void {
    this.#send({ type: "cancel", id });
    const late = setTimeout(() => this.#kill(), CANCEL_GRACE_MS);
    void over.finally(() => clearTimeout(late));
  }

  /** Its process keeps ours alive while somebody waits for it, and no longer. */
  #hold(held: boolean): void {
    const child = this.#child;
    const handles = [child, child?.channel, child?.stderr as { ref?(): void; unref?(): void } | null | undefined];
    for (const handle of handles) {
      if (held) handle?.ref?.();
      else handle?.unref?.();
    }
  }

  #forget(child: ChildProcess): void {
    if (this.#child !== child) return;
    this.#loaded = undefined;
    this.#kill();
  }

  #send(message: ToModel): void {
    const child = this.#child;
    if (child?.connected) child.send(message, () => {}); // as above
  }

  #kill(): void {
    this.#child?.kill("SIGKILL");
  }

  #failure(reason: string): SpeechError {
    const { name } = this.#options;
    return new SpeechError("engine_failed", `${name}'s model failed: ${reason}`, { engine: name });
  }

  #cannotSay(reason: string): SpeechError {
    const { name } = this.#options;
    return new SpeechError("engine_cannot_say", `${name}'s model cannot say this: ${reason}`, { engine: name });
  }

  /** The line that says most; native code writes where it stood before it, and a stack after it. */
  #lastComplaint(): string {
    const lines = this.#complaint
      .split("\n")
      .map((line) => line.trim())
      .filter((line) => line !== "");
    const line = lines.find((one) => /error|fail|not|missing|unknown|unsupported/i.test(one)) ?? lines.at(-1);
    return line === undefined ? "" : `: ${line.slice(0, 300)}`;
  }
}
