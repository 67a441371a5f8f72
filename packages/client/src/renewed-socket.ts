import type { ServerMessage, SpokenInput } from "@mynah/protocol";
import type { ConnectOptions, SocketEvents, SpeechSocket } from "./connect.ts";
import { Connection } from "./connection.ts";
import { Emitter } from "./emitter.ts";
import { feedText } from "./feed-text.ts";
import { MynahError } from "./mynah-error.ts";
import { openSocket } from "./open-socket.ts";
import type { TextUtterance, Utterance, UtteranceOptions } from "./utterance.ts";
import { type Host, UtteranceCall } from "./utterance-call.ts";

const SILENCE_TIMEOUT_MS = 30_000;
const MAX_BUFFERED_BYTES = 32 << 20;

/** The utterances of one `connect()`, over whatever connection there is at the time. */
export class RenewedSocket implements SpeechSocket {
  readonly #options: ConnectOptions;
  readonly #silenceMs: number;
  readonly #events = new Emitter<SocketEvents>();
  readonly #connection: Connection;
  readonly #host: Host;
  /** In the order in which they were asked for. */
  readonly #calls = new Map<string, UtteranceCall>();
  readonly #streams = new Map<number, UtteranceCall>();
  #maxUtterances = 1;
  /** The server is stopping and takes no more. */
  #leaving = false;
  #count = 0;
  #closed: MynahError | undefined;
  #turn: ReturnType<typeof setTimeout> | undefined;
  readonly #onAbort = (): void => void this.close();
  #watch: ReturnType<typeof setTimeout> | undefined;

  constructor(options: ConnectOptions) {
    this.#options = options;
    this.#silenceMs = options.silenceTimeoutMs ?? SILENCE_TIMEOUT_MS;
    this.#connection = new Connection({
      open: (use) => openSocket(options, use),
      backoff: options.backoff ?? {},
      onReady: (ready) => {
        this.#maxUtterances = ready.maxUtterances;
        this.#leaving = false;
        this.#pump();
        this.#events.emit("ready", ready);
      },
      onMessage: (message) => this.#told(message),
      onFrame: (stream, bytes) => this.#streams.get(stream)?.frame(bytes),
      onLost: (error, final) => this.#lost(error, final),
    });
    this.#host = {
      send: (message) => this.#connection.send(message),
      changed: () => this.#pump(),
      unsentBytes: () => this.#connection.unsentBytes,
    };
    const { signal } = options;
    if (signal?.aborted) void this.close();
    else this.#connection.want();
    signal?.addEventListener("abort", this.#onAbort, { once: true });
  }

  speak(options: UtteranceOptions & SpokenInput): Utterance {
    const call = this.#begin(options);
    call.say();
    return call;
  }

  open(options: UtteranceOptions = {}): TextUtterance {
    return this.#begin(options);
  }

  stream(text: AsyncIterable<string> | Iterable<string>, options: UtteranceOptions = {}): Utterance {
    const call = this.#begin(options);
    void feedText(call, text);
    return call;
  }

  async cancel(): Promise<void> {
    await Promise.allSettled([...this.#calls.values()].map((call) => call.cancel()));
  }

  on<Name extends keyof SocketEvents>(name: Name, listener: (value: SocketEvents[Name]) => void): () => void {
    return this.#events.on(name, listener);
  }

  async close(): Promise<void> {
    this.#closed ??= MynahError.of({ code: "closed", message: "The socket is closed" });
    clearTimeout(this.#turn);
    clearTimeout(this.#watch);
    this.#options.signal?.removeEventListener("abort", this.#onAbort);
    for (const call of this.#calls.values()) call.fail(this.#closed);
    this.#calls.clear();
    await this.#connection.close();
  }

  #begin(options: UtteranceOptions): UtteranceCall {
    const { maxBufferedBytes = MAX_BUFFERED_BYTES } = this.#options;
    const call = new UtteranceCall({ id: `u${++this.#count}`, host: this.#host, options, maxBufferedBytes });
    if (this.#closed) call.fail(this.#closed);
    else if (!call.closed) this.#calls.set(call.id, call);
    return call;
  }

  /** Sends what may be sent, forgets what is over, and sees to it that there is a connection if somebody needs one. */
  #pump(): void {
    clearTimeout(this.#turn);
    if (this.#closed) return;
    const nowMs = performance.now();
    let nextMs = Number.POSITIVE_INFINITY;
    let busy = 0;
    for (const call of this.#calls.values()) {
      if (call.phase === "over") this.#calls.delete(call.id);
      else if (call.phase !== "waiting") busy++;
    }
    for (const call of this.#calls.values()) {
      if (!call.sendable) continue;
      this.#connection.want();
      if (!this.#connection.ready || this.#leaving || busy >= this.#maxUtterances) break;
      if (call.notBeforeMs > nowMs) {
        nextMs = Math.min(nextMs, call.notBeforeMs - nowMs);
        continue;
      }
      call.transmit();
      busy++;
    }
    if (nextMs !== Number.POSITIVE_INFINITY) this.#turn = setTimeout(() => this.#pump(), nextMs);
    if (busy > 0) this.#watch ??= setTimeout(() => this.#listen(), this.#silenceMs / 4);
    else if (this.#leaving && this.#connection.ready)
      this.#connection.drop("connection_lost", "The gateway is stopping");
  }

  #told(message: ServerMessage): void {
    if (!("id" in message) || message.id === undefined) return;
    const call = this.#calls.get(message.id.replace(/'+$/, ""));
    if (call?.wireId !== message.id) return; // it is over, and this crossed our cancel
    if (message.type === "started") this.#streams.set(message.stream, call);
    if (message.type === "error" && message.code === "shutting_down") this.#leaving = true;
    call.told(message as Extract<ServerMessage, { id?: string }>);
    if (call.phase === "started") return;
    for (const [stream, other] of this.#streams) if (other === call) this.#streams.delete(stream);
  }

  #lost(error: MynahError, final: boolean): boolean {
    clearTimeout(this.#watch);
    this.#watch = undefined;
    this.#streams.clear();
    let waiting = false;
    for (const call of this.#calls.values()) {
      const stays = call.lost(error);
      if (!stays) this.#calls.delete(call.id);
      else if (final && call.sendable) call.fail(error);
      else waiting ||= call.sendable;
    }
    this.#events.emit("lost", error);
    return waiting;
  }

  /** A half-open connection says nothing for ever. */
  #listen(): void {
    this.#watch = undefined;
    const sinceMs = performance.now() - this.#silenceMs;
    const owes = [...this.#calls.values()].some(
      ({ phase, owedSinceMs = Number.POSITIVE_INFINITY }) => phase !== "waiting" && owedSinceMs < sinceMs,
    );
    if (owes && this.#connection.heardAtMs < sinceMs) this.#connection.drop("connection_lost", "The gateway is silent");
    else this.#pump();
  }
}
