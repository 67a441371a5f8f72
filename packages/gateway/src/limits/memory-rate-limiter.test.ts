import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { describeRateLimiter } from "../../test/conformance/rate-limiter.ts";
import { matchesQuotaModel } from "../../test/support/quota-model.ts";
import type { Clock } from "../core/clock.ts";
import { systemClock } from "../core/clock.ts";
import { type Allowance, ONE_REQUEST, type Subject, type Window } from "../core/quota.ts";
import { MemoryRateLimiter } from "./memory-rate-limiter.ts";

const { signal } = new AbortController();
const all = (windows: readonly Window[]) => () => ({ user: windows, tenant: [] });

function movableClock(startMs = 0): Clock & { advance(ms: number): Promise<void> } {
  let nowMs = startMs;
  return {
    now: () => {
      throw new Error("the wall clock may jump");
    },
    monotonic: () => nowMs,
    sleep: () => Promise.reject(new Error("a limiter does not sleep")),
    advance: async (ms) => {
      nowMs += ms;
    },
  };
}

describeRateLimiter("memory", async (windows) => {
  const clock = movableClock(123_456.789);
  const limiter = new MemoryRateLimiter({ allowanceOf: all(windows), clock });
  return { limiter, advance: clock.advance, close: () => limiter.close() };
});

describeRateLimiter(
  "memory, real time",
  async (windows) => {
    const limiter = new MemoryRateLimiter({ allowanceOf: all(windows), clock: systemClock });
    return { limiter, advance: (ms) => systemClock.sleep(ms, signal), close: () => limiter.close() };
  },
  { realTime: true },
);

describe("MemoryRateLimiter", () => {
  it("take() decides like the definition for all units, users and tenants, with refunds and changing limits", async () => {
    await matchesQuotaModel(
      async () => {
        let allowance: Allowance = { user: [], tenant: [] };
        const clock = movableClock(123_456.789);
        const allowanceOf = ({ tenant }: Subject) => (tenant === undefined ? { ...allowance, tenant: [] } : allowance);
        const limiter = new MemoryRateLimiter({ clock, allowanceOf });
        return {
          servers: [limiter],
          advance: (ms) => void clock.advance(ms),
          setAllowance: (next) => {
            allowance = next;
          },
          close: () => limiter.close(),
        };
      },
      { runs: 300, limitsChange: true },
    );
  });

  it("shortens no window by more than a microsecond, at any fraction of a millisecond", async () => {
    const pause = fc.double({ min: 0, max: 3, noNaN: true });
    await fc.assert(
      fc.asyncProperty(fc.array(pause, { maxLength: 60 }), async (pauses) => {
        const clock = movableClock();
        const limiter = new MemoryRateLimiter({ allowanceOf: all([{ name: "w", limit: 3, lengthMs: 7 }]), clock });
        const admitted: number[] = [];
        for (const ms of pauses) {
          await clock.advance(ms);
          const decision = await limiter.take({ user: "ann" }, ONE_REQUEST, { signal });
          if (decision.admitted) admitted.push(clock.monotonic());
        }
        for (let n = 3; n < admitted.length; n++)
          expect(admitted[n]! - admitted[n - 3]!).toBeGreaterThanOrEqual(6.998_999);
      }),
    );
  });

  it("forgets the subject that was admitted longest ago when there are too many", async () => {
    const clock = movableClock();
    const windows = [{ name: "w", limit: 1, lengthMs: 1_000 }];
    const limiter = new MemoryRateLimiter({ allowanceOf: all(windows), clock, maxSubjects: 2 });
    const admitted = async (subject: string) =>
      (await limiter.take({ user: subject }, ONE_REQUEST, { signal })).admitted;
    expect(await admitted("a")).toBe(true);
    await clock.advance(1);
    expect(await admitted("b")).toBe(true);
    expect(await admitted("a")).toBe(false); // a refusal does not make it younger
    expect(await admitted("c")).toBe(true);
    expect(await admitted("b")).toBe(false);
    expect(await admitted("a")).toBe(true);
  });

  it("keeps its memory small under a flood of names, and gives it back", async () => {
    const clock = movableClock();
    const limiter = new MemoryRateLimiter({
      allowanceOf: all([{ name: "w", limit: 500, lengthMs: 1_000 }]),
      clock,
      maxSubjects: 1_000,
    });
    for (let n = 0; n < 20_000; n++) await limiter.take({ user: `flood-${n}` }, ONE_REQUEST, { signal });
    const late = await limiter.take({ user: "flood-19500" }, ONE_REQUEST, { signal });
    const early = await limiter.take({ user: "flood-10" }, ONE_REQUEST, { signal });
    expect([late.states[0]!.remaining, early.states[0]!.remaining]).toEqual([498, 499]);
    await limiter.close();
    expect((await limiter.take({ user: "flood-19500" }, ONE_REQUEST, { signal })).states[0]!.remaining).toBe(499);
  });

  it.each([
    { name: "none", limit: 0, lengthMs: 1_000 },
    { name: "half", limit: 1.5, lengthMs: 1_000 },
    { name: "nan", limit: Number.NaN, lengthMs: 1_000 },
    { name: "instant", limit: 1, lengthMs: 0 },
  ])("refuses the window $name", (window) => {
    const limiter = new MemoryRateLimiter({ allowanceOf: all([window]), clock: movableClock() });
    expect(() => limiter.allowanceOf({ user: "ann" })).toThrow(window.name);
  });
});
