import type { Socket } from "node:net";
import type { AudioFormat } from "../core/audio-format.ts";
import type { Clock } from "../core/clock.ts";
import { SpeechError } from "../core/errors.ts";
import { refusalError } from "../core/quota.ts";
import type { InputType } from "../core/utterance.ts";
import type { Converse } from "../speech/converse.ts";
import { IncomingText } from "../speech/incoming-text.ts";
import type { Speak, SpeakOptions, SpeakResult } from "../speech/speak.ts";
import { sendAudio } from "./audio-events.ts";
import { EventReader } from "./event-reader.ts";
import { EventWriter } from "./event-writer.ts";
import type { WyomingEvent } from "./events.ts";
import { textFormatOf, textOf, utteranceOf, voiceOf } from "./requests.ts";
import { looksLikeSsml, WrittenText } from "./written-text.ts";

/** What bounds one connection. */
export type WyomingLimits = {
  readonly maxEventBytes: number;
  readonly maxTextChars: number;
  readonly idleTimeoutMs: number;
  readonly slowReaderTimeoutMs: number;
  readonly textPauseMs: number;
  readonly sentencePauseMs: number;
};

export type WyomingSessionDeps = {
  readonly speak: Speak;
  readonly converse: Converse;
  readonly clock: Clock;
  /** What is sent: samples without a header. */
  readonly format: AudioFormat;
  readonly defaultVoice: string;
  /** Whether a chat's markup is taken out of texts; undefined: as it is of all. */
  readonly clean: boolean | undefined;
  /** A text that begins like SSML is SSML where the client does not say what it is. */
  readonly guessSsml: boolean;
  readonly limits: WyomingLimits;
  /** The data of `info`. */
  readonly describe: (signal: AbortSignal) => Promise<Record<string, unknown>>;
  /** An error was sent, or would have been. */
  readonly onError: (error: SpeechError, requestId: string) => void;
};

export type WyomingClient = {
  readonly socket: Socket;
  /** Who is counted. */
  readonly subject: string;
  /** Names the connection in logs. */
  readonly requestId: string;
};

/** One answer that was asked for, spoken or waiting for its turn. */
type Turn = {
  readonly speak: (options: SpeakOptions) => Promise<SpeakResult>;
  /** Its text came in pieces: the end of its audio is told too. */
  readonly streamed: boolean;
};

/** Sound that a client sends is passed over, but not endlessly. */
const MAX_PAYLOAD_BYTES = 1024 * 1024;
/** Texts that may wait while one is spoken. */
const MAX_WAITING = 8;
/** Made once: an abort without a reason builds an exception with a stack for each. */
const LEFT = new SpeechError("caller_gone", "the client left");

/**
 * One connection: reads events, speaks what it is asked for in turn. An error is told and ends it, as in the reference
 * server: Home Assistant waits for `audio-stop` as long as the connection stands, whatever else it is told.
 */
export class WyomingSession {
  readonly #client: WyomingClient;
  readonly #deps: WyomingSessionDeps;
  readonly #reader: EventReader;
  readonly #writer: EventWriter;
  readonly #gone = new AbortController();
  readonly #waiting: Turn[] = [];
  readonly #idle: NodeJS.Timeout;
  #running: Turn | undefined;
  /** The one that `synthesize-chunk` belongs to. */
  #written: WrittenText | undefined;
  #turns = 0;
  #draining = false;
  #over = false;

