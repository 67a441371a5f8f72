import { randomInt } from "node:crypto";
import type { Clock } from "../core/clock.ts";
import { SpeechError } from "../core/errors.ts";
import type { CallOptions, RateLimiter } from "../core/ports.ts";
import type { Allowance, Charge, Cost, Decision, Subject, WindowState } from "../core/quota.ts";
import { NOTHING_TO_SETTLE, unitOf } from "../core/quota.ts";
import { rateKey, tenantRateKey } from "../redis/keys.ts";
import type { RedisPort } from "../redis/redis-port.ts";
import { loadScript, type RedisScript } from "../redis/script.ts";
import { checkedAllowance, longestOf } from "./allowance.ts";
import { ClockOffset } from "./clock-offset.ts";
import { isOneRequest, type Question, Questions } from "./question.ts";

export type RedisRateLimiterOptions = {
  readonly redis: RedisPort;
  readonly allowanceOf: (subject: Subject) => Allowance;
  readonly clock: Clock;
  /** A call that Redis gets round to later than this is not carried out. As long as whoever asked waits, and a little. */
  readonly lateAfterMs?: number;
  /** Time instead of Redis's own, so that tests can move it. */
  readonly testTimeMs?: () => number;
};

/** An admission made without Redis, to be written down when it is back. */
export type PastAdmission = { readonly ageMs: number; readonly cost: Cost };

const file = (name: string): URL => new URL(`./lua/${name}.lua`, import.meta.url);

/** The script that decides; by itself for those who measure it. */
export function loadTakeScript(): RedisScript {
  return loadScript(file("take-fast"), file("log"), file("take"));
}

const LATE = -1;
const NO_DEADLINE = 0;
const DEFAULT_LATE_AFTER_MS = 100;
/** A server that dies frees its streams after so long. */
const LEASE_MS = 15_000;
const RENEW_EVERY_MS = 5_000;
const MAX_LEASE_ID = 0xffff_ffff;

/** What is needed to come back to an admission. */
type Lease = { readonly keys: readonly string[]; readonly id: number };

/**
 * Exact sliding windows over all servers, by Redis's clock: one script call decides every window of the user and of the
 * tenant. The layout is told in `lua/log.lua`. Rejects with a RedisError when Redis cannot answer.
 */
