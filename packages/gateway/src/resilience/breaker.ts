/**
 * Keeps callers away from something that fails. Closed: everybody may call. Open: nobody, for a while. Then half-open: one
 * call is let through as a probe, and what becomes of it decides. A probe is always somebody's real call; when nobody
 * calls, nothing is tried.
 *
 * It opens on a few failures in a row, so that something dead is noticed by the first callers, and on a high share of
 * failures, so that something half dead is noticed too. Each call belongs to the era in which it began: what comes back
 * late from before a change says nothing about now.
 */
import type { Clock } from "../core/clock.ts";
import { RollingCounts } from "./rolling.ts";

export type BreakerState = "closed" | "open" | "half-open";

export type BreakerSettings = {
  /** Failures in a row that open it. Default 3. */
  readonly consecutiveFailures: number;
  /** Share of failures that opens it, once there were `minCalls` in the window. Default 0.5. */
  readonly failureRate: number;
  /** Default 10. */
  readonly minCalls: number;
  /** Default 30,000. */
  readonly windowMs: number;
  /** How long it stays open at first; twice as long after each probe that failed. Default 1,000. */
  readonly openMs: number;
  /** Default 5,000. */
  readonly maxOpenMs: number;
};

export const BREAKER_DEFAULTS: BreakerSettings = {
  consecutiveFailures: 3,
  failureRate: 0.5,
  minCalls: 10,
  windowMs: 30_000,
  openMs: 1_000,
  maxOpenMs: 5_000,
};

export type BreakerOptions = Partial<BreakerSettings> & {
  readonly clock: Clock;
  readonly onChange?: (change: BreakerChange) => void;
};

export type BreakerChange = { readonly state: "closed" | "open"; readonly forMs: number };

export type CallFailure = {
  /** After it had already given something: only a call that gets to its end shows that this is mended. */
  readonly late?: boolean;
  /** It said itself, or it is known, that there is no use in asking before. Opens at once. */
  readonly openForMs?: number;
};

/** One call that was let through. What it ends with is told once; more is ignored. */
export type BreakerPass = {
  readonly probe: boolean;
  /** It has begun to give what was asked for. */
  started(): void;
  succeeded(): void;
  failed(failure?: CallFailure): void;
  /** It ended for reasons of ours and proves nothing. */
  left(): void;
};

/** Longest time that somebody's own "not before" is believed. */
const MAX_OPEN_FOR_MS = 600_000;
/** Successes after which it is trusted as before; until then one failure opens it again. */
const TRUSTED_AFTER = 3;

export class Breaker {
  readonly #settings: BreakerSettings;
  readonly #clock: Clock;
  readonly #onChange: (change: BreakerChange) => void;
  readonly #recent: RollingCounts;
  #era = 0;
  #open = false;
  #openUntil = 0;
  #openMs: number;
  #probe: { readonly overdueAt: number } | undefined;
  /** What opened it, or failed it last, happened after the first results. */
  #late = false;
  #inARow = 0;
  /** Successes still to come until it is trusted. */
  #onTrial = 0;

  constructor({ clock, onChange = () => {}, ...settings }: BreakerOptions) {
    this.#settings = { ...BREAKER_DEFAULTS, ...settings };
    this.#clock = clock;
    this.#onChange = onChange;
    this.#recent = new RollingCounts({ clock, windowMs: this.#settings.windowMs });
    this.#openMs = this.#settings.openMs;
  }

