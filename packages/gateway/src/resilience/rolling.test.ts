import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { manualClock } from "../../test/support/manual-clock.ts";
import { RollingCounts, RollingQuantiles } from "./rolling.ts";

describe("RollingQuantiles", () => {
  it("gives what a sorted list of the latest values has at that place", () => {
    const values = fc.array(fc.double({ min: 0, max: 1e6, noNaN: true }), { minLength: 1, maxLength: 60 });
    fc.assert(
      fc.property(values, fc.constantFrom(0, 0.5, 0.9, 0.95, 1), (all, q) => {
        const rolling = new RollingQuantiles({ size: 20 });
        for (const value of all) rolling.add(value);
        const latest = all.slice(-20).sort((a, b) => a - b);
        expect(rolling.quantile(q)).toBe(latest[Math.max(0, Math.ceil(q * latest.length) - 1)]);
        expect(rolling.count).toBe(latest.length);
      }),
    );
  });

  it("has none while there are no values", () => {
    const rolling = new RollingQuantiles({ size: 3 });
    expect(rolling.quantile(0.5)).toBeUndefined();
  });
});

describe("RollingCounts", () => {
  it("forgets what is older than its window, a bucket at a time", async () => {
    const clock = manualClock();
    const counts = new RollingCounts({ clock, windowMs: 1_000 });
    counts.add("failed");
    await clock.advance(500);
    counts.add("succeeded");
    expect(counts.totals).toEqual({ succeeded: 1, failed: 1 });
    await clock.advance(500);
    expect(counts.totals).toEqual({ succeeded: 1, failed: 0 });
    await clock.advance(5_000);
    expect(counts.totals).toEqual({ succeeded: 0, failed: 0 });
  });
});
