import type { EngineStats } from "@mynah/protocol";
import type { Clock } from "../core/clock.ts";
import type { EventBus } from "../core/events.ts";
import { type EngineGuards, EngineState } from "./engine-state.ts";

export type EngineStatesOptions = {
  readonly clock: Clock;
  readonly events: EventBus;
  readonly guardsOf: (engine: string) => EngineGuards;
  /** Those that `stats` tells of, in order. An engine that is not among them has a state from its first call on. */
  readonly engines?: readonly string[];
};

/** The state of every engine of this server. */
export class EngineStates {
  readonly #options: EngineStatesOptions;
  readonly #states = new Map<string, EngineState>();

  constructor(options: EngineStatesOptions) {
    this.#options = options;
    for (const name of options.engines ?? []) this.of(name);
    options.events.on("segment.delivered", ({ outcome, engine, characters }) => {
      if (outcome !== "miss") this.of(engine).saved(characters);
    });
  }

  of(engine: string): EngineState {
    const known = this.#states.get(engine);
    if (known !== undefined) return known;
    const { clock, events, guardsOf } = this.#options;
    const state = new EngineState({
      name: engine,
      clock,
      guards: guardsOf(engine),
      onBreakerChange: (change) => events.emit("breaker.changed", { engine, ...change }),
    });
    this.#states.set(engine, state);
    return state;
  }

  /** In order. */
  get all(): EngineState[] {
    return [...this.#states.values()];
  }

  get stats(): EngineStats[] {
    return this.all.map((state) => state.stats);
  }
}
