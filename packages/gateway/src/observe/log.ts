import type { Logger } from "pino";
import type { EventBus } from "../core/events.ts";

/** One line per request, and one for each thing that went wrong. Never the text: neither of events nor of causes. */
export function logEvents(events: EventBus, log: Logger): void {
  /** Errors of which there is a line already; the same ones come again as answers. */
  const told = new WeakSet<object>();
  events.on("speech.delivered", (event) => {
    if (!log.isLevelEnabled("info")) return;
    const { requestId, subject, engine, format, fromCache, bytes, characters, segments } = event;
    const { hit, miss, coalesced, stale } = segments;
    const firstAudioMs = rounded(event.firstAudioMs);
    const latencyMs = rounded(event.latencyMs);
    const what = { requestId, subject, engine, format, fromCache, bytes, characters, firstAudioMs, latencyMs };
    log.info({ ...what, hit, miss, coalesced, stale }, "speech delivered");
  });
  events.on("speech.refused", (event) =>
    log.info({ requestId: event.requestId, subject: event.subject, window: event.window }, "speech refused"),
  );
  events.on("speech.failed", ({ requestId, subject, code, error }) => {
    if (typeof error === "object" && error !== null) told.add(error);
    log.info({ requestId, subject, code }, "speech failed");
  });
  events.on("error.answered", ({ requestId, route, code, error }) => {
    if (code === "rate_limit_exceeded" || (typeof error === "object" && error !== null && told.has(error))) return;
    log.info({ requestId, route, code }, "request answered with an error");
  });
  events.on("engine.failed", ({ engine, code, error }) =>
    log.warn({ engine, code, reason: messageOf(error) }, "engine failed"),
  );
  events.on("breaker.changed", ({ engine, state, forMs }) => {
    if (state === "open") log.warn({ engine, forMs: Math.round(forMs) }, "engine is left alone");
    else log.info({ engine }, "engine is back");
  });
  events.on("engine.replaced", (event) => log.info(event, "engine replaced within an answer"));
  events.on("store.failed", ({ op, error }) => log.debug({ op, reason: messageOf(error) }, "store failed"));
  events.on("store.skipped", ({ reason, error }) => log.warn({ reason, cause: messageOf(error) }, "audio not stored"));
}

function rounded(ms: number): number {
  return Math.round(ms * 10) / 10;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
