import { type Soon, soon } from "../core/async.ts";
import type { Clock } from "../core/clock.ts";
import { SpeechError } from "../core/errors.ts";
import type { CallOptions, RateLimiter } from "../core/ports.ts";
import {
  type Allowance,
  type Charge,
  type Cost,
  type Decision,
  neverFits,
  ONE_REQUEST,
  type QuotaUnit,
  type Refusal,
  type Subject,
  unitOf,
} from "../core/quota.ts";
import type { Utterance } from "../core/utterance.ts";
import type { EngineChain, Segment, SpokenSegment } from "./engine-chain.ts";

/** Segments looked up at once before the first is spoken. Longer texts are looked up as they are spoken. */
const LOOKUP_AHEAD = 32;

export type AdmissionDeps = {
  readonly limiter: RateLimiter;
  readonly chain: EngineChain;
  readonly clock: Clock;
  /** False: an answer that is stored whole is not counted. */
  readonly countHits: boolean;
};

type Admitted = Extract<Decision, { admitted: true }>;
type Ahead = readonly (SpokenSegment | undefined)[];

export type Admission = {
  readonly quota: Admitted;
  /** What was stored of the first segments. */
  readonly ahead: Ahead;
  readonly bill: Bill;
  /** Monotonic ms of the limiter's answer. */
  readonly limitedAt: number;
};

/**
 * Whether the caller may have these segments, and what is stored of them: both are asked at once, unless the price
 * depends on what is stored. Whoever is known to be refused costs neither question. At once where nobody has to be asked.
 * Throws `text_too_long` for more characters than the caller's limit ever lets through.
 */
export function admit(
  deps: AdmissionDeps,
  utterance: Utterance,
  segments: readonly Segment[],
  { signal }: CallOptions,
): Soon<Admission | Refusal> {
  const { limiter, chain, clock, countHits } = deps;
  const subject = subjectOf(utterance);
  if (!countHits || limitsContent(limiter.allowanceOf(subject))) return admitByContent(deps, subject, segments, signal);
  const taken = limiter.take(subject, ONE_REQUEST, { signal });
  if (!(taken instanceof Promise) && !taken.admitted) return taken;
  const ahead = lookUp(chain, segments, signal);
  return soon(taken, (quota) => (quota.admitted ? admission(quota, ONE_REQUEST, ahead, clock) : quota));
}

/** Characters are limited, or hits are free: what is stored has to be known first. */
async function admitByContent(
  { limiter, chain, clock, countHits }: AdmissionDeps,
  subject: Subject,
  segments: readonly Segment[],
  signal: AbortSignal,
): Promise<Admission | Refusal> {
  const known = limiter.knownRefusal(subject, { requests: countHits ? 1 : 0, characters: 0, streams: 0 });
  if (known !== undefined) return known;
  const ahead = await lookUp(chain, segments, signal);
  const cost = priceOf(segments, ahead, countHits);
  const tooSmall = neverFits(limiter.allowanceOf(subject), cost);
  if (tooSmall !== undefined) {
    const message = `the text has ${cost.characters} characters to be spoken; the limit "${tooSmall.name}" is ${tooSmall.limit}`;
    throw new SpeechError("text_too_long", message, { param: "input" });
  }
  const quota = await limiter.take(subject, cost, { signal });
  return quota.admitted ? admission(quota, cost, ahead, clock) : quota;
}

/** What is stored of the first segments. */
function lookUp(chain: EngineChain, segments: readonly Segment[], signal: AbortSignal): Soon<Ahead> {
  const found: Soon<SpokenSegment | undefined>[] = [];
  for (let at = 0; at < segments.length && at < LOOKUP_AHEAD; at++) found.push(chain.lookup(segments[at]!, { signal }));
  if (!found.some((one) => one instanceof Promise)) return found as Ahead;
  const pending = found as Promise<Ahead[0]>[]; // Promise.all takes those that are there already as well
  const all = pending.length === 1 ? pending[0]!.then((one) => [one]) : Promise.all(pending);
  all.catch(() => {}); // a refusal may come first
  return all;
}

