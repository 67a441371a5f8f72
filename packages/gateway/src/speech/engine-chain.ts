/**
 * The engines in order, for one segment at a time. Until a segment's first audio the next engine may take over; what it
 * says is cached under its own name, never under that of the engine that failed.
 *
 * An engine whose breaker is open is not asked, but what is stored of it is heard before anybody else is asked. When its
 * breaker wants to know whether it is well again, this caller's segment is the probe: it runs beside, while the caller
 * is served by the next engine, so that finding out costs nobody time. Only when nobody else could speak are those asked
 * whose breakers are open: a request must not fail while an engine could speak.
 */
import { type Soon, soon } from "../core/async.ts";
import type { Clock } from "../core/clock.ts";
import { type ErrorCode, SpeechError } from "../core/errors.ts";
import type { EventBus } from "../core/events.ts";
import type { CallOptions } from "../core/ports.ts";
import { ableFirst, firstAble } from "./able.ts";
import { attempt, LooseAttempt, storedAttempt } from "./attempt.ts";
import { isEngineFault } from "./engine-state.ts";
import type { EngineStates } from "./engine-states.ts";
import { hedged } from "./hedged.ts";
import { asWritten } from "./pronounced.ts";
import { type Segment, type SpokenSegment, segmentRequest, spokenBy, storedHit } from "./segment.ts";
import type { SegmentCache } from "./segment-cache.ts";

export type { Segment, SpokenSegment } from "./segment.ts";

export type EngineChainDeps = {
  readonly cache: SegmentCache;
  readonly states: EngineStates;
  readonly clock: Clock;
  readonly events: EventBus;
};

export type ChainOptions = CallOptions & {
  /** `lookup` was asked just now. */
  readonly alreadyMissed: boolean;
  /** Names of engines that failed in this very utterance; they are asked last, and others join them here. */
  readonly failed?: Set<string>;
};

/** Failures that another engine would not mend. */
const FINAL_CODES: ReadonlySet<ErrorCode> = new Set(["not_cached", "caller_gone", "shutting_down"]);
const RETRY_AFTER_MS = 1_000;
const CLOSED = new SpeechError("shutting_down", "this server is stopping");

/** One segment on its way through the engines. */
type Round = {
  readonly segment: Segment;
  /** Indices of its candidates, in the order in which they are asked. */
  readonly order: readonly number[];
  readonly options: ChainOptions;
  readonly failures: SpeechError[];
  /** Candidates that were asked beside another one, and failed. */
  readonly tried: Set<number>;
};

export class EngineChain {
  readonly #deps: EngineChainDeps;
  readonly #closing = new AbortController();
  /** Probes that nobody listens to. */
  readonly #probes = new Set<Promise<void>>();

  constructor(deps: EngineChainDeps) {
    this.#deps = deps;
  }

  /** Stored audio of the first candidate: what the caller hears when all is well. */
  lookup(segment: Segment, options: CallOptions): Soon<SpokenSegment | undefined> {
    const first = firstAble(segment);
    const found = this.#deps.cache.lookup(segmentRequest(segment, first), options);
    return soon(found, (stored) => stored && asWritten(storedHit(segment, first, stored), segment, first));
  }

  /** Resolves with the first audio; expired audio if nobody could speak. Throws `engines_unavailable` when there is none either, or the one engine's own refusal. */
  async speak(segment: Segment, options: ChainOptions): Promise<SpokenSegment> {
    const round: Round = { segment, order: ableFirst(segment), options, failures: [], tried: new Set() };
    const unasked: number[] = [];
    const probes: LooseAttempt[] = [];
    let spoken: SpokenSegment | undefined;
    for (const at of round.order) {
      if (spoken !== undefined) break;
      if (round.tried.has(at)) continue;
      const admits = this.#admits(round, at);
      if (admits === "call") {
        spoken = await this.#ask(round, at);
        continue;
      }
      spoken = await this.#stored(round, at);
      if (spoken !== undefined || admits === "never") continue;
      if (admits === "probe") probes.push(this.#probe(round, at));
      else unasked.push(at);
    }
    if (spoken === undefined) spoken = await this.#probed(round, probes);
    else for (const probe of probes) this.#letGo(probe);
    spoken ??= (await this.#insist(round, unasked)) ?? (await this.#stale(round));
    if (spoken === undefined) throw unavailable(round.failures);
    return spoken;
  }

  /** Ends the probes that run beside. */
  async close(): Promise<void> {
    this.#closing.abort(CLOSED);
    await Promise.all(this.#probes);
  }

  #admits({ segment, options }: Round, at: number): "call" | "probe" | "nothing" | "never" {
    const { name } = segment.candidates[at]!.engine;
    const { admits } = this.#deps.states.of(name);
    return admits !== "never" && options.failed?.has(name) ? "nothing" : admits;
  }

  #openOptions({ order, options }: Round, at: number): CallOptions & { alreadyMissed: boolean } {
    return { signal: options.signal, alreadyMissed: options.alreadyMissed && at === order[0] };
  }

  /** Undefined: it failed, and somebody else may be asked. */
  async #ask(round: Round, at: number): Promise<SpokenSegment | undefined> {
    const { cache, states, clock, events } = this.#deps;
    const { segment, options } = round;
    const state = states.of(segment.candidates[at]!.engine.name);
    const opening = this.#openOptions(round, at);
    const delayMs = state.hedgeDelayMs;
    const next = delayMs === undefined ? undefined : this.#nextCallable(round, at);
    if (state.guards.hedge) state.hedges.earn();
    if (delayMs === undefined || next === undefined)
      return this.#outcome(round, at, attempt(cache, segment, at, opening));
    const by = segment.candidates[next]!.engine.name;
    const either = hedged({
      clock,
      delayMs,
      signal: options.signal,
      first: (own) => attempt(cache, segment, at, { ...opening, ...own }),
      second: (own) => attempt(cache, segment, next, own),
      onSecondFailed: (error) => {
        round.tried.add(next);
        round.failures.push(SpeechError.from(error, "engine_failed", `${by} failed`));
      },
      onDelay: () => {
        const may = state.hedges.spend();
        if (may) events.emit("engine.hedged", { engine: state.name, by, afterMs: delayMs });
        return may;
      },
    });
    return this.#outcome(round, at, either);
  }