export class RedisRateLimiter implements RateLimiter {
  readonly #options: RedisRateLimiterOptions;
  readonly #scripts = {
    take: loadTakeScript(),
    settle: loadScript(file("log"), file("settle")),
    merge: loadScript(file("log"), file("merge")),
  };
  readonly #leases = new Set<Lease>();
  readonly #closed = new AbortController();
  readonly #offset = new ClockOffset();
  readonly #questions = new Questions();
  #renewing = false;

  constructor(options: RedisRateLimiterOptions) {
    this.#options = options;
  }

  allowanceOf(subject: Subject): Allowance {
    return checkedAllowance(this.#options.allowanceOf(subject));
  }

  knownRefusal(): undefined {
    return undefined;
  }

  async take(subject: Subject, cost: Cost, { signal }: CallOptions): Promise<Decision> {
    signal.throwIfAborted(); // an abandoned request is not charged
    const question = this.#questionOf(subject);
    const keys = keysOf(subject, question);
    if (keys.length === 0) return { admitted: true, states: [], charge: NOTHING_TO_SETTLE };
    const id = cost.streams > 0 ? randomInt(1, MAX_LEASE_ID) : 0;
    const rest =
      question.short !== undefined && isOneRequest(cost)
        ? question.short
        : [cost.requests, cost.characters, id, LEASE_MS, ...question.shape];
    let reply = await this.#ask(keys, this.#deadline(), rest, signal);
    if (reply[0] === LATE) {
      // It came back to us in time, so it was not late: Redis's clock has jumped, or another server took over.
      this.#offset.forget();
      reply = await this.#ask(keys, NO_DEADLINE, rest, signal);
    }
    return this.#decision(reply, keys, question, cost, id);
  }

  async peek(subject: Subject, options: CallOptions): Promise<readonly WindowState[]> {
    return (await this.take(subject, { requests: 0, characters: 0, streams: 0 }, options)).states;
  }

  async reset(subject: Subject, options: CallOptions): Promise<void> {
    await this.#options.redis.unlink(rateKey(subject), options);
  }

  /** Writes down what was admitted without Redis. Asks for no room: it has happened. */
  async merge(subject: Subject, admissions: readonly PastAdmission[], options: CallOptions): Promise<void> {
    const question = this.#questionOf(subject);
    const keys = keysOf(subject, question);
    if (keys.length === 0) return;
    const past = admissions.flatMap(({ ageMs, cost }) => [Math.round(ageMs), cost.requests, cost.characters]);
    const { user, tenant } = this.allowanceOf(subject);
    const lists = [question.ofUser && user, question.ofTenant && tenant].filter((list) => list !== false);
    const shape = lists.flatMap((list) => [
      Math.max(longestOf(list), LEASE_MS),
      list.some((window) => unitOf(window) === "characters") ? 1 : 0,
    ]);
    await this.#run(this.#scripts.merge, keys, [admissions.length, ...past, ...shape], options.signal);
  }

  async close(): Promise<void> {
    this.#closed.abort(new SpeechError("shutting_down", "the limiter is closed"));
    this.#leases.clear();
  }

  #questionOf(subject: Subject): Question {
    return this.#questions.of(this.allowanceOf(subject), subject.tenant !== undefined);
  }

  /** When Redis need not begin any more, by its own clock. */
  #deadline(): number {
    const { clock, lateAfterMs = DEFAULT_LATE_AFTER_MS, testTimeMs } = this.#options;
    const offset = testTimeMs === undefined ? this.#offset.most : undefined;
    return offset === undefined ? NO_DEADLINE : Math.ceil(clock.monotonic() + offset + lateAfterMs);
  }

  async #ask(keys: readonly string[], deadline: number, rest: readonly (string | number)[], signal: AbortSignal) {
    const { clock } = this.#options;
    const sentAt = clock.monotonic();
    const reply = (await this.#run(this.#scripts.take, keys, [deadline, ...rest], signal)) as number[];
    this.#offset.learn(reply[1]!, sentAt, clock.monotonic());
    return reply;
  }

  /** From `{verdict, time, for each window: left, ms until one more, then: time of the charge, ms to wait, window}`. */
  #decision(reply: readonly number[], keys: readonly string[], question: Question, cost: Cost, id: number): Decision {
    const { windows } = question;
    const states = windows.map((window, at): WindowState => {
      return { window, remaining: reply[2 + 2 * at]!, resetMs: reply[3 + 2 * at]! };
    });
    const end = 2 + 2 * windows.length;
    if (reply[0] === 1)
      return { admitted: true, states, charge: this.#charge(keys, id, reply[end] ?? 0, question, cost) };
    return { admitted: false, retryAfterMs: reply[end + 1]!, window: windows[reply[end + 2]! - 1]!, states };
  }

  #charge(keys: readonly string[], id: number, chargedAt: number, question: Question, cost: Cost): Charge {
    const lease = id !== 0 && question.hasStreams ? { keys, id } : undefined;
    const refundable = cost.characters > 0 && question.hasCharacters;
    if (lease === undefined && !refundable) return NOTHING_TO_SETTLE;
    if (lease !== undefined) this.#keep(lease);
    let settled = false;
    return {
      settle: async ({ characters }) => {
        if (settled) return;
        settled = true;
        if (lease !== undefined) this.#leases.delete(lease);
        const back = refundable ? Math.min(characters, cost.characters) : 0;
        if (back === 0 && lease === undefined) return;
        const args = [chargedAt, back, lease?.id ?? 0, 0];
        // Lost if Redis is away: a lease then ends by itself, and characters count until their window has passed.
        await this.#run(this.#scripts.settle, keys, args, this.#closed.signal).catch(() => {});
      },
    };
  }

  #keep(lease: Lease): void {
    this.#leases.add(lease);
    if (!this.#renewing) void this.#renew();
  }

  /** Runs while there are leases. */
  async #renew(): Promise<void> {
    this.#renewing = true;
    try {
      while (this.#leases.size > 0) {
        await this.#options.clock.sleep(RENEW_EVERY_MS, this.#closed.signal);
        const renewals = [...this.#leases].map(({ keys, id }) =>
          this.#run(this.#scripts.settle, keys, [0, 0, id, LEASE_MS], this.#closed.signal),
        );
        await Promise.allSettled(renewals); // missed ones have two more chances
      }
    } catch {
      // closed
    } finally {
      this.#renewing = false;
    }
  }

  #run(script: RedisScript, keys: readonly string[], args: readonly (string | number)[], signal: AbortSignal) {
    const { redis, testTimeMs } = this.#options;
    return redis.runScript(script, keys, [testTimeMs?.() ?? "", ...args], { signal });
  }
}

/** The keys that count for a subject, in the order of its windows. */
function keysOf(subject: Subject, { ofUser, ofTenant }: Question): string[] {
  const keys = ofUser ? [rateKey(subject)] : [];
  if (ofTenant && subject.tenant !== undefined) keys.push(tenantRateKey(subject.tenant));
  return keys;
}
