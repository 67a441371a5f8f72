import {
  type Context,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  type Tracer,
  trace,
} from "@opentelemetry/api";
import { W3CTraceContextPropagator } from "@opentelemetry/core";
import type { Clock } from "../core/clock.ts";
import type { EventBus, SegmentOutcome, SpeechEvents, SpeechTimings } from "../core/events.ts";

export type TracesOptions = { readonly events: EventBus; readonly clock: Clock; readonly tracer: Tracer };

/** What is known of a request that is still running. `at` is monotonic: the wall clock may step meanwhile. */
type Running = {
  parent?: Context;
  started?: SpeechEvents["speech.started"] & { readonly at: number };
  readonly segments: { readonly at: number; readonly outcome: SegmentOutcome; readonly engine: string }[];
};

/** More requests than may run; one that never speaks, as a page's, is forgotten when as many others have come. */
const MAX_RUNNING = 20_000;
const MAX_SEGMENTS = 100;
const STEPS = [
  ["limit", "limitMs"],
  ["cache", "cacheMs"],
  ["engine", "engineMs"],
  ["transcode", "transcodeMs"],
] as const satisfies readonly (readonly [string, keyof SpeechTimings])[];
const PROPAGATOR = new W3CTraceContextPropagator();
const HEADERS = {
  get: (headers: Readonly<Record<string, string | undefined>>, name: string) => headers[name],
  keys: Object.keys,
};

/**
 * A trace per request, `speech` with what its first audio waited for below it, and one per call of an engine, which may
 * speak for many requests at once and so belongs to none. Made of events when something is over: nothing is carried
 * through the code that speaks. Never holds text, nor who asked.
 */
export class Traces {
  readonly #clock: Clock;
  readonly #tracer: Tracer;
  readonly #running = new Map<string, Running>();
  readonly #leave: readonly (() => void)[];

  constructor({ events, clock, tracer }: TracesOptions) {
    this.#clock = clock;
    this.#tracer = tracer;
    this.#leave = [
      events.on("request.received", ({ requestId, ...headers }) => {
        this.#of(requestId).parent = PROPAGATOR.extract(ROOT_CONTEXT, headers, HEADERS);
      }),
      events.on("segment.delivered", ({ requestId, outcome, engine }) => {
        const { segments } = this.#of(requestId);
        if (segments.length < MAX_SEGMENTS) segments.push({ at: clock.monotonic(), outcome, engine });
      }),
      events.on("speech.started", (started) => {
        this.#of(started.requestId).started = { ...started, at: clock.monotonic() };
      }),
      events.on("speech.delivered", (event) => this.#speech(event, (span) => span.setAttributes(answerOf(event)))),
      events.on("speech.refused", (event) =>
        this.#speech(event, (span) => span.setAttributes({ "mynah.refused_by": event.window })),
      ),
      events.on("speech.failed", (event) => this.#speech(event, (span) => failed(span, event.code))),
      events.on("synthesis.finished", ({ engine, firstAudioMs, totalMs, bytes }) =>
        this.#synthesis(engine, totalMs, (span, startedAt) => {
          span.setAttributes({ "mynah.bytes": bytes }).addEvent("first audio", startedAt + firstAudioMs);
        }),
      ),
      events.on("engine.failed", ({ engine, code, afterMs }) =>
        this.#synthesis(engine, afterMs, (span) => failed(span, code)),
      ),
    ];
  }

  close(): void {
    for (const leave of this.#leave) leave();
    this.#running.clear();
  }

  #of(requestId: string): Running {
    const known = this.#running.get(requestId);
    if (known !== undefined) return known;
    const [oldest] = this.#running.keys();
    if (this.#running.size >= MAX_RUNNING && oldest !== undefined) this.#running.delete(oldest);
    const running: Running = { segments: [] };
    this.#running.set(requestId, running);
    return running;
  }

  #speech({ requestId, latencyMs }: { requestId: string; latencyMs: number }, describe: (span: Span) => void): void {
    const { parent = ROOT_CONTEXT, started, segments } = this.#of(requestId);
    this.#running.delete(requestId);
    const endTime = this.#clock.now();
    const wallAtZero = endTime - this.#clock.monotonic();
    const firstStepAt = started === undefined ? Infinity : wallAtZero + started.at - waitedMs(started.timings);
    // What is told late, by a busy process, seems to have begun late.
    const startTime = Math.min(endTime - latencyMs, firstStepAt);
    const span = this.#tracer.startSpan("speech", { kind: SpanKind.SERVER, startTime }, parent);
    if (span.isRecording()) {
      span.setAttribute("mynah.request_id", requestId);
      for (const { at, outcome, engine } of segments)
        span.addEvent("segment", { "mynah.outcome": outcome, "mynah.engine": engine }, wallAtZero + at);
      if (started !== undefined)
        this.#firstAudio(trace.setSpan(parent, span), span, { ...started, at: wallAtZero + started.at });
      describe(span);
    }
    span.end(endTime);
  }

  /** What the first audio waited for, step by step up to it. */
  #firstAudio(parent: Context, span: Span, { at, engine, outcome, timings }: NonNullable<Running["started"]>): void {
    span.setAttributes({ "mynah.engine": engine, "mynah.outcome": outcome }).addEvent("first audio", at);
    let startTime = at - waitedMs(timings);
    for (const [name, step] of STEPS) {
      const endTime = startTime + timings[step];
      if (timings[step] > 0) this.#tracer.startSpan(name, { startTime }, parent).end(endTime);
      startTime = endTime;
    }
  }

  #synthesis(engine: string, totalMs: number, describe: (span: Span, startedAt: number) => void): void {
    const endTime = this.#clock.now();
    const startTime = endTime - totalMs;
    const options = { kind: SpanKind.CLIENT, startTime, attributes: { "mynah.engine": engine } };
    const span = this.#tracer.startSpan("synthesis", options, ROOT_CONTEXT);
    describe(span, startTime);
    span.end(endTime);
  }
}

function waitedMs(timings: SpeechTimings): number {
  return STEPS.reduce((sum, [, step]) => sum + timings[step], 0);
}

function answerOf({ format, fromCache, bytes, characters }: SpeechEvents["speech.delivered"]) {
  return {
    "mynah.format": format,
    "mynah.from_cache": fromCache,
    "mynah.bytes": bytes,
    "mynah.characters": characters,
  };
}

function failed(span: Span, code: string): void {
  span.setAttribute("error.type", code).setStatus({ code: SpanStatusCode.ERROR });
}
