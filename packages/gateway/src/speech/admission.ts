import type { Clock } from "../core/clock.ts";
import { SpeechError } from "../core/errors.ts";
import type { CallOptions, RateLimiter } from "../core/ports.ts";
import {
  type Charge,
  type Cost,
  type Decision,
  neverFits,
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

export type Admission = {
  readonly quota: Extract<Decision, { admitted: true }>;
  /** What was stored of the first segments. */
  readonly ahead: readonly (SpokenSegment | undefined)[];
  readonly bill: Bill;
  /** Monotonic ms of the limiter's answer. */
  readonly limitedAt: number;
};

/**
 * Whether the caller may have these segments, and what is stored of them: both are asked at once, unless the price
 * depends on what is stored. Whoever is known to be refused costs neither question.
 * Throws `text_too_long` for more characters than the caller's limit ever lets through.
 */
export async function admit(
  { limiter, chain, clock, countHits }: AdmissionDeps,
  utterance: Utterance,
  segments: readonly Segment[],
  { signal }: CallOptions,
): Promise<Admission | Refusal> {
  const subject = subjectOf(utterance);
  const { user, tenant } = limiter.allowanceOf(subject);
  const least: Cost = { requests: countHits ? 1 : 0, characters: 0, streams: 0 };
  const known = limiter.knownRefusal(subject, least);
  if (known !== undefined) return known;
  const looking = Promise.all(segments.slice(0, LOOKUP_AHEAD).map((segment) => chain.lookup(segment, { signal })));
  looking.catch(() => {}); // a refusal may come first
  const byContent = !countHits || [...user, ...tenant].some((window) => unitOf(window) !== "requests");
  const cost = byContent ? priceOf(segments, await looking, countHits) : least;
  const tooSmall = neverFits({ user, tenant }, cost);
  if (tooSmall !== undefined) {
    const message = `the text has ${cost.characters} characters to be spoken; the limit "${tooSmall.name}" is ${tooSmall.limit}`;
    throw new SpeechError("text_too_long", message, { param: "input" });
  }
  const quota = await limiter.take(subject, cost, { signal });
  if (!quota.admitted) return quota;
  const limitedAt = clock.monotonic();
  const bill = new Bill(quota.charge, cost);
  try {
    return { quota, ahead: await looking, bill, limitedAt };
  } catch (error) {
    bill.settle();
    throw error;
  }
}

function subjectOf({ subject, tenant, plan }: Utterance): Subject {
  return { user: subject, ...(tenant !== undefined && { tenant }), ...(plan !== undefined && { plan }) };
}

/** Stored segments cost no characters, and an answer of nothing else is no stream: it is there at once. */
function priceOf(
  segments: readonly Segment[],
  ahead: readonly (SpokenSegment | undefined)[],
  countHits: boolean,
): Cost {
  const missing = segments.filter((_, at) => ahead[at] === undefined);
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
      const paid = Math.min(rest, cost.characters);
      rest -= paid;
      void charge.settle({ characters: cost.characters - paid });
    }
  }
}
