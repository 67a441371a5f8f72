import { SpeechError } from "../../core/errors.ts";
import type { CachePolicy, Utterance } from "../../core/utterance.ts";
import { refusalOf } from "../../http/elevenlabs/elevenlabs.ts";
import { type Settings, utteranceOf } from "../../http/elevenlabs/settings.ts";
import type { Identity } from "../../identity/identity.ts";
import { GuardedSocket } from "../guarded-socket.ts";
import type { OpenedSocket, SocketSession } from "../socket-protocol.ts";
import type { SessionDeps } from "../speech-session.ts";
import { ElevenLabsContext, type SocketContext } from "./context.ts";
import { type ElevenLabsMessage, readElevenLabsMessage } from "./messages.ts";
import { ElevenLabsSsmlContext } from "./ssml-context.ts";

export type ElevenLabsSessionStart = OpenedSocket & {
  readonly requestId: string;
  /** Many contexts on one socket, or one, whose end is the socket's. */
  readonly multi: boolean;
  readonly settings: Omit<Settings, "speed">;
  /** What of the URL is heard from ElevenLabs and not here. */
  readonly ignored: readonly string[];
  readonly cache: CachePolicy;
  /** What can be purged by them: all that is said on the socket. */
  readonly tags?: readonly string[];
  readonly autoMode: boolean;
  /** Tags within the text are read. */
  readonly ssml: boolean;
  readonly inactivityTimeoutMs: number;
  /** Undefined: the first message has to say. */
  readonly caller: Identity | undefined;
  readonly identify: (secret: string | undefined) => Promise<Identity>;
};

const NORMAL_CLOSE = 1000;
const GOING_AWAY = 1001;
const POLICY_CLOSE = 1008;
const DEFAULT_CONTEXT = "default";
/** Ids of contexts that failed: what the client still sends about them begins no new one. */
const MAX_REMEMBERED_IDS = 64;

/** One socket of `stream-input` or `multi-stream-input`. */
export class ElevenLabsSession implements SocketSession {
  readonly #start: ElevenLabsSessionStart;
  readonly #deps: SessionDeps;
  readonly #guarded: GuardedSocket;
  readonly #contexts = new Map<string, SocketContext>();
  readonly #failed = new Set<string>();
  #caller: Promise<Identity> | undefined;
  #began = 0;
  /** No new contexts; the socket closes with the last one. */
  #closing: { readonly code: number; readonly reason: string } | undefined;

