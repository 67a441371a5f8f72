import type { Clock } from "../core/clock.ts";
import { type ErrorCode, SpeechError } from "../core/errors.ts";
import type { WarmResult } from "../core/job.ts";
import type { Utterance } from "../core/utterance.ts";
import type { Warm, Warmed } from "../speech/warm.ts";
import type { NewJob } from "./jobs.ts";

export type WarmJobOptions = {
  readonly phrases: readonly string[];
  /** How they are said; `text` is each of them in turn. */
  readonly settings: Omit<Utterance, "text">;
  readonly concurrency: number;
  readonly warm: Warm;
  readonly clock: Clock;
};

const MAX_TOLD_FAILURES = 20;
const TRIES = 5;
const MAX_WAIT_MS = 30_000;

/** Says all phrases into the cache. An engine that wants to be left alone for a while is; a phrase that fails is counted. */
export function warmJob({ phrases, settings, concurrency, warm, clock }: WarmJobOptions): NewJob["run"] {
  return async function run({ signal, update }) {
    let next = 0;
    let done = 0;
    let result: WarmResult = {
      ...{ hits: 0, made: 0, failed: 0, characters: 0, cost: 0, failures: {}, failedPhrases: [] },
    };
    update({ done, total: phrases.length, warm: result });
    const work = async (): Promise<void> => {
      while (next < phrases.length) {
        const at = next++;
        const outcome = await patiently(() => warm({ ...settings, text: phrases[at]! }, { signal }), clock, signal);
        result = outcome instanceof SpeechError ? withFailure(result, at, outcome.code) : withWarmed(result, outcome);
        update({ done: ++done, warm: result });
      }
    };
    await Promise.all(Array.from({ length: concurrency }, work));
  };
}

async function patiently(say: () => Promise<Warmed>, clock: Clock, signal: AbortSignal): Promise<Warmed | SpeechError> {
  for (let tried = 1; ; tried++) {
    try {
      signal.throwIfAborted();
      return await say();
    } catch (thrown) {
      signal.throwIfAborted();
      const error = SpeechError.from(thrown, "internal", "a phrase could not be said");
      const { retryAfterMs } = error.details;
      if (!error.retryable || retryAfterMs === undefined || tried === TRIES) return error;
      await clock.sleep(Math.min(retryAfterMs, MAX_WAIT_MS), signal);
    }
  }
}

function withWarmed(result: WarmResult, { hits, made, characters, cost }: Warmed): WarmResult {
  return {
    ...result,
    hits: result.hits + hits,
    made: result.made + made,
    characters: result.characters + characters,
    cost: result.cost === null || cost === undefined ? null : result.cost + cost,
  };
}

function withFailure(result: WarmResult, at: number, code: ErrorCode): WarmResult {
  const { failures, failedPhrases } = result;
  return {
    ...result,
    failed: result.failed + 1,
    failures: { ...failures, [code]: (failures[code] ?? 0) + 1 },
    failedPhrases: failedPhrases.length < MAX_TOLD_FAILURES ? [...failedPhrases, { at, code }] : failedPhrases,
  };
}
