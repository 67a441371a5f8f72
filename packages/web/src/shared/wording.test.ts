import { describe, expect, it } from "vitest";
import { bytes, clock, duration, saving, verdict } from "./wording.ts";

describe("wording", () => {
  it("duration() keeps three digits or fewer", () => {
    expect([0.84, 1.26, 12.4, 999, 1240].map(duration)).toEqual(["840 µs", "1.3 ms", "12 ms", "999 ms", "1.24 s"]);
  });

  it("bytes() counts in decimal units and never says 1000.0 kB", () => {
    expect([0, 999, 1000, 18_249, 999_960, 1_400_000].map(bytes)).toEqual([
      "0 B",
      "999 B",
      "1.0 kB",
      "18.2 kB",
      "1.00 MB",
      "1.40 MB",
    ]);
  });

  it("clock() shows minutes, seconds and tenths", () => {
    expect([0, 7.39, 0.3, 59.99, 60, 725].map(clock)).toEqual([
      "0:00.0",
      "0:07.3",
      "0:00.3",
      "0:59.9",
      "1:00.0",
      "12:05.0",
    ]);
  });

  it("saving() compares with base64 of 48 kbit/s MP3, honestly both ways", () => {
    expect(saving(8000, 1)).toBe("0 % less");
    expect(saving(2401, 1)).toBe("69 % less");
    expect(saving(2400, 1)).toBe("70 % less");
    expect(saving(9000, 1)).toBe("13 % more");
    expect(saving(48_044, 1)).toBe("6.0× as much");
  });

  it("verdict() counts the stored sentences of a partial answer", () => {
    expect(verdict({ state: "partial", stored: false, detail: "2/3" })).toBe(
      "2 of 3 sentences were stored, the rest is new.",
    );
    expect(verdict({ state: "partial", stored: false, detail: "?" })).toContain("Some sentences");
    expect(verdict({ state: "miss", stored: true })).toContain("next time is a hit");
    expect(verdict({ state: "miss", stored: false })).not.toContain("next time");
  });
});
