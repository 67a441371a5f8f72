import { SpeechError } from "../../core/errors.ts";
import type { Utterance } from "../../core/utterance.ts";
import { deepgramName } from "../../http/deepgram/deepgram.ts";
import { GuardedSocket } from "../guarded-socket.ts";
import type { OpenedSocket, SocketSession } from "../socket-protocol.ts";
import type { SessionDeps } from "../speech-session.ts";
import { FlushBudget } from "./flush-budget.ts";
import { type DeepgramMessage, readDeepgramMessage } from "./messages.ts";
import { DeepgramTurn } from "./turn.ts";

export type DeepgramSessionStart = OpenedSocket & {
  readonly requestId: string;
  /** What each turn is spoken as; its text is still to come. */
  readonly utterance: Utterance;
  /** The first message. */
  readonly metadata: object;
};

const NORMAL_CLOSE = 1000;
const GOING_AWAY = 1001;
const POLICY_CLOSE = 1008;

/**
 * One socket of Deepgram's: text comes, audio goes, a flush ends a turn and is confirmed when its audio was sent. What goes
 * wrong with a turn is told as a `Warning`: the socket has other turns, and Deepgram's SDK opens any closed one anew.
 */
export class DeepgramSession implements SocketSession {
  readonly #start: DeepgramSessionStart;
  readonly #deps: SessionDeps;
  readonly #guarded: GuardedSocket;
  readonly #budget = new FlushBudget();
  /** The first one is heard; text goes to `#open`, which is the last one or none. */
  readonly #turns: DeepgramTurn[] = [];
  #open: DeepgramTurn | undefined;
  /** The turn has failed before its flush: what still comes of its text is no new one. */
  #forsaken = false;
  #sequence = 0;
  #begun = 0;
  #closing: { readonly code: number; readonly reason: string } | undefined;

  constructor(start: DeepgramSessionStart, deps: SessionDeps) {
    const { socket, raw, metadata } = start;
    this.#start = start;
    this.#deps = deps;
    this.#guarded = new GuardedSocket({
      ...{ socket, raw, clock: deps.clock, limits: deps.limits },
      standardCodes: true,
      onMessage: (data) => this.#receive(data),
      onClosing: () => this.#leaveAll(),
    });
    this.#guarded.out.message(metadata);
  }

  get running(): number {
    return this.#turns.length;
  }

  watch(): void {
    this.#guarded.watch();
  }

  drain(): void {
    this.#closeWith(GOING_AWAY, "this server is stopping; another one will answer");
  }

  stop(): void {
    this.drain();
    for (const turn of this.#turns.splice(1)) turn.leave();
    this.#turns[0]?.fail(stopping());
  }

  closed(): void {
    this.#leaveAll();
    this.#guarded.out.closed();
  }

  #receive(data: Buffer): void {
    let message: DeepgramMessage;
    try {
      message = readDeepgramMessage(data);
    } catch (error) {
      // As Deepgram does: what it was meant to be cannot be known, and leaving it out would say another text.
      this.#guarded.close(POLICY_CLOSE, `DATA-0000 ${(error as Error).message}`.slice(0, 120));
      return;
    }
    switch (message.type) {
      case "Speak":
        this.#append(message.text);
        return;
      case "Flush":
        this.#flush();
        return;
      case "Clear":
        this.#clear();
        return;
      case "Close":
        this.#open?.end();
        this.#open = undefined;
        this.#closeWith(NORMAL_CLOSE, "");
    }
  }

  #append(text: string): void {
    if (this.#forsaken || text === "") return;
    try {
      this.#open ??= this.#begin();
      this.#open.append(text);
    } catch (thrown) {
      const error = SpeechError.from(thrown, "internal", "the text could not be taken");
      this.#forsaken = true;
      if (this.#open !== undefined) this.#open.fail(error);
      else this.#warn(error);
    }
  }

  #begin(): DeepgramTurn {
    const { clock, limits, converse, onDefect } = this.#deps;
    if (this.#closing !== undefined) throw stopping();
    if (this.#turns.length >= limits.maxUtterances)
      throw new SpeechError("too_many_utterances", `at most ${limits.maxUtterances} texts wait on one socket`);
    const requestId = `${this.#start.requestId}.${++this.#begun}`;
    const turn: DeepgramTurn = new DeepgramTurn({
      ...{ out: this.#guarded.out, clock, limits },
      speak: (incoming, signal) => converse(this.#start.utterance, incoming, { signal, requestId }),
      onSent: () => this.#guarded.active(),
      onOver: (error) => this.#over(turn, error),
      onDefect: (error) => onDefect(error, requestId),
    });
    this.#turns.push(turn);
    if (this.#turns.length === 1) turn.run();
    return turn;
  }

  #flush(): void {
    if (!this.#budget.take(this.#deps.clock.monotonic())) {
      const description = "more than 20 flushes in 60 seconds; this one is not heard, the text waits for the next";
      this.#guarded.out.message({ type: "Warning", description, code: "FLUSH_LIMIT_EXCEEDED" });
      return;
    }
    const sequence = this.#sequence++;
    this.#forsaken = false;
    this.#open?.end();
    this.#open = undefined;
    const last = this.#turns.at(-1);
    if (last === undefined) this.#flushed(sequence);
    else last.flushes.push(sequence);
  }

  /** Barge-in: nothing of what was asked for is sent any more. */
  #clear(): void {
    this.#leaveAll();
    this.#guarded.out.message({ type: "Cleared", sequence_id: this.#sequence++ });
    this.#closeIfDone();
  }

  #over(turn: DeepgramTurn, error: SpeechError | undefined): void {
    this.#guarded.active();
    const at = this.#turns.indexOf(turn);
    if (at >= 0) this.#turns.splice(at, 1);
    if (this.#open === turn) {
      this.#open = undefined;
      this.#forsaken = true;
    }
    if (error !== undefined && error.code !== "text_empty") this.#warn(error);
    for (const sequence of turn.flushes) this.#flushed(sequence);
    if (at === 0) this.#turns[0]?.run();
    this.#closeIfDone();
  }

  #warn(error: SpeechError): void {
    this.#guarded.out.message({ type: "Warning", description: error.message, code: deepgramName(error) });
  }

  #flushed(sequence: number): void {
    this.#guarded.out.message({ type: "Flushed", sequence_id: sequence });
  }

  #closeWith(code: number, reason: string): void {
    this.#closing ??= { code, reason };
    this.#closeIfDone();
  }

  #closeIfDone(): void {
    if (this.#closing !== undefined && this.#turns.length === 0)
      this.#guarded.close(this.#closing.code, this.#closing.reason);
  }

  #leaveAll(): void {
    for (const turn of this.#turns.splice(0)) turn.leave();
    this.#open = undefined;
    this.#forsaken = false;
  }
}

function stopping(): SpeechError {
  return new SpeechError("shutting_down", "this server is stopping; connect anew and another one will answer");
}