function admission(quota: Admitted, cost: Cost, ahead: Soon<Ahead>, clock: Clock): Soon<Admission> {
  const limitedAt = clock.monotonic();
  const bill = new Bill(quota.charge, cost);
  if (!(ahead instanceof Promise)) return { quota, ahead, bill, limitedAt };
  return ahead.then(
    (found) => ({ quota, ahead: found, bill, limitedAt }),
    (error: unknown) => {
      bill.settle();
      throw error;
    },
  );
}

function limitsContent({ user, tenant }: Allowance): boolean {
  for (const window of user) if (unitOf(window) !== "requests") return true;
  for (const window of tenant) if (unitOf(window) !== "requests") return true;
  return false;
}

function subjectOf({ subject: user, tenant, plan }: Utterance): Subject {
  if (tenant === undefined) return plan === undefined ? { user } : { user, plan };
  return plan === undefined ? { user, tenant } : { user, tenant, plan };
}

/**
 * Stored segments cost no characters, and an answer of nothing else is no stream: it is there at once. Nor does an engine
 * say anything for a caller who wants only what is stored.
 */
function priceOf(
  segments: readonly Segment[],
  ahead: readonly (SpokenSegment | undefined)[],
  countHits: boolean,
): Cost {
  const missing = segments.filter(({ policy }, at) => !policy.onlyIfCached && ahead[at] === undefined);
  const characters = missing.reduce((sum, { text }) => sum + text.length, 0);
  const made = missing.length > 0;
  return { requests: made || countHits ? 1 : 0, characters, streams: made ? 1 : 0 };
}

/**
 * The next segment of an answer that was admitted and still gets text: what is stored of it, or a charge for what it costs
 * beyond what the bill has already. The caller may be refused in the middle.
 */
export async function admitMore(
  { limiter, chain }: AdmissionDeps,
  utterance: Utterance,
  segment: Segment,
  { signal, bill }: CallOptions & { readonly bill: Bill },
): Promise<{ readonly ahead: SpokenSegment | undefined } | Refusal> {
  const ahead = await chain.lookup(segment, { signal });
  if (ahead !== undefined) return { ahead };
  const subject = subjectOf(utterance);
  const { user, tenant } = limiter.allowanceOf(subject);
  const counts = (unit: QuotaUnit) => [...user, ...tenant].some((window) => unitOf(window) === unit);
  const cost: Cost = {
    requests: bill.has("requests") ? 0 : 1,
    characters: counts("characters") ? segment.text.length : 0,
    streams: counts("streams") && !bill.has("streams") ? 1 : 0,
  };
  if (cost.requests + cost.characters + cost.streams === 0) return { ahead };
  const quota = await limiter.take(subject, cost, { signal });
  if (!quota.admitted) return quota;
  bill.add(quota.charge, cost);
  return { ahead };
}

/** What an answer was charged for, and what of it an engine really said. */
export class Bill {
  readonly #charges: { readonly charge: Charge; readonly cost: Cost }[];
  #spoken = 0;

  constructor(charge: Charge, cost: Cost) {
    this.#charges = [{ charge, cost }];
  }

  /** More was charged for the same answer. */
  add(charge: Charge, cost: Cost): void {
    this.#charges.push({ charge, cost });
  }

  /** Whether any of these were charged. */
  has(unit: QuotaUnit): boolean {
    return this.#charges.some(({ cost }) => cost[unit] > 0);
  }

  /** Only what was made for this answer costs characters: not what was stored meanwhile, or is made for somebody else. */
  spoken({ outcome, characters }: SpokenSegment): void {
    if (outcome === "miss") this.#spoken += characters;
  }

  /** A synthesis that broke off is not paid for. */
  failed({ outcome, characters }: SpokenSegment): void {
    if (outcome === "miss") this.#spoken -= characters;
  }

  /** The answer is over. */
  settle(): void {
    let rest = this.#spoken;
    for (const { charge, cost } of this.#charges) {
      if (cost.characters + cost.streams === 0) continue; // a request that was made stays counted
      const paid = Math.min(rest, cost.characters);
      rest -= paid;
      void charge.settle({ characters: cost.characters - paid });
    }
  }
}
