import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { manualClock } from "../../test/support/manual-clock.ts";
import { Breaker, type BreakerChange, type BreakerPass, type BreakerSettings } from "./breaker.ts";

function breakerWith(settings: Partial<BreakerSettings> = {}) {
  const clock = manualClock();
  const changes: BreakerChange[] = [];
  const breaker = new Breaker({ clock, ...settings, onChange: (change) => changes.push(change) });
  const fail = (times = 1) => {
    for (let n = 0; n < times; n++) breaker.enter()!.failed();
  };
  const succeed = (times = 1) => {
    for (let n = 0; n < times; n++) breaker.enter()!.succeeded();
  };
  return { clock, breaker, changes, fail, succeed };
}

describe("Breaker", () => {
  it("opens after failures in a row; a success in between starts the row anew", () => {
    const { breaker, fail, succeed, changes } = breakerWith({ consecutiveFailures: 3 });
    fail(2);
    succeed();
    fail(2);
    expect(breaker.state).toBe("closed");
    fail();
    expect(breaker.state).toBe("open");
    expect(breaker.enter()).toBeUndefined();
    expect(changes).toEqual([{ state: "open", forMs: 1_000 }]);
  });

  it("opens at a share of failures, once there were enough calls in the window", async () => {
    const { breaker, clock, fail, succeed } = breakerWith({ failureRate: 0.5, minCalls: 10, consecutiveFailures: 99 });
    for (let n = 0; n < 4; n++) {
      succeed();
      fail();
    }
    expect(breaker.state).toBe("closed");
    await clock.advance(60_000); // all forgotten
    fail(5);
    succeed(4);
    expect(breaker.state).toBe("closed");
    fail();
    expect(breaker.state).toBe("open");
  });

  it("lets one probe through when its time is over, and closes when it succeeds", async () => {
    const { breaker, clock, fail } = breakerWith();
    fail(3);
    await clock.advance(999);
    expect(breaker.admits).toBe("nothing");
    await clock.advance(1);
    expect([breaker.state, breaker.admits]).toEqual(["half-open", "probe"]);
    const probe = breaker.enter()!;
    expect(probe.probe).toBe(true);
    expect(breaker.enter()).toBeUndefined();
    probe.succeeded();
    expect([breaker.state, breaker.enter()?.probe]).toEqual(["closed", false]);
  });

  it("stays open twice as long after each probe that failed, up to its bound", async () => {
    const { breaker, clock, fail } = breakerWith({ openMs: 1_000, maxOpenMs: 5_000 });
    fail(3);
    const waits: number[] = [];
    for (let n = 0; n < 4; n++) {
      waits.push(breaker.retryInMs);
      await clock.advance(breaker.retryInMs);
      breaker.enter()!.failed();
    }
    expect(waits).toEqual([1_000, 2_000, 4_000, 5_000]);
  });

  it("frees the probe's place when its caller leaves", async () => {
    const { breaker, clock, fail } = breakerWith();
    fail(3);
    await clock.advance(1_000);
    breaker.enter()!.left();
    expect(breaker.enter()?.probe).toBe(true);
  });

  it("lets another one look when a probe hangs for longer than the open time", async () => {
    const { breaker, clock, fail } = breakerWith();
    fail(3);
    await clock.advance(1_000);
    const hanging = breaker.enter()!;
    await clock.advance(999);
    expect(breaker.enter()).toBeUndefined();
    await clock.advance(1);
    const second = breaker.enter()!;
    expect(second.probe).toBe(true);
    second.succeeded();
    hanging.failed();
    expect(breaker.state).toBe("closed");
  });

  it("closes as soon as a probe has begun to give, unless it was failing later than that", async () => {
    const { breaker, clock, fail } = breakerWith();
    fail(3);
    await clock.advance(1_000);
    breaker.enter()!.started();
    expect(breaker.state).toBe("closed");

    const late = breakerWith();
    for (let n = 0; n < 3; n++) late.breaker.enter()!.failed({ late: true });
    await late.clock.advance(1_000);
    const probe = late.breaker.enter()!;
    probe.started();
    expect(late.breaker.state).toBe("half-open");
    probe.succeeded();
    expect(late.breaker.state).toBe("closed");
  });

  it("trusts no more than before what has just come back: one failure opens it again, for longer", async () => {
    const { breaker, clock, fail, succeed } = breakerWith();
    fail(3);
    await clock.advance(1_000);
    succeed();
    fail();
    expect(breaker.retryInMs).toBe(2_000);
    await clock.advance(2_000);
    succeed(4);
    fail(2);
    expect(breaker.state).toBe("closed");
  });

  it("ignores what comes back from before the last change", async () => {
    const { breaker, clock, fail } = breakerWith();
    const old = Array.from({ length: 5 }, () => breaker.enter()!);
    fail(3);
    for (const pass of old) pass.failed();
    expect(breaker.retryInMs).toBe(1_000);
    await clock.advance(1_000);
    expect(breaker.enter()?.probe).toBe(true);
  });

  it("opens at once for as long as the other side says, and never for hours", () => {
    const { breaker } = breakerWith();
    breaker.enter()!.failed({ openForMs: 7_000 });
    expect([breaker.state, breaker.retryInMs]).toEqual(["open", 7_000]);
    const greedy = breakerWith();
    greedy.breaker.enter()!.failed({ openForMs: 1e9 });
    expect(greedy.breaker.retryInMs).toBe(600_000);
  });

  it("lets those through who insist; their failures change nothing, their success closes it", () => {
    const { breaker, fail } = breakerWith();
    fail(3);
    breaker.enter({ insist: true })!.failed();
    expect(breaker.retryInMs).toBe(1_000);
    breaker.enter({ insist: true })!.succeeded();
    expect(breaker.state).toBe("closed");
  });

  it("reset() closes it and forgets", () => {
    const { breaker, fail } = breakerWith();
    fail(3);
    breaker.reset();
    fail(2);
    expect(breaker.state).toBe("closed");
  });

  it("never admits two probes within the open time, and is never shut for longer than its bound", async () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constant("advance" as const), ms: fc.integer({ min: 0, max: 3_000 }) }),
      fc.record({ kind: fc.constantFrom("enter", "fail", "succeed", "leave", "start") }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
        const { breaker, clock } = breakerWith();
        const passes: BreakerPass[] = [];
        for (const one of steps) {
          if ("ms" in one) await clock.advance(one.ms);
          else if (one.kind === "enter") {
            const { admits } = breaker;
            const pass = breaker.enter();
            expect(pass?.probe).toBe(admits === "nothing" ? undefined : admits === "probe");
            if (pass?.probe) expect(breaker.enter()).toBeUndefined();
            if (pass !== undefined) passes.push(pass);
          } else {
            const pass = passes.shift();
            if (one.kind === "fail") pass?.failed();
            if (one.kind === "succeed") pass?.succeeded();
            if (one.kind === "leave") pass?.left();
            if (one.kind === "start") pass?.started();
          }
          expect(breaker.retryInMs).toBeLessThanOrEqual(5_000);
        }
        await clock.advance(5_000);
        expect(breaker.enter()).toBeDefined();
      }),
      { numRuns: 50 },
    );
  });
});
