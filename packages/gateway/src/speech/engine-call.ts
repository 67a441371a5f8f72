import type { Clock } from "../core/clock.ts";
import { SpeechError } from "../core/errors.ts";
import type { EventBus } from "../core/events.ts";
import type { CallOptions, SpeechEngine, SynthesisChunk, SynthesisRequest, Transcoder } from "../core/ports.ts";
import { withDeadlines } from "../resilience/deadline.ts";
import type { QueuePriority } from "../resilience/fair-queue.ts";
import { isDroppedConnection, retriedOnce } from "../resilience/retry.ts";
import type { EngineCallRecord, EngineState } from "./engine-state.ts";
import type { EngineStates } from "./engine-states.ts";
import { rightAudio } from "./right-audio.ts";

export type EngineCallDeps = {
  readonly clock: Clock;
  readonly events: EventBus;
  readonly transcoder: Transcoder;
  readonly states: EngineStates;
};

/** On whose behalf an engine is called: in its line, tenants take turns. */
export type EngineCallOptions = CallOptions & {
  readonly tenant?: string;
  readonly priority?: QueuePriority;
  /** Whatever its breaker says: there is nobody else to ask. */
  readonly insist?: boolean;
};

export type EngineCall = (
  engine: SpeechEngine,
  request: SynthesisRequest,
  options: EngineCallOptions,
) => AsyncIterable<SynthesisChunk>;

/** A dropped connection is noticed at once; what failed later than this has cost the caller time enough. */
const RETRY_WITHIN_MS = 250;

/**
 * One call of one engine with all that guards it: its breaker, a turn in its line, deadlines, one more try over a dropped
 * connection, nothing passed on before something right can be heard, every failure a SpeechError that names the engine,
 * and the events that statistics are made of.
 */
export function createEngineCall(deps: EngineCallDeps): EngineCall {
  const { clock, events, states } = deps;
  return async function* call(engine, request, { signal, tenant = "", priority = "interactive", insist = false }) {
    const state = states.of(engine.name);
    if (!insist && (state.admits === "nothing" || state.admits === "never")) throw resting(state);
    // Before the deadlines: the wait is ours, not the engine's.
    const turn = await state.guards.queue?.enter(tenant, { signal, priority });
    const record = state.begin(request.text.length, { insist }); // again: it may have failed others while we waited
    if (record === undefined) {
      turn?.release();
      throw resting(state);
    }
    const startedAt = clock.monotonic();
    const course: Course = { bytes: 0 };
    events.emit("synthesis.started", { engine: engine.name, characters: request.text.length });
    try {
      yield* heard(listened(deps, engine, request, state, signal), course, record, () => clock.monotonic() - startedAt);
      course.ended = true;
      record.succeeded();
    } catch (thrown) {
      signal.throwIfAborted(); // our side left: not the engine's fault
      const error = named(thrown, engine.name);
      course.ended = true;
      record.failed(error, { late: course.firstAudioMs !== undefined });
      const { retryAfterMs } = error.details;
      if (retryAfterMs !== undefined) turn?.release({ overloadedForMs: retryAfterMs });
      events.emit("engine.failed", {
        engine: engine.name,
        code: error.code,
        error,
        afterMs: clock.monotonic() - startedAt,
      });
      throw error;
    } finally {
      if (!course.ended) record.left(clock.monotonic() - startedAt);
      turn?.release();
    }
    const totalMs = clock.monotonic() - startedAt;
    const { bytes, firstAudioMs = totalMs } = course;
    events.emit("synthesis.finished", { engine: engine.name, firstAudioMs, totalMs, bytes });
  };
}

type Course = { bytes: number; firstAudioMs?: number; ended?: boolean };

async function* heard(
  chunks: AsyncIterable<SynthesisChunk>,
  course: Course,
  record: EngineCallRecord,
  elapsedMs: () => number,
): AsyncGenerator<SynthesisChunk> {
  for await (const chunk of chunks) {
    if (course.firstAudioMs === undefined) {
      course.firstAudioMs = elapsedMs();
      record.heard(course.firstAudioMs);
    }
    course.bytes += chunk.audio?.byteLength ?? 0;
    yield chunk;
  }
}

/** What the engine says, in time and listened to. */
function listened(
  { clock, transcoder }: EngineCallDeps,
  engine: SpeechEngine,
  request: SynthesisRequest,
  { guards, pace }: EngineState,
  signal: AbortSignal,
): AsyncIterable<SynthesisChunk> {
  const retried = (own: AbortSignal) =>
    retriedOnce(() => engine.synthesize(request, { signal: own }), {
      clock,
      signal: own,
      mayRetry: isDroppedConnection,
      withinMs: RETRY_WITHIN_MS,
    });
  const timely = withDeadlines(retried, {
    clock,
    signal,
    firstMs: guards.firstAudioMs,
    betweenMs: guards.betweenChunksMs,
    onLate: (waitedMs) =>
      new SpeechError("engine_timeout", `${engine.name} sent nothing for ${waitedMs} ms`, { engine: engine.name }),
  });
  return rightAudio(timely, { request, format: engine.outputFormat(request), transcoder, pace, signal });
}

function resting({ name, retryInMs }: EngineState): SpeechError {
  const message = `${name} has failed and is left alone for a while`;
  return new SpeechError("engine_failed", message, { engine: name, retryAfterMs: Math.ceil(retryInMs) });
}

function named(thrown: unknown, engine: string): SpeechError {
  const error = SpeechError.from(thrown, "engine_failed", `${engine} failed`);
  if (error.details.engine !== undefined) return error;
  return new SpeechError(error.code, `${engine}: ${error.message}`, { ...error.details, engine, cause: thrown });
}
