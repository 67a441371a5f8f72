import type { EngineStats } from "@mynah/protocol";
import type { Clock } from "../core/clock.ts";
import type { ErrorCode, SpeechError } from "../core/errors.ts";
import { Breaker, type BreakerChange, type BreakerSettings } from "../resilience/breaker.ts";
import type { FairQueue } from "../resilience/fair-queue.ts";
import { HedgeBudget, hedgeDelayMs } from "../resilience/hedge.ts";
import { RollingCounts, RollingQuantiles } from "../resilience/rolling.ts";

import { UsualPace } from "./plausible.ts";

/** What stands between callers and one engine. */
export type EngineGuards = {
  /** Deadline of the first audio. */
  readonly firstAudioMs: number;
  /** Deadline from one chunk to the next. */
  readonly betweenChunksMs: number;
  /** The line before it. Absent: nobody waits. */
  readonly queue?: FairQueue;
  readonly breaker?: Partial<BreakerSettings>;
  /** Ask the next engine as well when this one takes longer than it usually does. */
  readonly hedge?: boolean;
  /** What a million characters cost, in whatever currency. */
  readonly costPerMillionChars?: number;
};

/** One call that was let through; told once how it ended. */
export type EngineCallRecord = {
  /** First audible audio. */
  heard(afterMs: number): void;
  succeeded(): void;
  failed(error: SpeechError, options: { readonly late: boolean }): void;
  /** Nobody wanted it any more. */
  left(afterMs: number): void;
};

export type EngineStateOptions = {
  readonly name: string;
  readonly clock: Clock;
  readonly guards: EngineGuards;
  readonly onBreakerChange?: (change: BreakerChange) => void;
};

/** Failures that say something of the request, the caller or ourselves, and nothing of the engine. */
const NOT_ITS_FAULT: ReadonlySet<ErrorCode> = new Set([
  ...(["engine_rejected", "engine_cannot_say", "voice_not_found", "model_not_found", "invalid_request"] as const),
  ...(["text_empty", "text_too_long", "caller_gone", "shutting_down", "overloaded", "not_cached"] as const),
]);
const SAMPLES = 200;
const SUCCESS_WINDOW_MS = 300_000;
/** A wrong key is not mended by itself; yet when it is, nobody should have to wait for us. */
const UNAUTHORIZED_OPEN_MS = 9_000;
const MILLION = 1_000_000;

/** Whether a failure counts against the engine. */
export function isEngineFault({ code }: SpeechError): boolean {
  return !NOT_ITS_FAULT.has(code);
}

/** How one engine is doing: whether it may be asked, and what came of asking. */
export class EngineState {
  readonly name: string;
  readonly guards: EngineGuards;
  readonly hedges = new HedgeBudget();
  readonly pace = new UsualPace();
  readonly #breaker: Breaker;
  readonly #firstAudio = new RollingQuantiles({ size: SAMPLES });
  readonly #outcomes: RollingCounts;
  readonly #failures = new Map<ErrorCode, number>();
  #disabled = false;
  #calls = 0;
  #inFlight = 0;
  #spokenChars = 0;
  #savedChars = 0;

  constructor({ name, clock, guards, onBreakerChange }: EngineStateOptions) {
    this.name = name;
    this.guards = guards;
    this.#breaker = new Breaker({ clock, ...guards.breaker, ...(onBreakerChange && { onChange: onBreakerChange }) });
    this.#outcomes = new RollingCounts({ clock, windowMs: SUCCESS_WINDOW_MS });
  }

  /** `probe`: its breaker is half-open, and one call may find out. `never`: it was switched off. */
  get admits(): "call" | "probe" | "nothing" | "never" {
    return this.#disabled ? "never" : this.#breaker.admits;
  }

  /** Until its breaker lets a probe through. */
  get retryInMs(): number {
    return this.#breaker.retryInMs;
  }

  /** `unaskedMs`: how long it might have been asked again after it failed, and was not. */
  get health(): { readonly state: EngineStats["state"]; readonly unaskedMs: number } {
    return { state: this.#disabled ? "off" : this.#breaker.state, unaskedMs: this.#breaker.unprobedMs };
  }

  /** How long it may be silent before a second engine is asked; undefined: not at all. */
  get hedgeDelayMs(): number | undefined {
    return this.guards.hedge ? hedgeDelayMs(this.#firstAudio) : undefined;
  }

  /** Nobody asks it from now on; what it is saying is said to the end. */
  disable(): void {
    this.#disabled = true;
  }

  /** Undoes `disable`. */
  enable(): void {
    this.#disabled = false;
  }

  /** Closes its breaker. */
  reset(): void {
    this.#breaker.reset();
  }

  /** Characters that were heard from the cache instead of being asked for again. */
  saved(characters: number): void {
    this.#savedChars += characters;
  }

  /** Undefined: it is to be left alone. `insist`: whatever its breaker says. */
  begin(characters: number, { insist }: { readonly insist: boolean }): EngineCallRecord | undefined {
    const pass = this.#disabled ? undefined : this.#breaker.enter({ insist });
    if (pass === undefined) return undefined;
    this.#calls++;
    this.#inFlight++;
    let heard = false;
    return {
      heard: (afterMs) => {
        heard = true;
        this.#spokenChars += characters;
        this.#firstAudio.add(afterMs);
        pass.started();
      },
      succeeded: () => {
        this.#inFlight--;
        this.#outcomes.add("succeeded");
        pass.succeeded();
      },
      failed: (error, { late }) => {
        this.#inFlight--;
        this.#failures.set(error.code, (this.#failures.get(error.code) ?? 0) + 1);
        if (!isEngineFault(error)) return pass.left();
        this.#outcomes.add("failed");
        const openForMs = error.code === "engine_unauthorized" ? UNAUTHORIZED_OPEN_MS : error.details.retryAfterMs;
        pass.failed({ late, ...(openForMs !== undefined && { openForMs }) });
      },
      left: (afterMs) => {
        this.#inFlight--;
        // It took longer than that. Left out, answers that a hedge cut short would make the engine look faster than it is.
        const usualMs = this.hedgeDelayMs;
        if (!heard && usualMs !== undefined && afterMs >= usualMs) this.#firstAudio.add(afterMs);
        pass.left();
      },
    };
  }

  get stats(): EngineStats {
    const { queue, costPerMillionChars: price } = this.guards;
    const { succeeded, failed } = this.#outcomes.totals;
    return {
      name: this.name,
      state: this.health.state,
      retryInMs: Math.round(this.#breaker.retryInMs),
      successRate: succeeded + failed === 0 ? null : succeeded / (succeeded + failed),
      firstAudioMs: { p50: this.#firstAudio.quantile(0.5) ?? null, p95: this.#firstAudio.quantile(0.95) ?? null },
      inFlight: this.#inFlight,
      queued: queue?.queued ?? 0,
      calls: this.#calls,
      failures: Object.fromEntries(this.#failures),
      characters: { spoken: this.#spokenChars, saved: this.#savedChars },
      cost:
        price === undefined
          ? null
          : {
              perMillionChars: price,
              spent: (this.#spokenChars * price) / MILLION,
              saved: (this.#savedChars * price) / MILLION,
            },
    };
  }
}
