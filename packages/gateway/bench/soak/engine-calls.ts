import type { CallEnd } from "./gateway-child.ts";
import type { GatewayWord } from "./gateway-process.ts";
import type { Span, Timeline } from "./timeline.ts";

type Call = {
  readonly segment: string;
  readonly engine: string;
  readonly process: string;
  readonly fromMs: number;
  toMs: number;
  how: CallEnd | "running";
};

/** What makes audio be lost, or a server be taken for dead. */
const LOSING = /^(redis (killed|resets|full|read-only)|gateway)/;
/** Between taking a seat on the board and calling the engine. */
const SEATING_MS = 500;
/** What is late in being stored, or still held to be away, when a fault is over. */
const LAG_MS = 2_000;

/** Every call of every engine on all gateways, with its end. */
export class EngineCalls {
  readonly #calls = new Map<string, Call>();

  told(process: string, word: Exclude<GatewayWord, { type: "note" }>): void {
    const id = `${process}/${word.id}`;
    if (word.type === "call") {
      const { segment, engine } = word;
      const fromMs = word.atMs;
      this.#calls.set(id, { segment, engine, process, fromMs, toMs: Number.POSITIVE_INFINITY, how: "running" });
      return;
    }
    const call = this.#calls.get(id)!;
    call.how = word.how;
    call.toMs = word.atMs;
  }

  get count(): number {
    return this.#calls.size;
  }

  get segments(): number {
    return new Set([...this.#calls.values()].map(({ segment }) => segment)).size;
  }

  /**
   * Calls that made again what had been made: the one before it for the same segment ended well, and between the two
   * nothing happened that loses or hides audio: nothing was ended, and no gateway found Redis away. What two
   * engines say are two things: the other one is asked where the first fails, and a probe is a call too.
   */
  unexplained(timeline: Timeline): string[] {
    const bySegment = Map.groupBy(this.#calls.values(), ({ segment, engine }) => `${engine}: ${segment}`);
    return [...bySegment].flatMap(([what, inAnyOrder]) => {
      const calls = inAnyOrder.toSorted((a, b) => a.fromMs - b.fromMs);
      return calls.slice(1).flatMap((call, at) => {
        const before = calls[at]!;
        if (before.how !== "finished") return [];
        const between: Span = { fromMs: before.fromMs - SEATING_MS, toMs: call.fromMs };
        const broken = timeline.faultsIn(between, LOSING, LAG_MS).length > 0;
        if (broken || timeline.outageIn(between)) return [];
        const afterMs = Math.round(call.fromMs - before.fromMs);
        return [`${what} by ${before.process}, and ${afterMs} ms later by ${call.process}`];
      });
    });
  }
}
