import type { Logger } from "pino";
import type { EventBus } from "../core/events.ts";

/** One line per request, and one for each thing that went wrong. Never the text: neither of events nor of causes. */
export function logEvents(events: EventBus, log: Logger): void {
  events.on("speech.delivered", ({ segments, ...event }) => {
    if (!log.isLevelEnabled("info")) return;
    log.info({ ...event, latencyMs: Math.round(event.latencyMs * 10) / 10, ...segments }, "speech delivered");
  });
  events.on("speech.refused", (event) => log.info(event, "speech refused"));
  events.on("speech.failed", ({ requestId, subject, code }) => log.info({ requestId, subject, code }, "speech failed"));
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

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
