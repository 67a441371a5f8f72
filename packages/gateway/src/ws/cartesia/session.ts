import { randomUUID } from "node:crypto";
import { SpeechError } from "../../core/errors.ts";
import { DEFAULT_CACHE_POLICY } from "../../core/utterance.ts";
import { errorEvent } from "../../http/cartesia/events.ts";
import { NOT_HEARD, utteranceOf } from "../../http/cartesia/settings.ts";
import { ignoredIn } from "../../http/ignored-fields.ts";
import type { Identity } from "../../identity/identity.ts";
import { GuardedSocket } from "../guarded-socket.ts";
import type { OpenedSocket, SocketSession } from "../socket-protocol.ts";
import type { SessionDeps } from "../speech-session.ts";
import { CartesiaContext } from "./context.ts";
import { type CartesiaMessage, type GenerateMessage, readCartesiaMessage } from "./messages.ts";

const GOING_AWAY = 1001;
/** Ids of contexts that failed or were cancelled: what the client still sends about them begins no new one. */
const MAX_REMEMBERED_IDS = 64;

export type CartesiaSessionStart = OpenedSocket & {
  readonly requestId: string;
  readonly caller: Identity;
  /** What can be purged by them: all that is said on the socket. */
  readonly tags?: readonly string[];
};

/** A context that runs, and the settings that all its messages have to repeat. */
type Running = { readonly context: CartesiaContext; readonly settings: string };

/** One socket of `/tts/websocket`. */
export class CartesiaSession implements SocketSession {
  readonly #start: CartesiaSessionStart;
  readonly #deps: SessionDeps;
  readonly #guarded: GuardedSocket;
  readonly #contexts = new Map<string, Running>();
  readonly #forsaken = new Set<string>();
  #began = 0;
  #draining = false;

