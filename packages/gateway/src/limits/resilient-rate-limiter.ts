/**
 * The limiter of a server among others: Redis decides, exactly and for all. While it cannot, each server decides by
 * itself what it admits of its share, and tells Redis afterwards, so that an outage is no loophole.
 *
 * What Redis admits is noted here as well. So a server that loses Redis knows what it has let through already, and its
 * share does not begin anew.
 */
import type { Soon } from "../core/async.ts";
import type { Clock } from "../core/clock.ts";
import { SpeechError } from "../core/errors.ts";
import type { CallOptions, RateLimiter } from "../core/ports.ts";
import type { Allowance, Charge, Cost, Decision, Refusal, Subject, Window, WindowState } from "../core/quota.ts";
import { NOTHING_TO_SETTLE } from "../core/quota.ts";
import { rateKey } from "../redis/keys.ts";
import { MemoryRateLimiter } from "./memory-rate-limiter.ts";
import { OutageJournal } from "./outage-journal.ts";
import type { RedisRateLimiter } from "./redis-rate-limiter.ts";
import { RefusalMemory } from "./refusal-memory.ts";

export type ResilientRateLimiterOptions = {
  readonly shared: RedisRateLimiter;
  readonly clock: Clock;
  /** Servers that share the limits now, this one included. */
  readonly servers: () => number;
  /** Whether Redis lets calls through. */
  readonly isUp: () => boolean;
  /** Called when a call to Redis failed and this server decided alone. */
  readonly onFailure?: (error: unknown) => void;
  /** Admissions noted for Redis during an outage. */
  readonly maxJournal?: number;
  readonly maxRefusals?: number;
};

const DEFAULT_MAX_JOURNAL = 200_000;
const DEFAULT_MAX_REFUSALS = 50_000;
/** Pages told to Redis at once after an outage. */
const DRAIN_WIDTH = 16;

export class ResilientRateLimiter implements RateLimiter {
  readonly #options: ResilientRateLimiterOptions;
  readonly #alone: MemoryRateLimiter;
  readonly #refusals: RefusalMemory;
  readonly #journal: OutageJournal;
  readonly #shares = new WeakMap<Allowance, { readonly servers: number; readonly share: Allowance }>();
  readonly #telling = new Map<string, Promise<void>>();
  readonly #closed = new AbortController();

