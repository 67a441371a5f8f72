import type {
  ClientMessage,
  ServerMessage,
  SpokenInput,
  SpokenMark,
  SpokenWord,
  UtteranceSettings,
} from "@mynah/protocol";
import { AudioQueue } from "./audio-queue.ts";
import { deferred } from "./deferred.ts";
import { Emitter } from "./emitter.ts";
import { MynahError } from "./mynah-error.ts";
import type { Started, TextUtterance, UtteranceEnd, UtteranceEvents, UtteranceOptions } from "./utterance.ts";

/** What an utterance needs of its socket. */
export type Host = {
  /** Only called while the utterance is at the gateway. */
  send(message: ClientMessage): void;
  /** Its phase changed: it may be sent now, or has made room for another. */
  changed(): void;
  /** Bytes on their way out that have not left. */
  unsentBytes(): number;
};

export type CallDeps = {
  readonly id: string;
  readonly host: Host;
  readonly options: UtteranceOptions;
  readonly maxBufferedBytes: number;
};

const RETRY_WITHIN_MS = 5_000;
const JITTER_MS = 100;
/** More text than this is held by whoever writes it. */
const MAX_UNSENT = 1 << 16;
const POLL_MS = 50;
/** Pieces that are written faster than this go out together: gateways count messages. */
const PACE_MS = 10;
/** Text that may wait for a connection; gateways take less in one utterance. */
const MAX_WAITING_CHARS = 1 << 20;

/**
 * One utterance as the client knows it. What was written is kept until its audio begins, so that it can be sent again on another
 * connection; after that a lost connection is an error, because nobody knows what was heard.
 */
export class UtteranceCall implements TextUtterance {
  readonly id: string;
  /** What the gateway knows it by: another one each time it is asked for, since a refused id may still get our own appends. */
  wireId: string;
  readonly audio: AudioQueue;
  readonly words: SpokenWord[] = [];
  readonly marks: SpokenMark[] = [];
  /** waiting: to be sent. sent: the gateway has it. started: audio is coming. over: the gateway is through with it. */
  phase: "waiting" | "sent" | "started" | "over" = "waiting";
  /** When it may be sent, after a refusal; on the clock of `performance.now()`. */
  notBeforeMs = 0;
  /** Since when the gateway owes an answer: all was written, or it was told to stop. On the same clock. */
  owedSinceMs: number | undefined;
  readonly #host: Host;
  readonly #settings: UtteranceSettings;
  readonly #signal: AbortSignal | undefined;
  readonly #maxBufferedBytes: number;
  readonly #events = new Emitter<UtteranceEvents>();
  readonly #onAbort = (): void => this.fail(this.#signal?.reason, true);
  readonly #begin = deferred<Started>();
  readonly #finish = deferred<UtteranceEnd>();
  #written: ClientMessage[] = [];
  #writtenChars = 0;
  /** How many of `#written` the gateway has got. */
  #sent = 0;
  #pace: ReturnType<typeof setTimeout> | undefined;
  #hasText = false;
  #complete = false;
  #settled = false;
  #cancelled = false;
  #retryMsLeft: number;

