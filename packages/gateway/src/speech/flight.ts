/**
 * One flight across servers. The board (Redis) seats each server that misses a segment: one leads and publishes what its
 * engine says, the others follow it live, and all of that stays behind an ordinary stream of chunks.
 *
 * The seat may change while the stream runs. When the leader dies, a follower that has passed on the first N bytes gets the
 * segment from the start once more, from its own engine or from the next leader. It skips what it has passed on, comparing
 * it: an engine that says the same thing in other bytes cannot be continued, so its answer is cut rather than patched.
 */
import { PushStream } from "../core/async.ts";
import type { AudioFormat } from "../core/audio-format.ts";
import type { CacheKey } from "../core/cache-key.ts";
import type { Clock } from "../core/clock.ts";
import { type ErrorCode, SpeechError } from "../core/errors.ts";
import type { EventBus } from "../core/events.ts";
import type { FlightBoard, FlightEnd, FlightLead, FlightSeat, FollowedEnd, LiveFlight } from "../core/flight-board.ts";
import type { CallOptions, SynthesisChunk } from "../core/ports.ts";
import { PassedOn } from "./passed-on.ts";
import { wordPlaces, wordsAt } from "./word-places.ts";

export type SharedFlight = {
  /** Of the segment in the engine's own format. */
  readonly key: CacheKey;
  readonly format: AudioFormat;
  readonly engine: string;
  readonly text: string;
  /** Whether one that is over, but still on the board, will do. */
  readonly joinEnded: boolean;
  /** Has the engine say it. The signal is not a caller's: others may listen. */
  readonly start: (signal: AbortSignal) => AsyncIterable<SynthesisChunk>;
  readonly onSeated: (role: FlightSeat["role"]) => void;
  /** We led, and another server took over; both make all of it. */
  readonly onOutlived: () => void;
};

export type SharedFlightsDeps = {
  readonly board: FlightBoard;
  readonly clock: Clock;
  readonly events: EventBus;
  /** More audio than this is a fault of the engine. */
  readonly maxBytes: number;
};

/** How following ended, short of a failure. */
type Outcome = "done" | "lost" | "unreachable";

/** Leaders that may die on a follower before it goes alone. */
const MAX_SEATS = 16;
/** How often a leader without listeners of its own asks whether others still listen. */
const DESERTED_CHECK_MS = 500;
/** Failures of the leader's server, not of the engine: another server may well succeed. */
const OWN_FAULTS: ReadonlySet<ErrorCode> = new Set(["caller_gone", "internal", "overloaded", "shutting_down"]);
const DESERTED = new SpeechError("caller_gone", "every listener left");

export class SharedFlights {
  readonly #deps: SharedFlightsDeps;
  readonly #closing = new AbortController();
  readonly #leads = new Set<Promise<void>>();

  constructor(deps: SharedFlightsDeps) {
    this.#deps = deps;
  }

