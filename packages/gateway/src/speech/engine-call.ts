import type { Clock } from "../core/clock.ts";
import { SpeechError } from "../core/errors.ts";
import type { EventBus } from "../core/events.ts";
import type { CallOptions, SpeechEngine, SynthesisChunk, SynthesisRequest, Transcoder } from "../core/ports.ts";
import { withDeadlines } from "../resilience/deadline.ts";
import type { FairQueue, QueuePriority } from "../resilience/fair-queue.ts";
import { audible } from "./audible.ts";

export type EngineDeadlines = {
  /** Until the first audio. */
  readonly firstAudioMs: number;
  /** From one chunk to the next. */
  readonly betweenChunksMs: number;
};

export type EngineCallDeps = {
  readonly clock: Clock;
  readonly events: EventBus;
  readonly transcoder: Transcoder;
  readonly deadlinesOf: (engine: string) => EngineDeadlines;
  /** The line before an engine. Absent: nobody waits. */
  readonly queueOf?: (engine: string) => FairQueue | undefined;
};

/** On whose behalf an engine is called: in its line, tenants take turns. */
export type EngineCallOptions = CallOptions & { readonly tenant?: string; readonly priority?: QueuePriority };

export type EngineCall = (
  engine: SpeechEngine,
  request: SynthesisRequest,
  options: EngineCallOptions,
) => AsyncIterable<SynthesisChunk>;

/**
 * One call of one engine with all that guards it: a turn in its line, deadlines, nothing passed on before something can be heard, every
 * failure a SpeechError that names the engine, and the events that statistics are made of.
 */
export function createEngineCall({ clock, events, transcoder, deadlinesOf, queueOf }: EngineCallDeps): EngineCall {
  return async function* call(engine, request, { signal, tenant = "", priority = "interactive" }) {
    const { firstAudioMs, betweenChunksMs } = deadlinesOf(engine.name);
    // Before the deadlines: the wait is ours, not the engine's.
    const turn = await queueOf?.(engine.name)?.enter(tenant, { signal, priority });
    const startedAt = clock.monotonic();
    let firstAudioAt: number | undefined;
    let bytes = 0;
    events.emit("synthesis.started", { engine: engine.name, characters: request.text.length });
    try {
      const timely = withDeadlines((own) => engine.synthesize(request, { signal: own }), {
        clock,
        signal,
        firstMs: firstAudioMs,
        betweenMs: betweenChunksMs,
        onLate: (waitedMs) =>
          new SpeechError("engine_timeout", `${engine.name} sent nothing for ${waitedMs} ms`, { engine: engine.name }),
      });
      const format = engine.outputFormat(request);
      for await (const chunk of audible(timely, { format, transcoder, signal })) {
        firstAudioAt ??= clock.monotonic();
        bytes += chunk.audio?.byteLength ?? 0;
        yield chunk;
      }
    } catch (thrown) {
      signal.throwIfAborted(); // our side left: not the engine's fault
      const error = named(thrown, engine.name);
      const { retryAfterMs } = error.details;
      if (retryAfterMs !== undefined) turn?.release({ overloadedForMs: retryAfterMs });
      events.emit("engine.failed", { engine: engine.name, code: error.code, error });
      throw error;
    } finally {
      turn?.release();
    }
    const endedAt = clock.monotonic();
    events.emit("synthesis.finished", {
      engine: engine.name,
      firstAudioMs: (firstAudioAt ?? endedAt) - startedAt,
      totalMs: endedAt - startedAt,
      bytes,
    });
  };
}

function named(thrown: unknown, engine: string): SpeechError {
  const error = SpeechError.from(thrown, "engine_failed", `${engine} failed`);
  if (error.details.engine !== undefined) return error;
  return new SpeechError(error.code, `${engine}: ${error.message}`, { ...error.details, engine, cause: thrown });
}
