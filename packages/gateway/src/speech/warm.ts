import { SpeechError } from "../core/errors.ts";
import type { CallOptions } from "../core/ports.ts";
import type { Utterance } from "../core/utterance.ts";
import { ableFirst } from "./able.ts";
import type { EngineChain } from "./engine-chain.ts";
import type { EngineStates } from "./engine-states.ts";
import type { LanguageDeps } from "./language-router.ts";
import type { PlannerOptions } from "./plan.ts";
import { utterancePlanner } from "./plan-utterance.ts";
import { type Segment, withOnly } from "./segment.ts";

/** What became of one text: how many of its segments were there, how many were made, and what that cost. */
export type Warmed = {
  readonly hits: number;
  readonly made: number;
  /** That an engine was asked to say. */
  readonly characters: number;
  /** In the engines' currency; undefined: an engine that spoke has no price. */
  readonly cost: number | undefined;
};

export type Warm = (utterance: Utterance, options: CallOptions) => Promise<Warmed>;

export type WarmDeps = PlannerOptions &
  LanguageDeps & {
    readonly chain: EngineChain;
    readonly states: EngineStates;
  };

/** In an engine's line all warming takes turns as one, behind every caller. */
const TENANT = "(warming)";
const MILLION = 1_000_000;

/**
 * Says a text into the cache, to nobody. Not counted as a request, nor by the limiter. Only the engine that callers would
 * hear now is asked: what another would say instead is not what they are going to ask for.
 */
export function createWarm({ chain, states, ...options }: WarmDeps): Warm {
  const planOf = utterancePlanner(options);

  return async function warm(utterance, { signal }) {
    const { segments } = await planOf(utterance, { signal });
    const sum = { hits: 0, made: 0, characters: 0, cost: 0 };
    let priced = true;
    for (const segment of segments) {
      const one = firstOf(segment);
      if ((await chain.lookup(one, { signal })) !== undefined) {
        sum.hits++;
        continue;
      }
      const spoken = await chain.speak(one, { signal, alreadyMissed: true });
      if ("chunks" in spoken) for await (const _ of spoken.chunks);
      if (spoken.outcome !== "miss") {
        sum.hits++; // somebody else had it made
        continue;
      }
      const price = states.of(spoken.engine).guards.costPerMillionChars;
      priced &&= price !== undefined;
      sum.made++;
      sum.characters += spoken.characters;
      sum.cost += (spoken.characters * (price ?? 0)) / MILLION;
    }
    return { ...sum, cost: priced ? sum.cost : undefined };
  };

  function firstOf(segment: Segment): Segment {
    const at = ableFirst(segment).find((one) => states.of(segment.candidates[one]!.engine.name).admits !== "never");
    if (at === undefined) throw new SpeechError("engines_unavailable", "every engine is switched off");
    const how = { tenant: TENANT, priority: "warming" } as const;
    const { spelled, ...one } = withOnly(segment, at);
    return { ...one, ...how, ...(spelled && { spelled: { ...spelled, ...how } }) };
  }
}
