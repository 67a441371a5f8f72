import type { Random } from "../../src/cli/load/random.ts";
import type { StandInOptions } from "../../test/support/stand-in-engine.ts";

export type RedisRole = "audio" | "state";
/** What is broken, and how. */
export type Breakage =
  | { readonly kind: "redis killed" | "redis frozen" | "redis full" | "redis read-only"; readonly redis: RedisRole }
  | { readonly kind: "redis slow"; readonly redis: RedisRole; readonly delayMs: number }
  | { readonly kind: "redis resets"; readonly redis: RedisRole; readonly afterBytes: number }
  | { readonly kind: "gateway frozen" | "gateway killed" | "gateway stopped"; readonly gateway: number }
  | {
      readonly kind: "engine fails" | "engine hangs" | "engine slow" | "engine silent";
      readonly engine: number;
      readonly script: StandInOptions;
    };
/** One fault of a run: when it begins, and how long it lasts. */
export type PlannedFault = Breakage & { readonly startMs: number; readonly holdMs: number };

export type FaultPlanOptions = {
  readonly random: Random;
  readonly lengthMs: number;
  readonly engines: number;
  /** The first of them is frozen but never ended, so that one process lives through the whole run. */
  readonly gateways: number;
};

const FIRST_MS = 1_000;
/** Before the end nothing new is broken. */
const QUIET_END_MS = 5_000;
const MIN_HOLD_MS = 500;
const MAX_HOLD_MS = 4_000;
const MAX_PAUSE_MS = 4_000;

/**
 * Everything that will be broken in a run, one after the other. It is drawn before the run begins, from a source of its
 * own: the same seed gives the same faults whatever the load does, and a longer run begins like a shorter one.
 */
export function planFaults({ random, lengthMs, engines, gateways }: FaultPlanOptions): PlannedFault[] {
  const below = (count: number): number => Math.floor(random() * count);
  const pick = <T>(list: readonly T[]): T => list[below(list.length)]!;
  const draw: readonly (() => Breakage)[] = [
    () => ({ kind: "redis killed", redis: pick(["audio", "state"]) }),
    () => ({ kind: "redis frozen", redis: pick(["audio", "state"]) }),
    () => ({ kind: "redis slow", redis: pick(["audio", "state"]), delayMs: pick([20, 100, 400]) }),
    () => ({ kind: "redis resets", redis: pick(["audio", "state"]), afterBytes: below(5_000) }),
    () => ({ kind: "redis full", redis: pick(["audio", "state"]) }),
    () => ({ kind: "redis read-only", redis: pick(["audio", "state"]) }),
    () => ({ kind: "gateway frozen", gateway: below(gateways) }),
    () => ({ kind: "gateway killed", gateway: 1 + below(gateways - 1) }),
    () => ({ kind: "gateway stopped", gateway: 1 + below(gateways - 1) }),
    () => ({ kind: "engine fails", engine: below(engines), script: { failAfterBytes: pick([0, 4_800, 20_000]) } }),
    () => ({ kind: "engine hangs", engine: below(engines), script: { hang: true } }),
    () => ({ kind: "engine slow", engine: below(engines), script: { firstByteMs: 500, chunkMs: 50 } }),
    () => ({ kind: "engine silent", engine: below(engines), script: { silence: true } }),
  ];
  const plan: PlannedFault[] = [];
  for (let at = FIRST_MS; at < lengthMs - QUIET_END_MS; ) {
    const breakage = pick(draw)();
    const holdMs = Math.round(MIN_HOLD_MS + random() * (MAX_HOLD_MS - MIN_HOLD_MS));
    plan.push({ ...breakage, startMs: Math.round(at), holdMs });
    at += holdMs + random() * MAX_PAUSE_MS;
  }
  return plan;
}

/** What is broken, in words. */
export function describeFault(fault: Breakage): string {
  const { kind } = fault;
  if ("redis" in fault) return `${kind} (${fault.redis})`;
  return "gateway" in fault ? `${kind} (${fault.gateway})` : `${kind} (${fault.engine})`;
}
