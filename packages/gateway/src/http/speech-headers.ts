import { mimeType } from "../core/audio-format.ts";
import { ERROR_CODES } from "../core/errors.ts";
import { type Decision, unitOf, type Window } from "../core/quota.ts";
import type { Speech } from "../speech/speak.ts";

/** Headers of an answer with audio: what it is, where it came from and what it cost. */
export function speechHeaders(speech: Speech): Record<string, string> {
  return { ...soundHeaders(speech), ...limitHeaders(speech.quota) };
}

/** Without what is one caller's alone. */
export function soundHeaders(speech: Speech): Record<string, string> {
  return {
    "content-type": mimeType(speech.format),
    "cache-status": cacheStatus(speech),
    "server-timing": serverTiming(speech.timings),
    "mynah-engine": headerSafe(speech.engine),
    "mynah-voice": headerSafe(speech.voice),
    ...(speech.ignored && { "mynah-ignored": speech.ignored.join(", ") }),
    ...(speech.notices.length > 0 && { "mynah-notices": noticesHeader(speech.notices) }),
    ...(speech.whole && { "mynah-duration-ms": String(Math.round(speech.whole.durationMs)) }),
  };
}

/**
 * RFC 9211. `fwd=stale` when the engines were asked, failed (`fwd-status`), and expired audio was heard; `fwd=partial` when some segments were stored; `collapsed` when all that was not stored was already being
 * made for somebody else; `stored` tells that it will be when it is complete.
 */
export function cacheStatus({ outcomes, segments, keeps }: Speech): string {
  const { hit, miss, coalesced, stale } = outcomes;
  if (hit === segments) return "mynah; hit";
  if (stale > 0) return `mynah; fwd=stale; fwd-status=${ERROR_CODES.engines_unavailable.status}`;
  const fwd = hit > 0 ? `fwd=partial; detail="${hit}/${segments}"` : "fwd=miss";
  if (miss === 0 && coalesced > 0) return `mynah; ${fwd}; collapsed`;
  return `mynah; ${fwd}${keeps ? "; stored" : ""}`;
}

function serverTiming({ limitMs, cacheMs, engineMs, transcodeMs }: Speech["timings"]): string {
  let timing = `cache;dur=${cacheMs.toFixed(2)}`;
  if (limitMs > 0) timing = `limit;dur=${limitMs.toFixed(2)}, ${timing}`;
  if (engineMs > 0) timing += `, engine;dur=${engineMs.toFixed(2)}`;
  if (transcodeMs > 0) timing += `, transcode;dur=${transcodeMs.toFixed(2)}`;
  return timing;
}

/**
 * OpenAI's `x-ratelimit-*`, of requests and, where they are limited, of characters: for each the window with the least
 * room. And the IETF draft's RateLimit fields (draft-ietf-httpapi-ratelimit-headers) for all windows.
 */
export function limitHeaders({ states }: Pick<Decision, "states">): Record<string, string> {
  if (states.length === 0) return {};
  return {
    ...openAiHeaders(
      "requests",
      states.filter(({ window }) => unitOf(window) === "requests"),
    ),
    ...openAiHeaders(
      "characters",
      states.filter(({ window }) => unitOf(window) === "characters"),
    ),
    "ratelimit-policy": states
      .map(
        ({ window }) => `"${window.name}";q=${window.limit};w=${Math.ceil(window.lengthMs / 1000)}${quotaUnit(window)}`,
      )
      .join(", "),
    ratelimit: states
      .map(({ window, remaining, resetMs }) => `"${window.name}";r=${remaining};t=${Math.ceil(resetMs / 1000)}`)
      .join(", "),
  };
}

function openAiHeaders(unit: string, states: Decision["states"]): Record<string, string> {
  if (states.length === 0) return {};
  const tightest = states.reduce((least, state) => (state.remaining < least.remaining ? state : least));
  return {
    [`x-ratelimit-limit-${unit}`]: String(tightest.window.limit),
    [`x-ratelimit-remaining-${unit}`]: String(tightest.remaining),
    [`x-ratelimit-reset-${unit}`]: goDuration(tightest.resetMs),
  };
}

/** The draft's default unit is requests. */
function quotaUnit(window: Window): string {
  return unitOf(window) === "requests" ? "" : `;qu="${unitOf(window)}"`;
}

/** `12ms`, `1.5s`, `6m0s`: the way OpenAI writes how long to wait. */
export function goDuration(ms: number): string {
  const whole = Math.ceil(ms);
  if (whole < 1000) return `${whole}ms`;
  if (whole < 60_000) return `${whole / 1000}s`;
  return `${Math.floor(whole / 60_000)}m${Math.ceil((whole % 60_000) / 1000)}s`;
}

/** So many are told in a header; more would be too much for some proxies. */
const MAX_HEADER_NOTICES = 8;

/** What was not done as asked: a list of strings (RFC 9651), each with line and column where there are any. */
function noticesHeader(notices: Speech["notices"]): string {
  const shown = notices.slice(0, MAX_HEADER_NOTICES).map(({ message, line, column }) => {
    const text = headerSafe(line === undefined ? message : `${line}:${column} ${message}`);
    return `"${text.replaceAll(/["\\]/g, "\\$&")}"`;
  });
  const more = notices.length - shown.length;
  return [...shown, ...(more > 0 ? [`"${more} more"`] : [])].join(", ");
}

const VISIBLE_ASCII = /^[\x20-\x7e]*$/;

/** Engine and voice names come from configuration and from engines; a header takes visible ASCII only. */
function headerSafe(value: string): string {
  return VISIBLE_ASCII.test(value) ? value : value.replaceAll(/[^\x20-\x7e]/g, "?");
}
