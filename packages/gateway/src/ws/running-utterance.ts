import type { ServerMessage } from "@mynah/protocol";
import type { Clock } from "../core/clock.ts";
import { SpeechError } from "../core/errors.ts";
import type { SegmentOutcome } from "../core/events.ts";
import type { SpokenMark, SpokenWord } from "../core/ports.ts";
import { refusalError } from "../core/quota.ts";
import type { IncomingText } from "../speech/incoming-text.ts";
import type { SpeakResult, Speech } from "../speech/speak.ts";
import type { SpeechPart } from "../speech/speech-part.ts";
import type { SocketOut } from "./socket-out.ts";
import { SpokenText } from "./spoken-text.ts";
import { unheard } from "./spoken-turn.ts";

export type UtteranceStart = {
  readonly id: string;
  /** The number in front of its frames. */
  readonly stream: number;
  readonly speed: number;
  readonly words: boolean;
  /** While its text is still being written. */
  readonly incoming?: IncomingText;
  /** Resolves with the first audio. */
  readonly speak: (signal: AbortSignal) => Promise<SpeakResult>;
  /** A failure that is ours, for the log. */
  readonly onDefect: (error: unknown) => void;
};

export type RunningUtteranceDeps = {
  readonly out: SocketOut;
  readonly clock: Clock;
  /** Called once, before the last message about it is sent; `byUs`: the client did not expect it. */
  readonly onOver: (utterance: RunningUtterance, byUs: boolean) => void;
  readonly onFrame: () => void;
};

const MAX_FRAME_BYTES = 32 * 1024;
const MAX_AT_ONCE_BYTES = 64 * 1024;
/** Made once: an abort without a reason builds an exception with a stack for each. */
const CANCELLED = new SpeechError("caller_gone", "the utterance was cancelled");

/**
 * One utterance on one socket, from its first text to its last message: `done`, `cancelled` or `error`, exactly one of
 * them, and no frame after it.
 */
export class RunningUtterance {
  readonly id: string;
  readonly incoming: IncomingText | undefined;
  readonly #start: UtteranceStart;
  readonly #deps: RunningUtteranceDeps;
  readonly #abort = new AbortController();
  readonly #spoken: SpokenText;
  readonly #segments = { hit: 0, miss: 0, coalesced: 0, stale: 0 };
  readonly #startedAt: number;
  #latencyMs = 0;
  #bytes = 0;
  #over = false;

  constructor(start: UtteranceStart, deps: RunningUtteranceDeps) {
    this.id = start.id;
    this.incoming = start.incoming;
    this.#start = start;
    this.#deps = deps;
    this.#spoken = new SpokenText(start);
    this.#startedAt = deps.clock.monotonic();
  }

  /** Speaks to the end. Never rejects: what goes wrong is told to the client. */
  async run(): Promise<void> {
    try {
      const result = await this.#start.speak(this.#abort.signal);
      if (this.#over) {
        if (result.admitted) await unheard(result.speech);
        return;
      }
      if (!result.admitted) throw refusalError(result.quota);
      await this.#play(result.speech);
    } catch (thrown) {
      if (this.#over) return;
      const error = SpeechError.from(thrown, "internal", "something went wrong here; the log has it");
      if (error.code === "internal") this.#start.onDefect(error.cause ?? error);
      this.fail(error);
    }
  }

  /** Barge-in: nothing of it is sent any more, the engine is left. */
  cancel(): void {
    this.#finish(false, () => ({ type: "cancelled", id: this.id, spokenText: this.#spoken.text }));
  }

  fail(error: SpeechError): void {
    this.#finish(true, () => {
      const begun = this.#bytes > 0;
      return errorMessage(error, this.id, begun ? this.#spoken.text : undefined);
    });
  }

  /** The socket is gone: nobody is to be told. */
  leave(): void {
    this.#over = true;
    this.#abort.abort(CANCELLED);
  }

