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

  it("peek(), knownRefusal() and reset() tell and change what is counted of a user, and leave the tenant's", async () => {
    const user = { name: "u", limit: 2, lengthMs: 1_000 };
    const tenant = { name: "t", limit: 5, lengthMs: 1_000 };
    const limiter = new MemoryRateLimiter({
      allowanceOf: () => ({ user: [user], tenant: [tenant] }),
      clock: movableClock(),
    });
    const ann = { user: "ann", tenant: "acme" };
    const remaining = async () => (await limiter.peek(ann, { signal })).map((state) => state.remaining);
    expect(await remaining()).toEqual([2, 5]);
    expect(limiter.knownRefusal(ann, ONE_REQUEST)).toBeUndefined();
    expect(limiter.record(ann, ONE_REQUEST).states.map((state) => state.remaining)).toEqual([1, 4]);
    await limiter.take(ann, ONE_REQUEST, { signal });
    expect(await remaining()).toEqual([0, 3]);
    expect(limiter.knownRefusal(ann, ONE_REQUEST)).toMatchObject({
      admitted: false,
      window: user,
      retryAfterMs: 1_000,
    });
    await limiter.reset(ann, { signal });
    expect(await remaining()).toEqual([2, 3]);
    expect(await limiter.peek({ user: "bob" }, { signal })).toHaveLength(1);
  });

  it("a charge is settled once: a stream ends once, and characters come back once", async () => {
    const windows: Window[] = [
      { name: "s", unit: "streams", limit: 2, lengthMs: 0 },
      { name: "c", unit: "characters", limit: 100, lengthMs: 1_000 },
    ];
    const limiter = new MemoryRateLimiter({ allowanceOf: all(windows), clock: movableClock() });
    const cost = { requests: 1, characters: 40, streams: 1 };
    const [one] = [limiter.record({ user: "ann" }, cost), limiter.record({ user: "ann" }, cost)];
    for (let n = 0; n < 2; n++) await one.charge.settle({ characters: 10 });
    const states = await limiter.peek({ user: "ann" }, { signal });
    expect(states.map((state) => state.remaining)).toEqual([1, 30]);
  });

  it.each([
    [{ name: "largest", limit: 2 ** 31 - 1, lengthMs: 1 }, true],
    [{ name: "too large", limit: 2 ** 31, lengthMs: 1 }, false],
    [{ name: "a week", limit: 1, lengthMs: 7 * 24 * 3_600_000 }, true],
    [{ name: "more", limit: 1, lengthMs: 7 * 24 * 3_600_000 + 1 }, false],
    [{ name: "streams", unit: "streams", limit: 1, lengthMs: 0 }, true],
    [{ name: "timed streams", unit: "streams", limit: 1, lengthMs: 5 }, false],
  ] as const)("keeps or refuses the window %o", (window, kept) => {
    const limiter = new MemoryRateLimiter({ allowanceOf: all([window]), clock: movableClock() });
    if (kept) expect(limiter.allowanceOf({ user: "ann" }).user).toEqual([window]);
    else expect(() => limiter.allowanceOf({ user: "ann" })).toThrow(window.name);
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
