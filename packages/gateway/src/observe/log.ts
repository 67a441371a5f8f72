import { type Logger, pino } from "pino";
import { systemClock } from "../core/clock.ts";
import type { EventBus, SpeechEvents } from "../core/events.ts";
import { linesBeside } from "./logger.ts";

/** One line per request, and one for each thing that went wrong. Never the text: neither of events nor of causes. */
export function logEvents(events: EventBus, log: Logger): void {
  /** Errors of which there is a line already; the same ones come again as answers. */
  const told = new WeakSet<object>();
  const direct = linesBeside(log);
  events.on("speech.delivered", (event) => {
    if (!log.isLevelEnabled("info")) return;
    if (direct === undefined) log.info(deliveredFields(event), DELIVERED);
    else {
      const at = systemClock.now();
      direct.lines.writeLater(() => deliveredLine(event, at, direct.base));
    }
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

const DELIVERED = "speech delivered";
const INFO = pino.levels.values.info;

function deliveredFields({ firstAudioMs, latencyMs, segments, ...event }: SpeechEvents["speech.delivered"]) {
  return { ...event, firstAudioMs: rounded(firstAudioMs), latencyMs: rounded(latencyMs), ...segments };
}

/** The same as the logger writes it. It is the one line of every request: made by the logger, it would take a tenth of a hit's time. */
function deliveredLine(event: SpeechEvents["speech.delivered"], atMs: number, base: string): string {
  const { requestId, subject, engine, format, fromCache, bytes, characters, firstAudioMs, latencyMs, segments } = event;
  const { hit, miss, coalesced, stale } = segments;
  const who = `"requestId":${quoted(requestId)},"subject":${quoted(subject)},"engine":${quoted(engine)}`;
  const what = `"format":"${format}","fromCache":${fromCache},"bytes":${bytes},"characters":${characters}`;
  const times = `"firstAudioMs":${rounded(firstAudioMs)},"latencyMs":${rounded(latencyMs)}`;
  const outcomes = `"hit":${hit},"miss":${miss},"coalesced":${coalesced},"stale":${stale}`;
  return `{"level":${INFO},"time":${atMs},${base},${who},${what},${times},${outcomes},"msg":"${DELIVERED}"}\n`;
}

/** Needs no escapes in JSON. */
const PLAIN = /^[\w.:@-]*$/;

/** In JSON; nearly all that stands here is plain. */
function quoted(text: string): string {
  return PLAIN.test(text) ? `"${text}"` : JSON.stringify(text);
}

function rounded(ms: number): number {
  return Math.round(ms * 10) / 10;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
