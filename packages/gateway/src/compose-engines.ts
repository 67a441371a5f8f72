import { type Config, ConfigError, type EngineConfig } from "./config/config.ts";
import type { Clock } from "./core/clock.ts";
import { SpeechError } from "./core/errors.ts";
import type { SpeechEngine } from "./core/ports.ts";
import { EngineConfigError } from "./engines/engine-config-error.ts";
import { createEngines } from "./engines/registry.ts";
import type { PartHealth } from "./http/health-routes.ts";
import type { BreakerSettings } from "./resilience/breaker.ts";
import { FairQueue } from "./resilience/fair-queue.ts";
import type { EngineGuards } from "./speech/engine-state.ts";
import type { EngineStates } from "./speech/engine-states.ts";

/** With no engines configured: the embedded one, and eSpeak NG for its hundred languages where it is installed. */
const EMBEDDED_ENGINES: readonly EngineConfig[] = [
  { name: "flite", type: "flite" },
  { name: "espeak", type: "espeak", optional: true },
];
/** More than its threads, so that none of them waits for the line to move. */
const TURNS_PER_WORKER = 2;
const REMOTE_TURNS = 32;
const MAX_QUEUED = 1_000;
/** An engine that callers want is asked long before. */
const UNASKED_MS = 60_000;

export async function openEngines(config: Config, clock: Clock, workers: number): Promise<SpeechEngine[]> {
  const entries = config.engines.length > 0 ? config.engines : EMBEDDED_ENGINES;
  try {
    return await createEngines(entries, {
      clock,
      workers: config.synthesisWorkers ?? workers,
      timeoutMs: config.engineTimeoutMs,
    });
  } catch (error) {
    throw error instanceof EngineConfigError ? new ConfigError(error.message) : error;
  }
}

/** Fields that every engine's entry may have; the entry's type has checked them. */
type CommonFields = {
  readonly timeoutMs?: number;
  readonly workers?: number;
  readonly maxConcurrent?: number;
  readonly maxQueued?: number;
  readonly breaker?: { readonly failures?: number; readonly openMs?: number; readonly maxOpenMs?: number };
  readonly hedge?: boolean;
  readonly costPerMillionChars?: number;
};

/** What guards each engine: its own fields, else the options that hold for all. */
export function engineGuards(config: Config, clock: Clock, workers: number): (engine: string) => EngineGuards {
  const entries = new Map([...EMBEDDED_ENGINES, ...config.engines].map((entry) => [entry.name, entry]));
  return (engine) => {
    const type = entries.get(engine)?.type;
    const entry = (entries.get(engine) ?? {}) as CommonFields;
    const deadlineMs = entry.timeoutMs ?? config.engineTimeoutMs;
    const threads = entry.workers ?? config.synthesisWorkers ?? workers;
    const embedded = type === "flite" || type === "espeak" || type === "neural" || type === "command";
    return {
      firstAudioMs: deadlineMs,
      betweenChunksMs: deadlineMs,
      hedge: entry.hedge ?? config.engineHedge,
      breaker: breakerSettings(config, entry),
      ...(entry.costPerMillionChars !== undefined && { costPerMillionChars: entry.costPerMillionChars }),
      queue: new FairQueue({
        clock,
        maxConcurrent: entry.maxConcurrent ?? (embedded ? threads * TURNS_PER_WORKER : REMOTE_TURNS),
        maxQueued: entry.maxQueued ?? MAX_QUEUED,
        maxWaitMs: deadlineMs,
        onFull: (retryAfterMs) =>
          new SpeechError("overloaded", `too many wait for ${engine}`, { engine, retryAfterMs }),
      }),
    };
  };
}

function breakerSettings(config: Config, { breaker = {} }: CommonFields): Partial<BreakerSettings> {
  const openMs = breaker.openMs ?? config.breakerOpenMs;
  return {
    consecutiveFailures: breaker.failures ?? config.breakerFailures,
    openMs,
    maxOpenMs: Math.max(openMs, breaker.maxOpenMs ?? config.breakerMaxOpenMs),
  };
}

/**
 * Degraded while an engine is left alone or switched off; speech goes on as long as one is not. One that failed and that
 * nobody asks, because one before it is well, may be well again or not: nothing that is served is worse for it.
 */
export function engineHealth(states: Pick<EngineStates, "all">): PartHealth {
  const told: string[] = [];
  let degraded = false;
  let before = false;
  for (const { name, health } of states.all) {
    const { state, unaskedMs } = health;
    if (state === "closed") told.push(name);
    else if (state === "half-open" && before && unaskedMs >= UNASKED_MS) told.push(`${name} (failed, not asked since)`);
    else {
      told.push(`${name} (${WORDS[state]})`);
      degraded = true;
    }
    before ||= state === "closed";
  }
  return { status: degraded ? "degraded" : "ok", detail: told.join(", ") };
}

const WORDS = {
  open: "failing, left alone for now",
  "half-open": "failing, being tried",
  off: "switched off",
} as const;
