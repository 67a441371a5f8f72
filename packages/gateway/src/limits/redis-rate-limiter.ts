import { randomInt } from "node:crypto";
import type { Clock } from "../core/clock.ts";
import { SpeechError } from "../core/errors.ts";
import type { CallOptions, RateLimiter } from "../core/ports.ts";
import type { Allowance, Charge, Cost, Decision, Subject, Window, WindowState } from "../core/quota.ts";
import { NOTHING_CHARGED, unitOf } from "../core/quota.ts";
import { rateKey, tenantRateKey } from "../redis/keys.ts";
import type { RedisPort } from "../redis/redis-port.ts";
import { loadScript, type RedisScript } from "../redis/script.ts";
import { checkedAllowance, longestOf } from "./allowance.ts";
import { ClockOffset } from "./clock-offset.ts";

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
const SCRIPTS = {
  take: [file("take-fast"), file("log"), file("take")],
  settle: [file("log"), file("settle")],
  merge: [file("log"), file("merge")],
};

const LATE = -1;
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
    take: loadScript(...SCRIPTS.take),
    settle: loadScript(...SCRIPTS.settle),
    merge: loadScript(...SCRIPTS.merge),
  };
  readonly #leases = new Set<Lease>();
  readonly #closed = new AbortController();
  readonly #offset = new ClockOffset();
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
    const { keys, windows, shape } = this.#counted(subject);
    if (keys.length === 0) return { admitted: true, states: [], charge: NOTHING_CHARGED };
    const id = cost.streams > 0 ? randomInt(1, MAX_LEASE_ID) : 0;
    const [verdict, , chargedAt, waitMs, last, ...pairs] = await this.#take(keys, cost, id, shape, signal);
    const states = windows.map((window, at): WindowState => {
      return { window, remaining: pairs[2 * at]!, resetMs: pairs[2 * at + 1]! };
    });
    if (verdict === 1) return { admitted: true, states, charge: this.#charge(keys, id, chargedAt!, windows, cost) };
    return { admitted: false, retryAfterMs: waitMs!, window: windows[last! - 1]!, states };
  }

  async peek(subject: Subject, options: CallOptions): Promise<readonly WindowState[]> {
    return (await this.take(subject, { requests: 0, characters: 0, streams: 0 }, options)).states;
  }

  async reset(subject: Subject, options: CallOptions): Promise<void> {
    await this.#options.redis.unlink(rateKey(subject), options);
  }

  /** Writes down what was admitted without Redis. Asks for no room: it has happened. */
  async merge(subject: Subject, admissions: readonly PastAdmission[], options: CallOptions): Promise<void> {
    const { keys, allowance } = this.#counted(subject);
    if (keys.length === 0) return;
    const past = admissions.flatMap(({ ageMs, cost }) => [Math.round(ageMs), cost.requests, cost.characters]);
    const lists = [allowance.user, allowance.tenant].filter((list) => list.length > 0);
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

  /** The keys that count for a subject, and its windows as the script reads them. */
  #counted(subject: Subject) {
    const allowance = this.allowanceOf(subject);
    const keys: string[] = [];
    const shape: (string | number)[] = [];
    const add = (key: string, windows: readonly Window[]): void => {
      if (windows.length === 0) return;
      keys.push(key);
      shape.push(windows.length);
      for (const window of windows) shape.push(unitOf(window), window.limit, window.lengthMs);
    };
    add(rateKey(subject), allowance.user);
    if (subject.tenant !== undefined) add(tenantRateKey(subject.tenant), allowance.tenant);
    return { allowance, keys, shape, windows: [...allowance.user, ...allowance.tenant] };
  }

  async #take(
    keys: readonly string[],
    cost: Cost,
    id: number,
    shape: readonly (string | number)[],
    signal: AbortSignal,
  ) {
    const { clock, lateAfterMs = DEFAULT_LATE_AFTER_MS, testTimeMs } = this.#options;
    const call = async (deadline: number): Promise<number[]> => {
      const sentAt = clock.monotonic();
      const args = [deadline, cost.requests, cost.characters, id, LEASE_MS, ...shape];
      const reply = (await this.#run(this.#scripts.take, keys, args, signal)) as number[];
      this.#offset.learn(reply[1]!, sentAt, clock.monotonic());
      return reply;
    };
    const offset = testTimeMs === undefined ? this.#offset.most : undefined;
    const deadline = offset === undefined ? 0 : Math.ceil(clock.monotonic() + offset + lateAfterMs);
    const reply = await call(deadline);
    if (reply[0] !== LATE) return reply;
    // It came back to us in time, so it was not late: Redis's clock has jumped, or another server took over.
    this.#offset.forget();
    return call(0);
  }

  #charge(keys: readonly string[], id: number, chargedAt: number, windows: readonly Window[], cost: Cost): Charge {
    const units = new Set(windows.map(unitOf));
    const lease = id !== 0 && units.has("streams") ? { keys, id } : undefined;
    const refundable = cost.characters > 0 && units.has("characters");
    if (lease === undefined && !refundable) return NOTHING_CHARGED;
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
