/**
 * A bound on what runs at once, and a fair line before it. Each tenant has a line of its own and they take turns, so a
 * tenant with a thousand texts delays another's one by a single turn. Interactive work goes before warming, always.
 *
 * When the thing behind it says that it is asked too much (a 429), the line pauses for as long as it said, and fewer run
 * at once from then on; success lets one more in after a while.
 */
import type { Clock } from "../core/clock.ts";

export type QueuePriority = "interactive" | "warming";

export type FairQueueOptions = {
  readonly clock: Clock;
  /** Most that run at once. */
  readonly maxConcurrent: number;
  /** Most that wait. */
  readonly maxQueued: number;
  /** Longest that one waits. */
  readonly maxWaitMs: number;
  /** What is thrown to whoever finds the line full, or waited too long. */
  readonly onFull: (retryAfterMs: number) => Error;
};

export type Turn = {
  /** Gives the place to the next one. Only the first call counts. */
  release(outcome?: { readonly overloadedForMs?: number }): void;
};

type Waiter = { readonly start: () => void };
type Line = { readonly priority: QueuePriority; readonly tenants: Map<string, Waiter[]> };

/** Successes in a row that earn one more place after a refusal took some away. */
const SUCCESSES_PER_PLACE = 8;
const DEFAULT_PAUSE_MS = 1_000;
const MAX_PAUSE_MS = 60_000;

export class FairQueue {
  readonly #options: FairQueueOptions;
  /** In each, the tenant whose turn is next comes first. */
  readonly #lines: readonly Line[] = [
    { priority: "interactive", tenants: new Map() },
    { priority: "warming", tenants: new Map() },
  ];
  #running = 0;
  #queued = 0;
  #places: number;
  #successes = 0;
  #pausedUntilMs = Number.NEGATIVE_INFINITY;
  #waking = false;

  constructor(options: FairQueueOptions) {
    this.#options = options;
    this.#places = options.maxConcurrent;
  }

  get running(): number {
    return this.#running;
  }
  get queued(): number {
    return this.#queued;
  }
  /** How many may run at once now; fewer than allowed after a refusal. */
  get places(): number {
    return this.#places;
  }

  /**
   * Resolves when it is this one's turn. Rejects with `onFull` when too many wait or the wait is too long, or with the
   * signal's reason.
   */
  async enter(
    tenant: string,
    { signal, priority = "interactive" }: { readonly signal: AbortSignal; readonly priority?: QueuePriority },
  ): Promise<Turn> {
    signal.throwIfAborted();
    if (this.#queued === 0 && this.#free) return this.#begin();
    if (this.#queued >= this.#options.maxQueued) throw this.#options.onFull(this.#retryAfterMs());
    return this.#wait(tenant, priority, signal);
  }

  get #free(): boolean {
    return this.#running < this.#places && this.#pauseMs() === 0;
  }

  #wait(tenant: string, priority: QueuePriority, signal: AbortSignal): Promise<Turn> {
    const { clock, maxWaitMs, onFull } = this.#options;
    const { promise, resolve, reject } = Promise.withResolvers<Turn>();
    const over = new AbortController();
    const line = this.#lines.find((one) => one.priority === priority)!;
    const waiter: Waiter = {
      start: () => {
        over.abort();
        signal.removeEventListener("abort", leave);
        resolve(this.#begin());
      },
    };
    const giveUp = (reason: unknown): void => {
      over.abort();
      signal.removeEventListener("abort", leave);
      this.#remove(line, tenant, waiter);
      reject(reason);
    };
    const leave = (): void => giveUp(signal.reason);
    line.tenants.set(tenant, [...(line.tenants.get(tenant) ?? []), waiter]);
    this.#queued++;
    signal.addEventListener("abort", leave, { once: true });
    clock.sleep(maxWaitMs, over.signal).then(
      () => giveUp(onFull(this.#retryAfterMs())),
      () => {}, // its turn came
    );
    this.#next();
    return promise;
  }

  #remove(line: Line, tenant: string, waiter: Waiter): void {
    const waiting = line.tenants.get(tenant) ?? [];
    const rest = waiting.filter((other) => other !== waiter);
    this.#queued -= waiting.length - rest.length;
    if (rest.length > 0) line.tenants.set(tenant, rest);
    else line.tenants.delete(tenant);
  }

  #begin(): Turn {
    this.#running++;
    let released = false;
    return {
      release: ({ overloadedForMs } = {}) => {
        if (released) return;
        released = true;
        this.#running--;
        if (overloadedForMs === undefined) this.#succeeded();
        else this.#overloaded(overloadedForMs);
        this.#next();
      },
    };
  }

  #succeeded(): void {
    if (this.#places === this.#options.maxConcurrent || ++this.#successes < SUCCESSES_PER_PLACE) return;
    this.#successes = 0;
    this.#places++;
  }

  /** What was running when it said no was too much. Several that are refused together are one lesson. */
  #overloaded(forMs: number): void {
    const { clock } = this.#options;
    const paused = this.#pauseMs() > 0;
    const pauseMs = Math.min(MAX_PAUSE_MS, forMs > 0 ? forMs : DEFAULT_PAUSE_MS);
    this.#pausedUntilMs = Math.max(this.#pausedUntilMs, clock.monotonic() + pauseMs);
    this.#successes = 0;
    if (!paused) this.#places = Math.max(1, Math.min(this.#places - 1, Math.ceil((this.#running + 1) / 2)));
  }

  #next(): void {
    while (this.#queued > 0 && this.#free) this.#takeOne();
    if (this.#queued > 0 && this.#pauseMs() > 0) void this.#wakeAfterPause();
  }

  #takeOne(): void {
    const line = this.#lines.find(({ tenants }) => tenants.size > 0)!;
    const [tenant, waiting] = line.tenants.entries().next().value!;
    const [first, ...rest] = waiting;
    line.tenants.delete(tenant);
    if (rest.length > 0) line.tenants.set(tenant, rest); // to the end: the others come first
    this.#queued--;
    first!.start();
  }

  async #wakeAfterPause(): Promise<void> {
    if (this.#waking) return;
    this.#waking = true;
    await this.#options.clock.sleep(this.#pauseMs(), new AbortController().signal);
    this.#waking = false;
    this.#next();
  }

  #pauseMs(): number {
    return Math.max(0, Math.ceil(this.#pausedUntilMs - this.#options.clock.monotonic()));
  }

  #retryAfterMs(): number {
    return Math.max(DEFAULT_PAUSE_MS, this.#pauseMs());
  }
}