  async #play(speech: Speech): Promise<void> {
    const { out, clock } = this.#deps;
    this.#latencyMs = clock.monotonic() - this.#startedAt;
    const { whole } = speech;
    if (whole !== undefined && whole.byteLength <= MAX_AT_ONCE_BYTES) return this.#sendWhole(speech, whole);
    out.gather();
    this.#started(speech);
    for await (const part of speech.parts) {
      if (this.#over) return;
      await this.#pass(part);
      if (this.#over) return;
    }
    this.#done(speech, this.#spoken.durationMs, this.#segments);
  }

  /** What is stored and small leaves in one piece, without being looked into: nothing can come in between. */
  async #sendWhole(speech: Speech, whole: NonNullable<Speech["whole"]>): Promise<void> {
    const { out } = this.#deps;
    const { bytes, durationMs } = whole; // not its words: they are found out when asked for
    await this.#room();
    if (this.#over) return;
    out.gather();
    this.#started(speech);
    if (this.#start.words) this.#words(whole.words);
    if (speech.marked) this.#marks(whole.marks);
    for (let at = 0; at < bytes.byteLength; at += MAX_FRAME_BYTES)
      this.#frame(bytes.subarray(at, at + MAX_FRAME_BYTES));
    this.#done(speech, durationMs, speech.outcomes);
  }

  #started({ engine, voice, ignored, notices, format: { name: format, sampleRateHz } }: Speech): void {
    const { id, stream } = this.#start;
    this.#deps.out.message({
      ...{ type: "started", id, stream, format, sampleRateHz, engine, voice },
      ...(notices.length > 0 && { notices: [...notices] }),
      ...(ignored && { ignored: [...ignored] }),
    });
  }

  #words(words: readonly SpokenWord[]): void {
    this.#deps.out.message({ type: "words", id: this.id, words: words.map(wordMessage) });
  }

  #marks(marks: readonly SpokenMark[]): void {
    const rows = marks.map(({ name, timeMs, estimated }) => ({
      ...{ name, timeMs: rounded(timeMs) },
      ...(estimated && { estimated }),
    }));
    this.#deps.out.message({ type: "marks", id: this.id, marks: rows });
  }

  #done({ engine }: Speech, durationMs: number, segments: Readonly<Record<SegmentOutcome, number>>): void {
    this.#finish(false, () => ({
      type: "done",
      id: this.id,
      fromCache: segments.miss + segments.coalesced === 0,
      durationMs: rounded(durationMs),
      bytes: this.#bytes,
      latencyMs: rounded(this.#latencyMs),
      engine,
      segments,
    }));
  }

  #pass(part: SpeechPart): Promise<void> | undefined {
    switch (part.type) {
      case "segment":
        this.#segments[part.segment.outcome]++;
        this.#spoken.begin(part.segment.text);
        return undefined;
      case "words":
        this.#spoken.words(part.words);
        if (this.#start.words) this.#words(part.words);
        return undefined;
      case "marks":
        this.#marks(part.marks);
        return undefined;
      case "audio":
        return this.#send(part.audio, part.untilMs);
      case "ended":
        this.#spoken.ended();
        return undefined;
    }
  }

  async #send(audio: Uint8Array, untilMs: number): Promise<void> {
    const fromMs = this.#spoken.durationMs;
    for (let at = 0; at < audio.byteLength; at += MAX_FRAME_BYTES) {
      await this.#room();
      if (this.#over) return;
      const frame = audio.subarray(at, at + MAX_FRAME_BYTES);
      this.#frame(frame);
      this.#spoken.sent(fromMs + (untilMs - fromMs) * ((at + frame.byteLength) / audio.byteLength));
    }
  }

  async #room(): Promise<void> {
    const { out } = this.#deps;
    for (let room = out.room(); room !== undefined && !this.#over; room = out.room()) await room;
  }

  #frame(bytes: Uint8Array): void {
    const { out, onFrame } = this.#deps;
    out.audio(this.#start.stream, bytes);
    onFrame();
    this.#bytes += bytes.byteLength;
  }

  #finish(byUs: boolean, message: () => ServerMessage): void {
    if (this.#over) return;
    this.#over = true;
    this.#deps.onOver(this, byUs);
    this.#deps.out.message(message());
    this.#abort.abort(CANCELLED);
  }
}

/** An error as the client sees it. */
export function errorMessage(error: SpeechError, id?: string, spokenText?: string): ServerMessage {
  const { retryAfterMs } = error.details;
  return {
    type: "error",
    ...(id !== undefined && { id }),
    code: error.code,
    message: error.message,
    ...(retryAfterMs !== undefined && { retryAfterMs: Math.ceil(retryAfterMs) }),
    ...(spokenText !== undefined && { spokenText }),
  };
}

function wordMessage({ text, startMs, endMs, estimated }: SpokenWord) {
  return { text, startMs: rounded(startMs), endMs: rounded(endMs), ...(estimated && { estimated }) };
}

function rounded(ms: number): number {
  return Math.round(ms * 10) / 10;
}