  /** The segment's chunks, whole and once, whoever makes them. Throws what the engine, or the leader's engine, threw. */
  async *fly(flight: SharedFlight, { signal }: CallOptions): AsyncGenerator<SynthesisChunk> {
    const { board, events } = this.#deps;
    const passed = new PassedOn();
    let reachable = true;
    for (let seats = 0; ; seats++) {
      const { key, format, engine, joinEnded } = flight;
      const seat: FlightSeat =
        reachable && seats < MAX_SEATS ? await board.board(key, { format, joinEnded, signal }) : { role: "alone" };
      events.emit("flight.boarded", { engine, role: seat.role, takenOver: seats > 0 });
      flight.onSeated(seat.role);
      if (seat.role === "alone") return yield* passed.onwards(flight.start(signal), engine);
      if (seat.role === "leader") return yield* passed.onwards(this.#lead(flight, seat.lead, signal), engine);
      const end: Outcome = yield* this.#follow(flight, seat.flight, passed, signal);
      if (end === "done") return;
      reachable = end === "lost";
    }
  }

  /** Ends the flights led from here; whoever follows them takes over. */
  async close(): Promise<void> {
    this.#closing.abort(new SpeechError("shutting_down", "this server is stopping"));
    await Promise.all(this.#leads);
    await this.#deps.board.close();
  }

  async *#follow(
    flight: SharedFlight,
    live: LiveFlight,
    passed: PassedOn,
    signal: AbortSignal,
  ): AsyncGenerator<SynthesisChunk, Outcome> {
    passed.rewind();
    for await (const news of live.follow({ signal })) {
      if ("how" in news) {
        const over = endOf(news, flight.engine);
        if (over === "done") passed.checkEnd(flight.engine);
        return over;
      }
      const { audio, words } = news;
      const chunk = passed.rest(
        { ...(audio && { audio }), ...(words && { words: wordsAt(words, flight.text) }) },
        flight.engine,
      );
      if (chunk !== undefined) yield chunk;
    }
    return "unreachable";
  }

  /** Our engine's chunks; they are published too, and go on being so when our own listeners leave and others do not. */
  async *#lead(flight: SharedFlight, lead: FlightLead, signal: AbortSignal): AsyncGenerator<SynthesisChunk> {
    const own = new AbortController();
    const heard = new PushStream<SynthesisChunk>();
    const over = new AbortController();
    const making = this.#make(flight, lead, own, heard).finally(() => {
      over.abort(DESERTED);
      this.#leads.delete(making);
    });
    this.#leads.add(making);
    const stop = (): void => heard.fail(signal.reason);
    signal.addEventListener("abort", stop, { once: true });
    if (signal.aborted) stop();
    try {
      yield* heard;
    } finally {
      signal.removeEventListener("abort", stop);
      if (!over.signal.aborted) void this.#endUnlessFollowed(lead, own, over.signal);
    }
  }

  async #make(
    { start, text, engine, onOutlived }: SharedFlight,
    lead: FlightLead,
    own: AbortController,
    heard: PushStream<SynthesisChunk>,
  ): Promise<void> {
    const { maxBytes } = this.#deps;
    const signal = AbortSignal.any([own.signal, this.#closing.signal]);
    let end: FlightEnd = { how: "done" };
    let searchedTo = 0;
    let bytes = 0;
    try {
      for await (const chunk of start(signal)) {
        heard.push(chunk);
        const { audio } = chunk;
        bytes += audio?.byteLength ?? 0;
        if (bytes > maxBytes)
          throw new SpeechError("engine_failed", `more than ${maxBytes} bytes of audio`, { engine });
        const found = chunk.words && wordPlaces(chunk.words, text, searchedTo);
        searchedTo = found?.at(-1)?.to ?? searchedTo;
        if (audio !== undefined || found !== undefined)
          lead.publish({ ...(audio && { audio }), ...(found && { words: found }) });
      }
      if (lead.lost) onOutlived();
      heard.end();
    } catch (error) {
      heard.fail(error);
      end = signal.aborted ? { how: "left" } : failureOf(error);
    }
    await lead.end(end);
    if (lead.lost) onOutlived();
  }

  async #endUnlessFollowed(lead: FlightLead, own: AbortController, over: AbortSignal): Promise<void> {
    const { clock } = this.#deps;
    while (!over.aborted) {
      if (await lead.leaveUnlessFollowed()) own.abort(DESERTED);
      await clock.sleep(DESERTED_CHECK_MS, over).catch(() => {});
    }
  }
}

/** Throws the engine's failure, so that the next engine gets its turn at once on every server that waits. */
function endOf(end: FollowedEnd, engine: string): Outcome {
  switch (end.how) {
    case "done":
    case "lost":
    case "unreachable":
      return end.how;
    case "left":
      return "lost";
    case "failed":
      throw new SpeechError(end.code, `${engine} failed on the server that asked it`, {
        engine: end.engine ?? engine,
        ...(end.retryAfterMs !== undefined && { retryAfterMs: end.retryAfterMs }),
      });
  }
}

function failureOf(thrown: unknown): FlightEnd {
  const { code, details } = SpeechError.from(thrown, "internal", "");
  if (OWN_FAULTS.has(code)) return { how: "left" };
  const { engine, retryAfterMs } = details;
  return { how: "failed", code, ...(engine && { engine }), ...(retryAfterMs !== undefined && { retryAfterMs }) };
}