  constructor(start: ElevenLabsSessionStart, deps: SessionDeps) {
    const { socket, raw, caller, inactivityTimeoutMs } = start;
    this.#start = start;
    this.#deps = deps;
    this.#caller = caller && Promise.resolve(caller);
    this.#guarded = new GuardedSocket({
      ...{ socket, raw, clock: deps.clock },
      limits: { ...deps.limits, idleTimeoutMs: Math.min(inactivityTimeoutMs, deps.limits.idleTimeoutMs) },
      standardCodes: true,
      onMessage: (data) => this.#receive(data),
      onClosing: () => this.#leaveAll(),
      onIdle: () => this.#idle(),
    });
  }

  get running(): number {
    return this.#contexts.size;
  }

  watch(): void {
    this.#guarded.watch();
  }

  drain(): void {
    this.#closeWith(GOING_AWAY, "this server is stopping; another one will answer");
  }

  stop(): void {
    this.drain();
    for (const context of [...this.#contexts.values()])
      context.fail(new SpeechError("shutting_down", "this server is stopping; connect anew"));
  }

  closed(): void {
    this.#leaveAll();
    this.#guarded.out.closed();
  }

  #receive(data: Buffer): void {
    try {
      const message = readElevenLabsMessage(data);
      this.#authenticate(message);
      if (message.closeSocket) this.#end();
      else this.#act(message, message.contextId ?? DEFAULT_CONTEXT);
    } catch (thrown) {
      this.#break(SpeechError.from(thrown, "internal", "something went wrong here"), undefined);
    }
  }

  /** Their browsers put the key into the first message. What follows it waits for the answer. */
  #authenticate({ secret }: ElevenLabsMessage): void {
    if (this.#caller !== undefined) return;
    this.#caller = this.#start.identify(secret);
    this.#caller.catch((error: unknown) => {
      this.#break(SpeechError.from(error, "internal", "something went wrong here"), secret);
    });
  }

  #act(message: ElevenLabsMessage, id: string): void {
    const { text = "", flush, closeContext } = message;
    const context = this.#contexts.get(id);
    if (closeContext) {
      this.#failed.delete(id);
      if (context !== undefined) context.close();
      else this.#final(id);
    } else if (!this.#start.multi && message.text === "") {
      if (context === undefined) this.#final(id);
      this.#end();
    } else if (context !== undefined) this.#append(id, context, text, flush);
    else if (text !== "" && !this.#failed.has(id)) this.#begin(message, id);
  }

  #begin(message: ElevenLabsMessage, id: string): void {
    const { clock, limits, speak, converse, onDefect } = this.#deps;
    if (this.#closing !== undefined) return;
    if (this.#contexts.size >= limits.maxUtterances) {
      const most = `at most ${limits.maxUtterances} contexts run on one socket`;
      this.#over(id, new SpeechError("too_many_utterances", most, { retryAfterMs: 1000 }));
      return;
    }
    const requestId = `${this.#start.requestId}.${++this.#began}`;
    const options = {
      ...{ out: this.#guarded.out, clock, limits },
      named: this.#named(id),
      auto: this.#start.autoMode,
      ignored: [...this.#start.ignored, ...message.ignored],
      onSent: () => this.#guarded.active(),
      onOver: (error: SpeechError | undefined) => {
        if (this.#contexts.get(id) === context) this.#contexts.delete(id);
        this.#over(id, error);
      },
      onDefect: (error: unknown) => onDefect(error, requestId),
    };
    const context: SocketContext = this.#start.ssml
      ? new ElevenLabsSsmlContext({
          ...options,
          speak: async (document, nth, signal) => {
            const utterance = await this.#utterance(document, message.speed);
            const named = { signal, requestId: nth === 0 ? requestId : `${requestId}.${nth}`, words: true };
            return speak({ ...utterance, inputType: "ssml" }, named);
          },
        })
      : new ElevenLabsContext({
          ...options,
          speak: async (incoming, signal) =>
            converse(await this.#utterance("", message.speed), incoming, { signal, requestId, words: true }),
        });
    this.#contexts.set(id, context);
    this.#append(id, context, message.text ?? "", message.flush);
  }

  async #utterance(text: string, speed: number | undefined): Promise<Utterance> {
    const { user, tenant, plan } = await this.#caller!;
    const who = {
      subject: user,
      ...(tenant !== undefined && { tenant }),
      ...(plan !== undefined && { plan }),
    };
    const { settings, cache, tags } = this.#start;
    return { ...utteranceOf(text, { ...settings, speed }, cache, who), ...(tags !== undefined && { tags }) };
  }

  #append(id: string, context: SocketContext, text: string, flush: boolean): void {
    try {
      context.append(text, { flush });
    } catch (error) {
      context.fail(SpeechError.from(error, "internal", `the text of ${id} could not be taken`));
    }
  }

  /** One context has said all, or failed. On a socket of its own that is the socket's end too. */
  #over(id: string, error: SpeechError | undefined): void {
    this.#guarded.active();
    if (error === undefined) this.#final(id);
    else this.#fail(id, error);
    if (this.#closing !== undefined && this.#contexts.size === 0)
      this.#guarded.close(this.#closing.code, this.#closing.reason);
  }

  #fail(id: string, error: SpeechError): void {
    const { multi } = this.#start;
    const message = messageOf(error, true);
    this.#guarded.out.message({ ...this.#named(id), ...message });
    if (!multi) {
      this.#guarded.close(error.code === "shutting_down" ? GOING_AWAY : POLICY_CLOSE, message.error);
      return;
    }
    this.#failed.add(id);
    const [oldest] = this.#failed;
    if (this.#failed.size > MAX_REMEMBERED_IDS && oldest !== undefined) this.#failed.delete(oldest);
  }

  #final(id: string): void {
    this.#guarded.out.message({ ...this.#named(id), isFinal: true });
  }

  /** No more text for any context; closes when all is said. */
  #end(): void {
    this.#closeWith(NORMAL_CLOSE, "");
    for (const context of [...this.#contexts.values()]) context.end();
  }

  #closeWith(code: number, reason: string): void {
    this.#closing ??= { code, reason };
    if (this.#contexts.size === 0) this.#guarded.close(code, reason);
  }

  #idle(): void {
    const seconds = this.#start.inactivityTimeoutMs / 1000;
    this.#guarded.out.message({
      message: `No text came within the timeout of ${seconds} seconds. Send '' (an empty string) as the last input.`,
      error: "input_timeout_exceeded",
      code: POLICY_CLOSE,
    });
    this.#guarded.close(POLICY_CLOSE, "input_timeout_exceeded");
  }

  /** What cannot be read, or a stranger: nothing more can be said to them. */
  #break(error: SpeechError, secret: string | undefined): void {
    if (error.code === "internal") this.#deps.onDefect(error.cause ?? error, this.#start.requestId);
    const message = messageOf(error, secret !== undefined);
    this.#guarded.out.message(message);
    this.#guarded.close(POLICY_CLOSE, message.error);
  }

  #named(id: string): Record<string, string> {
    return this.#start.multi ? { contextId: id, context_id: id } : {};
  }

  #leaveAll(): void {
    for (const context of this.#contexts.values()) context.leave();
    this.#contexts.clear();
  }
}

function messageOf(error: SpeechError, keyGiven: boolean) {
  const { retryAfterMs } = error.details;
  const [status, name] = refusalOf(error, keyGiven);
  const wait = retryAfterMs === undefined ? {} : { retry_after_ms: Math.ceil(retryAfterMs) };
  const unreadable = error.code === "invalid_request" || error.code === "invalid_json";
  return { message: error.message, error: unreadable ? "invalid_message" : name, code: POLICY_CLOSE, status, ...wait };
}
