import { mimeType } from "../core/audio-format.ts";
import { ERROR_CODES } from "../core/errors.ts";
import { type Decision, unitOf, type Window, type WindowState } from "../core/quota.ts";
import type { Speech } from "../speech/speak.ts";
import type { HeaderList } from "./header-list.ts";

/** Headers of an answer with audio: what it is, where it came from and what it cost. */
export function speechHeaders(speech: Speech): HeaderList {
  const list = soundHeaders(speech);
  pushLimits(list, speech.quota.states);
  return list;
}

/** Without what is one caller's alone. */
export function soundHeaders(speech: Speech): HeaderList {
  const list = [
    "content-type",
    mimeType(speech.format),
    "cache-status",
    cacheStatus(speech),
    "server-timing",
    serverTiming(speech.timings),
    "mynah-engine",
    headerSafe(speech.engine),
    "mynah-voice",
    headerSafe(speech.voice),
  ];
  if (speech.ignored !== undefined) list.push("mynah-ignored", speech.ignored.join(", "));
  if (speech.notices.length > 0) list.push("mynah-notices", noticesHeader(speech.notices));
  if (speech.whole !== undefined) list.push("mynah-duration-ms", String(Math.round(speech.whole.durationMs)));
  return list;
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
  let timing = `cache;dur=${hundredths(cacheMs)}`;
  if (limitMs > 0) timing = `limit;dur=${hundredths(limitMs)}, ${timing}`;
  if (engineMs > 0) timing += `, engine;dur=${hundredths(engineMs)}`;
  if (transcodeMs > 0) timing += `, transcode;dur=${hundredths(transcodeMs)}`;
  return timing;
}

/** As `toFixed(2)` writes it, in a fifth of its time. */
function hundredths(ms: number): string {
  const whole = Math.round(ms * 100);
  const rest = whole % 100;
  return `${(whole - rest) / 100}.${rest < 10 ? "0" : ""}${rest}`;
}

/** The headers of a decision alone, for an answer without audio. */
export function limitHeaders({ states }: Pick<Decision, "states">): HeaderList {
  const list: HeaderList = [];
  pushLimits(list, states);
  return list;
}

/**
 * OpenAI's `x-ratelimit-*`, of requests and, where they are limited, of characters: for each the window with the least
 * room. And the IETF draft's RateLimit fields (draft-ietf-httpapi-ratelimit-headers) for all windows.
 */
function pushLimits(list: HeaderList, states: readonly WindowState[]): void {
  if (states.length === 0) return;
  let requests: WindowState | undefined;
  let characters: WindowState | undefined;
  let policy = "";
  let limit = "";
  for (const state of states) {
    const { window, remaining, resetMs } = state;
    const unit = unitOf(window);
    if (unit === "requests") requests = tighter(requests, state);
    else if (unit === "characters") characters = tighter(characters, state);
    const comma = policy === "" ? "" : ", ";
    policy += comma + policyOf(window);
    limit += `${comma}"${window.name}";r=${remaining};t=${Math.ceil(resetMs / 1000)}`;
  }
  if (requests !== undefined) pushOpenAi(list, OPENAI_REQUESTS, requests);
  if (characters !== undefined) pushOpenAi(list, OPENAI_CHARACTERS, characters);
  list.push("ratelimit-policy", policy, "ratelimit", limit);
}

const OPENAI_REQUESTS = [
  "x-ratelimit-limit-requests",
  "x-ratelimit-remaining-requests",
  "x-ratelimit-reset-requests",
] as const;
const OPENAI_CHARACTERS = [
  "x-ratelimit-limit-characters",
  "x-ratelimit-remaining-characters",
  "x-ratelimit-reset-characters",
] as const;

function pushOpenAi(list: HeaderList, names: typeof OPENAI_REQUESTS | typeof OPENAI_CHARACTERS, state: WindowState) {
  const [limit, remaining, reset] = names;
  const { window } = state;
  list.push(limit, String(window.limit), remaining, String(state.remaining), reset, goDuration(state.resetMs));
}

function tighter(one: WindowState | undefined, other: WindowState): WindowState {
  return one === undefined || other.remaining < one.remaining ? other : one;
}

/** Windows live as long as the configuration; how each is written does not change. */
const policies = new WeakMap<Window, string>();

function policyOf(window: Window): string {
  const known = policies.get(window);
  if (known !== undefined) return known;
  const unit = unitOf(window) === "requests" ? "" : `;qu="${unitOf(window)}"`; // the draft's default unit is requests
  const policy = `"${window.name}";q=${window.limit};w=${Math.ceil(window.lengthMs / 1000)}${unit}`;
  policies.set(window, policy);
  return policy;
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
