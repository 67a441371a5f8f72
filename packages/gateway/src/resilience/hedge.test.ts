import { describe, expect, it } from "vitest";
import { HedgeBudget, hedgeDelayMs } from "./hedge.ts";
import { RollingQuantiles } from "./rolling.ts";

describe("HedgeBudget", () => {
  it("spends no more than its share, however slow everything is", () => {
    const budget = new HedgeBudget({ share: 0.05, burst: 10 });
    let spent = 0;
    for (let n = 0; n < 10_000; n++) {
      budget.earn();
      if (budget.spend()) spent++;
    }
    expect(spent).toBeGreaterThan(490);
    expect(spent).toBeLessThanOrEqual(503);
  });

  it("saves up a burst and no more", () => {
    const budget = new HedgeBudget({ share: 0.5, burst: 4 });
    for (let n = 0; n < 1_000; n++) budget.earn();
    expect(Array.from({ length: 6 }, () => budget.spend())).toEqual([true, true, true, true, false, false]);
  });
});

describe("hedgeDelayMs()", () => {
  it("is not known before there were enough answers, then what 95 % of them took", () => {
    const answers = new RollingQuantiles({ size: 100 });
    for (let n = 1; n < 20; n++) answers.add(n * 10);
    expect(hedgeDelayMs(answers)).toBeUndefined();
    answers.add(3_000);
    expect(hedgeDelayMs(answers)).toBe(190);
  });

  it("is never so short that the machine's own jitter would count", () => {
    const answers = new RollingQuantiles({ size: 100 });
    for (let n = 0; n < 50; n++) answers.add(1);
    expect(hedgeDelayMs(answers)).toBe(20);
  });
});