  constructor(start: CartesiaSessionStart, deps: SessionDeps) {
    const { socket, raw } = start;
    const { clock, limits } = deps;
    this.#start = start;
    this.#deps = deps;
    this.#guarded = new GuardedSocket({
      ...{ socket, raw, clock, limits, standardCodes: true },
      onMessage: (data) => this.#receive(data),
      onClosing: () => this.#leaveAll(),
    });
  }

  get running(): number {
    return this.#contexts.size;
  }

  watch(): void {
    this.#guarded.watch();
  }

  drain(): void {
    this.#draining = true;
    this.#closeIfDrained();
  }

  stop(): void {
    this.#draining = true;
    for (const { context } of [...this.#contexts.values()]) context.fail(stopping());
    this.#closeIfDrained();
  }

  closed(): void {
    this.#leaveAll();
    this.#guarded.out.closed();
  }

  #receive(data: Buffer): void {
    const read = readCartesiaMessage(data);
    if ("message" in read) this.#act(read.message);
    else this.#reject(read.error, read.contextId);
  }

  #act(message: CartesiaMessage): void {
    if ("cancel" in message) {
      this.#forsaken.delete(message.context_id);
      this.#contexts.get(message.context_id)?.context.fail(undefined);
      return;
    }
    const id = message.context_id ?? randomUUID();
    const running = this.#contexts.get(id);
    if (running !== undefined) this.#append(id, running, message);
    else if (!this.#forsaken.has(id)) this.#begin(id, message);
    else if (message.continue !== true) this.#forsaken.delete(id);
  }

  #begin(id: string, message: GenerateMessage): void {
    try {
      this.#open(id, message);
    } catch (error) {
      this.#reject(SpeechError.from(error, "internal", "something went wrong here"), id);
      if (message.continue === true) this.#forsake(id);
    }
  }

  #open(id: string, message: GenerateMessage): void {
    const { clock, limits, onDefect, speak, converse } = this.#deps;
    if (this.#draining) throw stopping();
    if (this.#contexts.size >= limits.maxUtterances)
      throw new SpeechError("too_many_utterances", `at most ${limits.maxUtterances} contexts run on one socket`, {
        retryAfterMs: 1000,
      });
    const { tags } = this.#start;
    const { user, tenant, plan } = this.#start.caller;
    const { utterance: untagged, output } = utteranceOf(message.transcript, message, DEFAULT_CACHE_POLICY, {
      subject: user,
      ...(tenant !== undefined && { tenant }),
      ...(plan !== undefined && { plan }),
    });
    if (output.format.name !== "pcm" || output.float === "wav")
      throw new SpeechError("invalid_request", '"output_format.container" must be raw on a socket', {
        param: "output_format.container",
      });
    const utterance = { ...untagged, ...(tags !== undefined && { tags }) };
    const requestId = `${this.#start.requestId}.${++this.#began}`;
    const context: CartesiaContext = new CartesiaContext({
      ...{ out: this.#guarded.out, clock, limits, contextId: id, output },
      timestamps: message.add_timestamps === true,
      ignored: ignoredIn(message, NOT_HEARD),
      maxBufferDelayMs: message.max_buffer_delay_ms ?? undefined,
      speak: (incoming, signal) =>
        message.continue === true
          ? converse(utterance, incoming, { signal, requestId, words: true })
          : speak(utterance, { signal, requestId, words: true }),
      onSent: () => this.#guarded.active(),
      onOver: (error) => this.#over(id, context, error),
      onDefect: (error) => onDefect(error, requestId),
    });
    const running = { context, settings: settingsOf(message) };
    this.#contexts.set(id, running);
    if (message.continue === true) this.#append(id, running, message);
  }

  #append(id: string, { context, settings }: Running, message: GenerateMessage): void {
    if (settingsOf(message) !== settings) {
      const what = "all messages of a context have the same model_id, voice, output_format and language";
      context.fail(new SpeechError("invalid_request", what));
      return;
    }
    try {
      context.append(message.transcript, { flush: message.flush === true, last: message.continue !== true });
    } catch (error) {
      context.fail(SpeechError.from(error, "internal", `the transcript of ${id} could not be taken`));
    }
  }

  #over(id: string, context: CartesiaContext, error: SpeechError | undefined): void {
    this.#guarded.active();
    if (this.#contexts.get(id)?.context === context) this.#contexts.delete(id);
    if (error === undefined) context.done();
    else {
      this.#guarded.out.message(errorEvent(error, `${this.#start.requestId}:${id}`, id));
      this.#forsake(id);
    }
    if (this.#draining) process.nextTick(() => this.#closeIfDrained()); // its last message goes first
  }

  /** What is wrong with a message ends the context it was about: some of its text is lost. */
  #reject(error: SpeechError, id: string | undefined): void {
    const running = id === undefined ? undefined : this.#contexts.get(id);
    if (error.code === "internal") this.#deps.onDefect(error.cause ?? error, this.#start.requestId);
    if (running !== undefined) running.context.fail(error);
    else this.#guarded.out.message(errorEvent(error, this.#start.requestId, id));
  }

  #forsake(id: string): void {
    this.#forsaken.add(id);
    const [oldest] = this.#forsaken;
    if (this.#forsaken.size > MAX_REMEMBERED_IDS && oldest !== undefined) this.#forsaken.delete(oldest);
  }

  #closeIfDrained(): void {
    if (this.#draining && this.#contexts.size === 0)
      this.#guarded.close(GOING_AWAY, "this server is stopping; another one will answer");
  }

  #leaveAll(): void {
    for (const { context } of this.#contexts.values()) context.leave();
    this.#contexts.clear();
  }
}

function settingsOf({ model_id: model, voice, output_format: format, language }: GenerateMessage): string {
  return JSON.stringify([model, voice, format, language ?? null]);
}

function stopping(): SpeechError {
  return new SpeechError("shutting_down", "this server is stopping; connect anew and another one will answer", {
    retryAfterMs: 1000,
  });
}