  #nextCallable(round: Round, after: number): number | undefined {
    const rest = round.order.slice(round.order.indexOf(after) + 1);
    return rest.find((at) => !round.tried.has(at) && this.#admits(round, at) === "call");
  }

  async #stored(round: Round, at: number): Promise<SpokenSegment | undefined> {
    const stored = storedAttempt(this.#deps.cache, round.segment, at, this.#openOptions(round, at));
    return stored.catch((error: unknown) => {
      round.options.signal.throwIfAborted();
      round.failures.push(SpeechError.from(error, "internal", "stored audio could not be used"));
      return undefined;
    });
  }

  #probe(round: Round, at: number): LooseAttempt {
    const { signal } = round.options;
    return new LooseAttempt((own) => attempt(this.#deps.cache, round.segment, at, { ...own, alreadyMissed: true }), {
      signal,
    });
  }

  /** The probes' turn to be waited for: nobody else has spoken. */
  async #probed(round: Round, probes: readonly LooseAttempt[]): Promise<SpokenSegment | undefined> {
    for (const probe of probes) {
      const spoken = await this.#outcome(round, undefined, probe.spoken);
      if (spoken !== undefined) return spoken;
    }
    return undefined;
  }

  #letGo(probe: LooseAttempt): void {
    const over = probe.letGo(this.#closing.signal).finally(() => this.#probes.delete(over));
    this.#probes.add(over);
  }

  /** Those whose breakers are open, the one that may be well soonest first. Not those that said themselves not to ask for longer than anybody would wait. */
  async #insist(round: Round, unasked: readonly number[]): Promise<SpokenSegment | undefined> {
    const { cache, states } = this.#deps;
    const stateOf = (at: number) => states.of(round.segment.candidates[at]!.engine.name);
    const inOrder = unasked.toSorted((a, b) => stateOf(a).retryInMs - stateOf(b).retryInMs);
    for (const at of inOrder) {
      const state = stateOf(at);
      if (state.retryInMs > state.guards.firstAudioMs) {
        const { name: engine, retryInMs } = state;
        const details = { engine, retryAfterMs: Math.ceil(retryInMs) };
        round.failures.push(new SpeechError("engine_failed", `${engine} is not to be asked yet`, details));
        continue;
      }
      const options = { ...this.#openOptions(round, at), alreadyMissed: true, insist: true };
      const spoken = await this.#outcome(round, at, attempt(cache, round.segment, at, options));
      if (spoken !== undefined) return spoken;
    }
    return undefined;
  }

  async #outcome(
    { segment, options, failures }: Round,
    at: number | undefined,
    spoken: Promise<SpokenSegment>,
  ): Promise<SpokenSegment | undefined> {
    try {
      return await spoken;
    } catch (thrown) {
      options.signal.throwIfAborted();
      const error = SpeechError.from(thrown, "engine_failed", "an engine failed");
      if (FINAL_CODES.has(error.code)) throw error;
      failures.push(error);
      const name = error.details.engine ?? (at === undefined ? undefined : segment.candidates[at]!.engine.name);
      if (name !== undefined && isEngineFault(error)) options.failed?.add(name);
      return undefined;
    }
  }

  /** What some candidate said before and has expired since: better than nothing. */
  async #stale({ segment, order, options }: Round): Promise<SpokenSegment | undefined> {
    for (const at of order) {
      const stored = await this.#deps.cache.stale(segmentRequest(segment, at), options);
      if (stored !== undefined) return asWritten({ ...spokenBy(segment, at), outcome: "stale", stored }, segment, at);
    }
    return undefined;
  }
}

function unavailable(failures: readonly SpeechError[]): SpeechError {
  const [first] = failures;
  if (first === undefined) {
    return new SpeechError("engines_unavailable", "every engine is switched off", { retryAfterMs: RETRY_AFTER_MS });
  }
  // A refusal that will not change is told as it is; "try again later" would be a lie.
  if (failures.every(({ retryable }) => !retryable)) return first;
  const retryAfterMs = Math.max(RETRY_AFTER_MS, ...failures.map(({ details }) => details.retryAfterMs ?? 0));
  const reasons = failures.map(({ details, code }) => `${details.engine ?? "engine"}: ${code}`).join(", ");
  return new SpeechError("engines_unavailable", `no engine could speak (${reasons})`, { cause: first, retryAfterMs });
}