  constructor({ id, host, options, maxBufferedBytes }: CallDeps) {
    const { signal, retryWithinMs = RETRY_WITHIN_MS, ...settings } = options;
    this.id = this.wireId = id;
    this.#host = host;
    this.#settings = settings;
    this.#signal = signal;
    this.#maxBufferedBytes = maxBufferedBytes;
    this.#retryMsLeft = retryWithinMs;
    this.audio = new AudioQueue(() => void this.cancel());
    if (signal?.aborted) this.#onAbort();
    else signal?.addEventListener("abort", this.#onAbort, { once: true });
  }

  get started(): Promise<Started> {
    return this.#begin.promise;
  }

  get done(): Promise<UtteranceEnd> {
    return this.#finish.promise;
  }

  /** Nothing more comes out of it for the caller, and nothing more goes in. */
  get closed(): boolean {
    return this.#settled || this.#cancelled;
  }

  /** Something of it can be said to the gateway. */
  get sendable(): boolean {
    return this.phase === "waiting" && this.#hasText;
  }

  on<Name extends keyof UtteranceEvents>(name: Name, listener: (value: UtteranceEvents[Name]) => void): () => void {
    return this.#events.on(name, listener);
  }

  /** All of it at once: what is to be said came with the options. */
  say(): void {
    this.#complete = true;
    this.#write({ type: "speak", id: this.id, ...(this.#settings as UtteranceSettings & SpokenInput) });
  }

  async append(text: string): Promise<void> {
    if (text === "" || this.#complete || this.closed) return;
    this.#write({ type: "append", id: this.id, text, ...(!this.#hasText && this.#settings) });
    const tooMuch = (): boolean =>
      this.#host.unsentBytes() > MAX_UNSENT || (this.phase === "waiting" && this.#writtenChars > MAX_UNSENT);
    while (!this.closed && tooMuch()) await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }

  flush(): void {
    if (this.#hasText && !this.#complete) this.#write({ type: "flush", id: this.id });
  }

  end(): void {
    if (this.#complete || this.closed) return;
    this.#complete = true;
    if (this.#hasText) this.#write({ type: "end", id: this.id });
    else this.fail(MynahError.of({ code: "text_empty", message: "There is no text to speak" }));
  }

  cancel(): Promise<UtteranceEnd> {
    if (this.closed) return this.done;
    this.#cancelled = true;
    this.audio.cut();
    if (this.phase === "waiting") this.#end({ outcome: "cancelled", spokenText: "" });
    else this.#send({ type: "cancel", id: this.id });
    return this.done;
  }

  /** Ends it for the caller, and at the gateway too, if it is there. `now`: what was not read yet is dropped. */
  fail(error: unknown, now = false): void {
    if (this.phase === "waiting") this.phase = "over";
    else if (!this.closed) this.#send({ type: "cancel", id: this.id });
    if (this.#cancelled) this.#settleWith({ outcome: "cancelled", spokenText: undefined });
    this.#reject(error, now);
    this.#host.changed();
  }

  /** Everything written so far goes out. */
  transmit(): void {
    this.phase = "sent";
    this.#sent = 0;
    this.#drain();
  }

  frame(bytes: Uint8Array): void {
    if (this.closed) return;
    this.audio.push(bytes);
    if (this.audio.bytes <= this.#maxBufferedBytes) return;
    const message = "Too much audio waits to be read: read it faster, or ask over HTTP";
    this.fail(MynahError.of({ code: "reader_too_slow", message }), true);
  }

  #add<Name extends "words" | "marks">(name: Name, more: UtteranceEvents[Name]): void {
    if (this.closed) return;
    (this[name] as unknown[]).push(...more);
    this.#events.emit(name, more);
  }

  /** What the gateway says about it. */
  told(message: Extract<ServerMessage, { id?: string }>): void {
    switch (message.type) {
      case "started": {
        this.phase = "started";
        this.#drain();
        const { type: _, ...started } = message;
        this.#begin.resolve(started);
        if (!this.closed) this.#events.emit("started", started);
        return;
      }
      case "words":
        this.#add("words", message.words);
        return;
      case "marks":
        this.#add("marks", message.marks);
        return;
      case "done": {
        const { type: _, ...told } = message;
        this.#end({ outcome: "done", ...told });
        return;
      }
      case "cancelled":
        this.#end({ outcome: "cancelled", spokenText: message.spokenText });
        return;
      case "error":
        this.#refused(message);
    }
  }

  /** The connection is gone. True if it is to be sent again on the next one. */
  lost(error: MynahError): boolean {
    if (this.phase === "waiting") return true;
    if (this.phase === "sent" && !this.closed) {
      this.phase = "waiting";
      return true;
    }
    if (this.#cancelled) this.#end({ outcome: "cancelled", spokenText: undefined });
    this.phase = "over";
    this.#reject(error);
    return false;
  }

  #write(message: ClientMessage): void {
    if (this.closed) return;
    this.#hasText = true;
    const last = this.#sent < this.#written.length ? this.#written.at(-1) : undefined;
    if (message.type === "append" && last?.type === "append") last.text += message.text;
    else this.#written.push(message);
    if ("text" in message && this.phase !== "started") this.#writtenChars += message.text?.length ?? 0;
    if (this.#writtenChars > MAX_WAITING_CHARS)
      this.fail(MynahError.of({ code: "text_too_long", message: "The text is too long" }));
    else this.#drain();
  }

  /** Sends what is written, but for a last piece that comes too soon after the one before. */
  #drain(): void {
    if (this.closed) return; // the end of it may be on its way, and its id free then
    if (this.phase === "waiting") {
      this.#host.changed();
      return;
    }
    for (; this.#sent < this.#written.length; this.#sent++) {
      const message = this.#written[this.#sent]!;
      if (message.type === "append") {
        if (this.#pace && this.#sent === this.#written.length - 1) break;
        this.#pace ??= setTimeout(() => {
          this.#pace = undefined;
          this.#drain();
        }, PACE_MS);
      }
      this.#send(message);
    }
    if (this.phase !== "started") return;
    this.#written.splice(0, this.#sent); // never to be sent again
    this.#sent = 0;
  }

  #send(message: ClientMessage): void {
    if (this.#complete || message.type === "cancel") this.owedSinceMs = performance.now();
    this.#host.send({ ...message, id: this.wireId });
  }

  #refused(message: Extract<ServerMessage, { type: "error" }>): void {
    const error = MynahError.of(message);
    // A server that stops names no time: the next connection leads to another one.
    const afterMs = error.retryAfterMs ?? (error.code === "shutting_down" ? 0 : Number.POSITIVE_INFINITY);
    const waitMs = afterMs + Math.random() * JITTER_MS;
    if (this.phase === "sent" && !this.closed && error.retryable && waitMs <= this.#retryMsLeft) {
      this.#retryMsLeft -= waitMs;
      this.notBeforeMs = performance.now() + waitMs;
      this.phase = "waiting";
      this.wireId += "'";
    } else {
      this.phase = "over";
      if (this.#cancelled) this.#end({ outcome: "cancelled", spokenText: error.spokenText ?? "" });
      this.#reject(error);
    }
    this.#host.changed();
  }

  #end(end: UtteranceEnd): void {
    this.phase = "over";
    this.#settleWith(end);
    this.#host.changed();
  }

  #settleWith(end: UtteranceEnd): void {
    if (!this.#settle()) return;
    this.audio.end();
    this.#finish.resolve(end);
  }

  #reject(error: unknown, now = false): void {
    if (!this.#settle()) return;
    if (now) this.audio.cut({ error });
    else this.audio.end({ error });
    this.#begin.reject(error);
    this.#finish.reject(error);
  }

  #settle(): boolean {
    if (this.#settled) return false;
    this.#settled = true;
    this.#written = [];
    this.#signal?.removeEventListener("abort", this.#onAbort);
    return true;
  }
}
