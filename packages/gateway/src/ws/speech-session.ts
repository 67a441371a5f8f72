import { type ClientMessage, SOCKET_CLOSE, SOCKET_PROTOCOL } from "@mynah/protocol";
import type { AudioFormat, AudioFormatName } from "../core/audio-format.ts";
import type { Clock } from "../core/clock.ts";
import { MAX_TAGS_PER_REQUEST } from "../core/entry-match.ts";
import { SpeechError } from "../core/errors.ts";
import { unitOf, type WindowState } from "../core/quota.ts";
import type { Identity } from "../identity/identity.ts";
import type { Converse } from "../speech/converse.ts";
import { IncomingText } from "../speech/incoming-text.ts";
import type { Speak } from "../speech/speak.ts";
import { GuardedSocket, type GuardLimits } from "./guarded-socket.ts";
import { hasSettings, readMessage } from "./messages.ts";
import { errorMessage, RunningUtterance, type UtteranceStart } from "./running-utterance.ts";
import type { OpenedSocket, SocketSession } from "./socket-protocol.ts";
import { utteranceOf } from "./utterance-of.ts";

/** What bounds one socket, and when text that pauses is spoken. */
export type SessionLimits = GuardLimits & {
  readonly maxUtterances: number;
  readonly maxTextChars: number;
  readonly textPauseMs: number;
  readonly sentencePauseMs: number;
};

export type SessionDeps = {
  readonly speak: Speak;
  readonly converse: Converse;
  readonly formats: Readonly<Record<AudioFormatName, AudioFormat>>;
  readonly clock: Clock;
  readonly limits: SessionLimits;
  /** A failure that is ours. */
  readonly onDefect: (error: unknown, requestId: string) => void;
};

export type SessionStart = OpenedSocket & {
  readonly caller: Identity;
  /** Names the socket in logs. */
  readonly requestId: string;
  /** What the caller may do now. */
  readonly states: readonly WindowState[];
  /** What can be purged by them: all that is said on the socket. */
  readonly tags?: readonly string[];
};

/** Ids of utterances that ended before the client had said all: what it still sends about them is no new utterance. */
const MAX_REMEMBERED_IDS = 64;

type TextMessage = Extract<ClientMessage, { type: "speak" | "append" }>;

/** One socket of `mynah.v1`: reads messages, runs utterances. */
export class SpeechSession implements SocketSession {
  readonly #deps: SessionDeps;
  readonly #start: SessionStart;
  readonly #guarded: GuardedSocket;
  readonly #utterances = new Map<string, RunningUtterance>();
  /** Oldest first. */
  readonly #forsaken = new Set<string>();
  #streams = 0;
  #draining = false;

