import { describe, expect, it } from "vitest";
import { judgeMemory } from "./flat-memory.ts";
import { mostWithin } from "./window-judge.ts";

describe("mostWithin()", () => {
  const at = (ms: number, took = 0) => ({ fromMs: ms, toMs: ms + took });

  it("finds the fullest stretch wherever it begins", () => {
    expect(
      mostWithin(
        [0, 40, 90, 100, 110, 180].map((ms) => at(ms)),
        100,
      ),
    ).toBe(4);
    expect(mostWithin([], 100)).toBe(0);
  });

  it("counts only what certainly lies within", () => {
    expect(mostWithin([at(0), at(50), at(60, 100)], 100)).toBe(2);
  });

  it("leaves out what came exactly one window later", () => {
    expect(mostWithin([at(0), at(100)], 100)).toBe(1);
  });
});

describe("judgeMemory()", () => {
  const MIB = 2 ** 20;

  it("forgives the first third and noise, and tells steady growth", () => {
    expect(judgeMemory([100, 150, 200, 200, 205, 203].map((mib) => mib * MIB)).flat).toBe(true);
    expect(judgeMemory([100, 150, 200, 250, 300, 350].map((mib) => mib * MIB)).flat).toBe(false);
  });
});
