import { describe, expect, it } from "vitest";
import { seededRandom } from "../../src/cli/load/random.ts";
import { EngineCalls } from "./engine-calls.ts";
import { planFaults } from "./fault-plan.ts";
import type { CallEnd } from "./gateway-child.ts";
import { unexplainedFailures } from "./judge-answers.ts";
import { judgeLimits, wronglyRefused } from "./judge-limits.ts";
import type { Asked } from "./soak-callers.ts";
import { Timeline } from "./timeline.ts";

const RULES = { limit: 4, lengthMs: 60_000, servers: 2 };
let number = 0;
const asked = (atMs: number, more: Partial<Asked> = {}): Asked => ({
  ...{ number: ++number, port: 1, user: "ann", segment: "one text", format: "pcm", overSocket: false },
  ...{ how: "delivered", code: "", admitted: true, fromMs: atMs, toMs: atMs + 10 },
  ...more,
});
const times = (count: number, atMs: number) => Array.from({ length: count }, (_, n) => asked(atMs + n));
function timelineWith(...faults: Partial<Timeline["faults"][number]>[]): Timeline {
  const timeline = new Timeline();
  for (const fault of faults) timeline.faults.push({ kind: "", fromMs: 100, toMs: 200, ...fault });
  return timeline;
}

describe("planFaults()", () => {
  const plan = (seed: number, lengthMs: number) =>
    planFaults({ random: seededRandom(seed), lengthMs, engines: 2, gateways: 2 });

  it("draws the same faults for the same seed, and a longer run begins like a shorter one", () => {
    expect(plan(7, 600_000)).toEqual(plan(7, 600_000));
    expect(plan(7, 600_000).slice(0, plan(7, 60_000).length)).toEqual(plan(7, 60_000));
    expect(plan(8, 60_000)).not.toEqual(plan(7, 60_000));
  });

  it("draws every kind, one after the other, and ends the first gateway never", () => {
    const faults = plan(7, 3_600_000);
    expect(new Set(faults.map(({ kind }) => kind)).size).toBe(13);
    for (const [at, { startMs }] of faults.slice(1).entries())
      expect(startMs).toBeGreaterThanOrEqual(faults[at]!.startMs + faults[at]!.holdMs);
    const ended = faults.filter(({ kind }) => kind === "gateway killed" || kind === "gateway stopped");
    expect(ended.every((fault) => "gateway" in fault && fault.gateway === 1)).toBe(true);
  });
});

describe("judgeLimits()", () => {
  it("allows the limit, and not one more, whatever else was broken", () => {
    const timeline = timelineWith({ kind: "redis killed", redis: "audio" }, { kind: "gateway killed", gateway: 1 });
    expect(judgeLimits(times(4, 0), timeline, RULES)).toEqual({ most: 4, broken: [] });
    expect(judgeLimits(times(5, 0), timeline, RULES).broken).toEqual(["ann: 5 of 4"]);
  });

  it("allows it once more for a log that was lost within the window, and a share for who decided alone", () => {
    const killed = timelineWith({ kind: "redis killed", redis: "state" });
    expect(judgeLimits(times(8, 0), killed, RULES).broken).toEqual([]);
    expect(judgeLimits(times(9, 0), killed, RULES).broken).toEqual(["ann: 9 of 8"]);
    expect(judgeLimits(times(5, 1_000), killed, RULES).broken).toEqual(["ann: 5 of 4"]);
    const alone = timelineWith({ kind: "gateway killed", gateway: 1 });
    alone.note(0, { type: "note", kind: "not decided", atMs: 50 });
    expect(judgeLimits(times(8, 0), alone, RULES).broken).toEqual([]);
    expect(judgeLimits(times(9, 0), alone, RULES).broken).toEqual(["ann: 9 of 8"]);
  });

  it("finds who was refused without having used up anything", () => {
    const refused = asked(500, { how: "refused", admitted: false });
    expect(wronglyRefused([...times(2, 0), refused], RULES)).toEqual([]);
    expect(wronglyRefused([...times(1, 0), refused], RULES)).toHaveLength(1);
    expect(wronglyRefused([...times(2, 0), { ...refused, user: "bob" }], RULES)).toHaveLength(1);
  });
});

describe("unexplainedFailures()", () => {
  const failed = asked(150, { how: "failed", code: "engine_failed", admitted: false });
  const cut = asked(150, { how: "cut", code: "ECONNRESET" });
  const judge = (one: Asked, ...faults: Parameters<typeof timelineWith>) =>
    unexplainedFailures([one], [1, 2], timelineWith(...faults)).length;

  it("blames engines and the gateway that was asked, never Redis or another gateway", () => {
    expect(judge(failed, { kind: "engine hangs" })).toBe(0);
    expect(judge(failed, { kind: "redis killed" })).toBe(1);
    expect(judge(cut, { kind: "gateway killed", gateway: 0 })).toBe(0);
    expect(judge(cut, { kind: "gateway killed", gateway: 1 })).toBe(1);
  });

  it("does not let a gateway that stops in order cut what it has begun, nor anybody wait for ever", () => {
    expect(judge(cut, { kind: "gateway stopped", gateway: 0 })).toBe(1);
    expect(judge({ ...failed, code: "gave_up" }, { kind: "engine hangs" })).toBe(1);
  });
});

describe("EngineCalls", () => {
  function twice(first: CallEnd, timeline = new Timeline()): string[] {
    const calls = new EngineCalls();
    for (const [id, how] of [first, "finished" as const].entries()) {
      const atMs = 1_000 + 5_000 * id;
      calls.told("gateway 0", { type: "call", atMs, id, engine: "first", segment: "one text" });
      calls.told("gateway 0", { type: "called", atMs: atMs + 100, id, how });
    }
    return calls.unexplained(timeline);
  }

  it("finds what was made again though it had been made and nothing was lost", () => {
    expect(twice("finished")).toEqual(["first: one text by gateway 0, and 5000 ms later by gateway 0"]);
    expect(twice("failed")).toEqual([]);
    expect(twice("left")).toEqual([]);
    expect(twice("finished", timelineWith({ kind: "redis killed", fromMs: 2_000, toMs: 2_500 }))).toEqual([]);
    expect(twice("finished", timelineWith({ kind: "engine hangs", fromMs: 2_000, toMs: 2_500 }))).toHaveLength(1);
  });
});
