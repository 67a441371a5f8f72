import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { AdmissionLog } from "./admission-log.ts";

/** The same as plain entries, each with what it took, the youngest last. */
class Entries {
  #entries: { readonly time: number; amount: number }[] = [];

  add(time: number, amount: number, expired: number): void {
    this.#entries = this.#entries.filter((entry) => entry.time > expired);
    this.#entries.push({ time, amount });
  }

  usedAfter(time: number): number {
    return this.#entries.reduce((sum, entry) => sum + (entry.time > time ? entry.amount : 0), 0);
  }

  refund(time: number, amount: number): void {
    let left = amount;
    for (const entry of this.#entries.filter((one) => one.time === time).reverse()) {
      const back = Math.min(left, entry.amount);
      entry.amount -= back;
      left -= back;
    }
  }

  get times(): number[] {
    return this.#entries.map(({ time }) => time);
  }
}

const step = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({ does: fc.constant("add"), later: fc.nat(2), amount: fc.nat(5), keeps: fc.nat(12) }),
  },
  { weight: 1, arbitrary: fc.record({ does: fc.constant("refund"), ago: fc.nat(6), amount: fc.nat(12) }) },
);

describe("AdmissionLog", () => {
  it("counts like a list of entries, whatever is added, refunded and forgotten", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const log = new AdmissionLog();
        const entries = new Entries();
        let now = 100;
        expect(log.latest).toBe(Number.NEGATIVE_INFINITY);
        for (const one of steps) {
          if ("later" in one) {
            now += one.later;
            log.add(now, one.amount, now - one.keeps);
            entries.add(now, one.amount, now - one.keeps);
            expect(log.latest).toBe(now);
          } else {
            log.refund(now - one.ago, one.amount);
            entries.refund(now - one.ago, one.amount);
          }
          expect(log.size).toBe(entries.times.length);
          for (let ago = 0; ago < 16; ago++) expect(log.usedAfter(now - ago)).toBe(entries.usedAfter(now - ago));
        }
      }),
      { numRuns: 400 },
    );
  });

  it("blockedBy() is the first entry after which there is room", () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 12 }),
        fc.nat(30),
        (amounts, limit) => {
          const log = new AdmissionLog();
          amounts.forEach((amount, at) => {
            log.add(at, amount, -1);
          });
          const freeing = amounts.findIndex((_, at) => log.usedAfter(at) + 1 <= limit);
          expect(log.blockedBy(limit, 1)).toBe(freeing === -1 ? amounts.length - 1 : freeing);
        },
      ),
    );
  });
});