  get state(): BreakerState {
    if (!this.#open) return "closed";
    return this.#probe !== undefined || this.retryInMs === 0 ? "half-open" : "open";
  }

  /** Until a probe would be let through; 0 when calls are. */
  get retryInMs(): number {
    return this.#open ? Math.max(0, this.#openUntil - this.#clock.monotonic()) : 0;
  }

  /** How long a probe has been let through and none has come; 0 while one runs, and in every other state. */
  get unprobedMs(): number {
    if (!this.#open || this.#probe !== undefined) return 0;
    return Math.max(0, this.#clock.monotonic() - this.#openUntil);
  }

  /** What `enter` would do now: a pass, a pass that is a probe, or none. */
  get admits(): "call" | "probe" | "nothing" {
    if (!this.#open) return "call";
    const now = this.#clock.monotonic();
    if (now < this.#openUntil) return "nothing";
    return this.#probe === undefined || now >= this.#probe.overdueAt ? "probe" : "nothing";
  }

  /** Undefined: do not call. `insist` gets through in any state, for when there is nobody else to ask. */
  enter({ insist = false }: { readonly insist?: boolean } = {}): BreakerPass | undefined {
    const admits = this.admits;
    if (admits === "call") return this.#pass(undefined);
    if (admits === "probe") return this.#pass(this.#beginProbe());
    return insist ? this.#pass(undefined) : undefined;
  }

  /** Closes it and forgets what was. */
  reset(): void {
    this.#close();
    this.#onTrial = 0;
    this.#openMs = this.#settings.openMs;
  }

  /** A probe that hangs keeps its place for no longer than the open time; then another may look. */
  #beginProbe(): { readonly overdueAt: number } {
    if (this.#probe !== undefined) this.#grow();
    this.#probe = { overdueAt: this.#clock.monotonic() + this.#openMs };
    return this.#probe;
  }

  #pass(probe: { readonly overdueAt: number } | undefined): BreakerPass {
    const era = this.#era;
    let told = false;
    const tell = (action: () => void) => (): void => {
      if (told) return;
      told = true;
      const current = this.#probe === probe && probe !== undefined;
      if (current) this.#probe = undefined;
      action();
    };
    return {
      probe: probe !== undefined,
      started: () => {
        if (!told && this.#open && era === this.#era && !this.#late) this.#close();
      },
      succeeded: tell(() => this.#succeeded(era)),
      failed: (failure = {}) => {
        const current = this.#probe === probe && probe !== undefined;
        tell(() => this.#failed(era, current, failure))();
      },
      left: tell(() => {}),
    };
  }

  #succeeded(era: number): void {
    if (era !== this.#era) return;
    if (this.#open) {
      this.#close();
      return;
    }
    this.#inARow = 0;
    this.#recent.add("succeeded");
    if (this.#onTrial > 0 && --this.#onTrial === 0) this.#openMs = this.#settings.openMs;
  }

  #failed(era: number, wasProbe: boolean, { late = false, openForMs }: CallFailure): void {
    if (openForMs !== undefined) {
      this.#late = late;
      this.#openFor(Math.min(openForMs, MAX_OPEN_FOR_MS));
      return;
    }
    if (era !== this.#era) return;
    if (this.#open) {
      if (!wasProbe) return; // whoever insists changes nothing for the others
      this.#late = late;
      this.#grow();
      this.#openFor(this.#openMs);
      return;
    }
    this.#recent.add("failed");
    this.#inARow++;
    if (!this.#tooMany()) return;
    this.#late = late;
    if (this.#onTrial > 0) this.#grow();
    this.#openFor(this.#openMs);
  }

  #tooMany(): boolean {
    const { consecutiveFailures, failureRate, minCalls } = this.#settings;
    if (this.#onTrial > 0 || this.#inARow >= consecutiveFailures) return true;
    const { succeeded, failed } = this.#recent.totals;
    return succeeded + failed >= minCalls && failed / (succeeded + failed) >= failureRate;
  }

  #openFor(ms: number): void {
    const changed = !this.#open;
    const until = this.#clock.monotonic() + ms;
    this.#openUntil = changed ? until : Math.max(until, this.#openUntil);
    if (!changed) return;
    this.#open = true;
    this.#era++;
    this.#onChange({ state: "open", forMs: ms });
  }

  #close(): void {
    const changed = this.#open;
    this.#open = false;
    this.#era++;
    this.#probe = undefined;
    this.#late = false;
    this.#inARow = 0;
    this.#recent.clear();
    this.#onTrial = TRUSTED_AFTER;
    if (changed) this.#onChange({ state: "closed", forMs: 0 });
  }

  #grow(): void {
    this.#openMs = Math.min(this.#settings.maxOpenMs, this.#openMs * 2);
  }
}