  constructor(options: ResilientRateLimiterOptions) {
    const { shared, clock, maxJournal, maxRefusals } = options;
    this.#options = options;
    this.#alone = new MemoryRateLimiter({
      clock,
      allowanceOf: (subject) => this.#shareOf(shared.allowanceOf(subject)),
    });
    this.#refusals = new RefusalMemory({ clock, max: maxRefusals ?? DEFAULT_MAX_REFUSALS });
    this.#journal = new OutageJournal({ clock, max: maxJournal ?? DEFAULT_MAX_JOURNAL });
  }

  /** Admissions that Redis has not been told of yet. */
  get untold(): number {
    return this.#journal.size;
  }

  allowanceOf(subject: Subject): Allowance {
    return this.#options.shared.allowanceOf(subject);
  }

  knownRefusal(subject: Subject, cost: Cost): Refusal | undefined {
    const known = this.#refusals.get(rateKey(subject), this.allowanceOf(subject), cost);
    return known ?? (this.#options.isUp() ? undefined : this.#alone.knownRefusal(subject, cost));
  }

  take(subject: Subject, cost: Cost, { signal }: CallOptions): Soon<Decision> {
    if (signal.aborted) return Promise.reject(signal.reason);
    const known = this.knownRefusal(subject, cost);
    if (known !== undefined) return known;
    return this.#options.isUp() ? this.#takeShared(subject, cost, signal) : this.#takeAlone(subject, cost, signal);
  }

  async #takeShared(subject: Subject, cost: Cost, signal: AbortSignal): Promise<Decision> {
    const key = rateKey(subject);
    try {
      if (this.#journal.has(key) || this.#telling.has(key)) await this.#tell(key);
      const decision = await this.#options.shared.take(subject, cost, { signal });
      if (decision.admitted) return { ...decision, charge: this.#noted(subject, cost, decision.charge) };
      this.#refusals.add(key, this.allowanceOf(subject), cost, decision);
      return decision;
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof SpeechError) throw error;
      this.#options.onFailure?.(error);
      return this.#takeAlone(subject, cost, signal);
    }
  }

  async peek(subject: Subject, options: CallOptions): Promise<readonly WindowState[]> {
    if (!this.#options.isUp()) return this.#alone.peek(subject, options);
    return this.#options.shared.peek(subject, options).catch(() => this.#alone.peek(subject, options));
  }

  /** Here at once; in Redis if it can be reached, else this rejects. */
  async reset(subject: Subject, options: CallOptions): Promise<void> {
    const key = rateKey(subject);
    this.#refusals.delete(key);
    this.#journal.remove(key);
    await this.#alone.reset(subject, options);
    await this.#options.shared.reset(subject, options);
  }

  /** Another server has reset somebody: refusals that are remembered may be wrong. */
  forgetRefusals(): void {
    this.#refusals.clear();
  }

  /** Tells Redis what was admitted without it. Call it when Redis is back; whoever comes before is told first anyway. */
  async reconcile(): Promise<void> {
    const keys = this.#journal.keys();
    const drain = async (): Promise<void> => {
      for (let key = keys.pop(); key !== undefined; key = keys.pop()) await this.#tell(key);
    };
    await Promise.allSettled(Array.from({ length: DRAIN_WIDTH }, drain));
  }

  async close(): Promise<void> {
    this.#closed.abort(new SpeechError("shutting_down", "the limiter is closed"));
    await this.#alone.close();
    await this.#options.shared.close();
  }

  async #takeAlone(subject: Subject, cost: Cost, signal: AbortSignal): Promise<Decision> {
    const decision = await this.#alone.take(subject, cost, { signal });
    if (!decision.admitted || cost.requests + cost.characters === 0) return decision;
    const giveBack = this.#journal.add(rateKey(subject), subject, cost);
    const charge: Charge = {
      settle: async (unspoken) => {
        giveBack(unspoken.characters);
        await decision.charge.settle(unspoken);
      },
    };
    return { ...decision, charge };
  }

  /** What Redis admitted, noted here too; both are settled as one. */
  #noted(subject: Subject, cost: Cost, shared: Charge): Charge {
    const own = this.#alone.record(subject, cost).charge;
    if (own === NOTHING_TO_SETTLE && shared === NOTHING_TO_SETTLE) return shared;
    return {
      settle: async (unspoken) => {
        if (unspoken.characters > 0) this.#refusals.delete(rateKey(subject));
        await Promise.all([own.settle(unspoken), shared.settle(unspoken)]);
      },
    };
  }

  /** One at a time for each subject: nobody is admitted between two halves of the truth. */
  #tell(key: string): Promise<void> {
    const running = this.#telling.get(key);
    if (running !== undefined) return running;
    const telling = this.#tellPage(key).finally(() => this.#telling.delete(key));
    this.#telling.set(key, telling);
    return telling;
  }

  async #tellPage(key: string): Promise<void> {
    const page = this.#journal.remove(key);
    if (page === undefined) return;
    try {
      await this.#options.shared.merge(page.subject, this.#journal.ages(page), { signal: this.#closed.signal });
    } catch (error) {
      this.#journal.restore(key, page);
      throw error;
    }
  }

  #shareOf(allowance: Allowance): Allowance {
    const servers = Math.max(1, this.#options.servers());
    if (servers === 1) return allowance;
    const known = this.#shares.get(allowance);
    if (known?.servers === servers) return known.share;
    const share: Allowance = {
      user: allowance.user.map((window) => shareOf(window, servers)),
      tenant: allowance.tenant.map((window) => shareOf(window, servers)),
    };
    this.#shares.set(allowance, { servers, share });
    return share;
  }
}

/** At least one: a server that may admit nothing would refuse for ever. */
function shareOf(window: Window, servers: number): Window {
  return { ...window, limit: Math.max(1, Math.floor(window.limit / servers)) };
}