  constructor(start: SessionStart, deps: SessionDeps) {
    const { socket, raw, caller, states } = start;
    const { clock, limits } = deps;
    this.#deps = deps;
    this.#start = start;
    this.#guarded = new GuardedSocket({
      ...{ socket, raw, clock, limits },
      onMessage: (data) => this.#receive(data),
      onClosing: () => this.#leaveAll(),
    });
    this.#guarded.out.message({
      type: "ready",
      protocol: SOCKET_PROTOCOL,
      user: caller.user,
      limits: states.map(({ window, remaining, resetMs }) => {
        return { name: window.name, unit: unitOf(window), limit: window.limit, remaining, resetMs: Math.ceil(resetMs) };
      }),
      idleTimeoutS: Math.round(limits.idleTimeoutMs / 1000),
      maxUtterances: limits.maxUtterances,
    });
  }

  /** Utterances that are not over. */
  get running(): number {
    return this.#utterances.size;
  }

  watch(): void {
    this.#guarded.watch();
  }

  /** New utterances are refused; when the last one is over, the socket is closed. */
  drain(): void {
    this.#draining = true;
    this.#closeIfDrained();
  }

  /** Ends what runs with `shutting_down` and closes. */
  stop(): void {
    this.#draining = true;
    for (const utterance of [...this.#utterances.values()]) utterance.fail(stopping());
    this.#closeIfDrained();
  }

  /** The socket has closed, whoever closed it. */
  closed(): void {
    this.#leaveAll();
    this.#guarded.out.closed();
  }

  #receive(data: Buffer): void {
    const read = readMessage(data);
    if ("error" in read) this.#reject(read.error, read.id);
    else this.#act(read.message);
  }

  #act(message: ClientMessage): void {
    const running = this.#utterances.get(message.id);
    if (message.type === "speak") {
      if (running !== undefined)
        this.#reject(invalid("this id names an utterance that is still running", "id"), message.id);
      else this.#begin(message);
    } else if (running !== undefined) this.#continue(running, message);
    else if (this.#forsaken.has(message.id)) {
      if (message.type === "end" || message.type === "cancel") this.#forsaken.delete(message.id);
    } else if (message.type === "append") this.#begin(message);
    else
      this.#reject(
        new SpeechError("utterance_not_found", "no utterance of this id is running", { param: "id" }),
        message.id,
      );
  }

  #continue(running: RunningUtterance, message: Exclude<ClientMessage, { type: "speak" }>): void {
    const { incoming } = running;
    switch (message.type) {
      case "cancel":
        running.cancel();
        return;
      case "append":
        if (incoming === undefined || incoming.ended) running.fail(invalid("text after the utterance's end", "text"));
        else if (hasSettings(message)) running.fail(invalid("settings belong into the first append of an id", "id"));
        else this.#append(running, incoming, message.text);
        return;
      case "flush":
        incoming?.flush();
        return;
      case "end":
        incoming?.end();
    }
  }

  #append(running: RunningUtterance, incoming: IncomingText, text: string): void {
    try {
      incoming.append(text);
    } catch (error) {
      running.fail(SpeechError.from(error, "internal", "the text could not be taken"));
    }
  }

  #begin(message: TextMessage): void {
    this.#forsaken.delete(message.id);
    const { clock, limits } = this.#deps;
    const tags = new Set([...(this.#start.tags ?? []), ...(message.tag === undefined ? [] : [message.tag])]);
    const refusal = this.#draining
      ? stopping()
      : this.#utterances.size >= limits.maxUtterances
        ? new SpeechError("too_many_utterances", `at most ${limits.maxUtterances} utterances run on one socket`, {
            retryAfterMs: 1000,
          })
        : tags.size > MAX_TAGS_PER_REQUEST
          ? invalid(`with those of the socket these are more than ${MAX_TAGS_PER_REQUEST} tags`, "tag")
          : undefined;
    if (refusal !== undefined) {
      if (message.type === "append") this.#forsake(message.id);
      this.#guarded.out.message(errorMessage(refusal, message.id));
      return;
    }
    const incoming =
      message.type === "speak" ? undefined : new IncomingText({ ...limits, clock, maxChars: limits.maxTextChars });
    const utterance = new RunningUtterance(this.#starting(message, [...tags], incoming), {
      out: this.#guarded.out,
      clock,
      onOver: (over, byUs) => this.#over(over, byUs),
      onFrame: () => this.#guarded.active(),
    });
    this.#utterances.set(message.id, utterance);
    if (incoming !== undefined) this.#append(utterance, incoming, message.text ?? "");
    void utterance.run();
  }

  #starting(message: TextMessage, tags: readonly string[], incoming: IncomingText | undefined): UtteranceStart {
    const { speak, converse, onDefect } = this.#deps;
    const stream = ++this.#streams;
    const requestId = `${this.#start.requestId}.${stream}`;
    const asked = utteranceOf(message, this.#start.caller, this.#deps.formats);
    const utterance = tags.length > 0 ? { ...asked, tags } : asked;
    return {
      id: message.id,
      stream,
      speed: utterance.speed,
      words: message.words ?? false,
      ...(incoming && { incoming }),
      speak: (signal) =>
        incoming === undefined
          ? speak(utterance, { signal, requestId, words: true })
          : converse(utterance, incoming, { signal, requestId, words: true }),
      onDefect: (error) => onDefect(error, requestId),
    };
  }

  /** What is wrong with a message ends the utterance it was about: some of its text, or of its settings, is lost. */
  #reject(error: SpeechError, id: string | undefined): void {
    const running = id === undefined ? undefined : this.#utterances.get(id);
    if (running !== undefined) running.fail(error);
    else this.#guarded.out.message(errorMessage(error, id));
  }

  #over({ id, incoming }: RunningUtterance, byUs: boolean): void {
    this.#guarded.active();
    this.#utterances.delete(id);
    if (byUs && incoming !== undefined && !incoming.ended) this.#forsake(id);
    if (this.#draining) process.nextTick(() => this.#closeIfDrained()); // its last message goes first
  }

  #forsake(id: string): void {
    this.#forsaken.add(id);
    const [oldest] = this.#forsaken;
    if (this.#forsaken.size > MAX_REMEMBERED_IDS && oldest !== undefined) this.#forsaken.delete(oldest);
  }

  #closeIfDrained(): void {
    if (this.#draining && this.#utterances.size === 0)
      this.#guarded.close(SOCKET_CLOSE.goingAway, "this server is stopping; another one will answer");
  }

  #leaveAll(): void {
    for (const utterance of this.#utterances.values()) utterance.leave();
    this.#utterances.clear();
  }
}

function invalid(message: string, param: string): SpeechError {
  return new SpeechError("invalid_request", message, { param });
}

function stopping(): SpeechError {
  return new SpeechError("shutting_down", "this server is stopping; connect anew and another one will answer", {
    retryAfterMs: 1000,
  });
}