  constructor(client: WyomingClient, deps: WyomingSessionDeps) {
    const { socket } = client;
    const { limits } = deps;
    this.#client = client;
    this.#deps = deps;
    this.#reader = new EventReader({ maxEventBytes: limits.maxEventBytes, maxPayloadBytes: MAX_PAYLOAD_BYTES });
    this.#writer = new EventWriter(socket, limits);
    this.#idle = setTimeout(() => this.#tooQuiet(), limits.idleTimeoutMs);
    this.#idle.unref();
    socket.on("data", (bytes: Buffer) => void this.#receive(bytes));
    socket.on("end", () => this.#ended());
    socket.on("error", () => {}); // "close" follows
    socket.once("close", () => this.#close());
  }

  /** Answers under way or waiting. */
  get utterances(): number {
    return this.#waiting.length + Number(this.#running !== undefined);
  }

  /** Begins nothing any more, and ends when what was begun is over. */
  drain(): void {
    this.#draining = true;
    this.#endIfDrained();
  }

  /** Ends now, and says why. */
  stop(): void {
    this.#fail(stopping());
  }

  async #receive(bytes: Buffer): Promise<void> {
    const { socket } = this.#client;
    if (this.#over) return;
    socket.pause(); // one piece after the other: who asks faster than it reads is not read from
    try {
      for (const event of this.#reader.read(bytes)) {
        this.#idle.refresh();
        await this.#act(event);
        if (this.#over) return;
      }
    } catch (error) {
      this.#fail(error);
    }
    socket.resume();
  }

  async #act(event: WyomingEvent): Promise<void> {
    switch (event.type) {
      case "describe":
        return this.#writer.send("info", await this.#deps.describe(this.#gone.signal));
      case "ping":
        return this.#writer.send("pong", typeof event.data.text === "string" ? { text: event.data.text } : {});
      case "synthesize":
        return this.#synthesize(event);
      case "synthesize-start":
        return this.#start(event);
      case "synthesize-chunk":
        return this.#openText(event).append(textOf(event));
      case "synthesize-stop":
        this.#openText(event).end();
        this.#written = undefined;
    }
    // Others are for services that this is none of.
  }

  #synthesize(event: WyomingEvent): void {
    const { speak, guessSsml } = this.#deps;
    const text = textOf(event);
    if (this.#written !== undefined) {
      // The whole text again, for servers that know no streaming.
      if (textFormatOf(event) === "ssml" && this.#written.format === "text")
        throw invalid('"text_format" is ssml here, and synthesize-start did not say so', "text_format");
      if (this.#written.characters === 0) this.#written.append(text);
      return;
    }
    const format = textFormatOf(event) ?? (guessSsml && looksLikeSsml(text) === true ? "ssml" : "text");
    const utterance = this.#utteranceOf(event, text, format);
    this.#enqueue({ streamed: false, speak: (options) => speak(utterance, options) });
  }

  #start(event: WyomingEvent): void {
    const { speak, converse, clock, limits, guessSsml } = this.#deps;
    if (this.#written !== undefined) throw invalid("synthesize-start before the synthesize-stop of the one before");
    const format = textFormatOf(event) ?? (guessSsml ? "unsaid" : "text");
    const incoming = new IncomingText({ ...limits, clock, maxChars: limits.maxTextChars });
    const written = new WrittenText({ incoming, format, maxTextChars: limits.maxTextChars });
    const utterance = this.#utteranceOf(event, "", "text");
    this.#enqueue({
      streamed: true,
      async speak(options) {
        const document = await written.document(options.signal);
        if (document === undefined) return converse(utterance, incoming, options);
        return speak({ ...utterance, text: document, inputType: "ssml" }, options);
      },
    });
    this.#written = written;
  }

  #utteranceOf(event: WyomingEvent, text: string, inputType: InputType) {
    const { format, defaultVoice, clean } = this.#deps;
    return utteranceOf({
      ...{ text, inputType, format, subject: this.#client.subject },
      voice: voiceOf(event, defaultVoice),
      ...(clean !== undefined && { clean }),
    });
  }

  #openText({ type }: WyomingEvent): WrittenText {
    if (this.#written === undefined) throw invalid(`${type} without synthesize-start`);
    return this.#written;
  }

  #enqueue(turn: Turn): void {
    if (this.#draining) throw stopping();
    if (this.#waiting.length >= MAX_WAITING)
      throw new SpeechError("too_many_utterances", `at most ${MAX_WAITING} texts wait on one connection`, {
        retryAfterMs: 1000,
      });
    this.#waiting.push(turn);
    if (this.#running === undefined) void this.#speakNext();
  }

  async #speakNext(): Promise<void> {
    const turn = this.#waiting.shift();
    this.#running = turn;
    if (turn === undefined) {
      this.#idle.refresh();
      this.#endIfDrained();
      return;
    }
    const over = new AbortController(); // each its own: many listeners on one signal are a leak to Node
    const leave = (): void => over.abort(LEFT);
    this.#gone.signal.addEventListener("abort", leave);
    try {
      const requestId = `${this.#client.requestId}.${++this.#turns}`;
      const result = await turn.speak({ signal: over.signal, requestId });
      if (!result.admitted) throw refusalError(result.quota);
      await sendAudio(this.#writer, result.speech, over.signal);
      if (turn.streamed) await this.#writer.send("synthesize-stopped");
    } catch (error) {
      this.#fail(error);
      return;
    } finally {
      this.#gone.signal.removeEventListener("abort", leave);
    }
    if (!this.#over) void this.#speakNext();
  }

  /** The client sends nothing more. What was asked for whole is still spoken, for it may be read; a text without an end is not. */
  #ended(): void {
    if (this.#written !== undefined) this.#client.socket.destroy();
    else this.drain();
  }

  #tooQuiet(): void {
    if (this.#over) return;
    if (this.#written !== undefined) {
      const seconds = this.#deps.limits.idleTimeoutMs / 1000;
      this.#fail(new SpeechError("request_timeout", `nothing came for ${seconds} s, and the text has no end`));
    } else if (this.#running !== undefined) this.#idle.refresh();
    else this.drain();
  }

  #fail(thrown: unknown): void {
    if (this.#over) return;
    const error = SpeechError.from(thrown, "internal", "something went wrong here; the log has it");
    if (error.code !== "caller_gone") this.#deps.onError(error, this.#client.requestId);
    const { retryAfterMs } = error.details;
    this.#over = true;
    this.#gone.abort(LEFT);
    this.#writer.end("error", {
      text: error.message,
      code: error.code,
      ...(retryAfterMs !== undefined && { retry_after_ms: Math.ceil(retryAfterMs) }),
    });
    this.#cutLater();
  }

  #endIfDrained(): void {
    if (!this.#draining || this.utterances > 0 || this.#over) return;
    this.#over = true;
    this.#client.socket.end();
    this.#cutLater();
  }

  /** Whoever does not take the last of it, or does not close, is not waited for. */
  #cutLater(): void {
    const { socket } = this.#client;
    socket.resume(); // its end is not seen unread
    const cut = setTimeout(() => socket.destroy(), CLOSE_GRACE_MS);
    cut.unref();
    socket.once("close", () => clearTimeout(cut));
  }

  #close(): void {
    this.#over = true;
    clearTimeout(this.#idle);
    this.#waiting.length = 0;
    this.#gone.abort(LEFT);
  }
}

const CLOSE_GRACE_MS = 2_000;

function invalid(message: string, param = "type"): SpeechError {
  return new SpeechError("invalid_request", message, { param });
}

function stopping(): SpeechError {
  return new SpeechError("shutting_down", "this server is stopping; connect anew and another one will answer", {
    retryAfterMs: 1000,
  });
}
