import { describe, expect, it } from "vitest";
import { peaksOf } from "./sound.ts";

describe("peaksOf", () => {
  it("finds the loudest sample of each slice and scales to the loudest of all", () => {
    expect(peaksOf(Float32Array.of(0, -0.5, 0.1, 0.25, 0, 0), 3)).toEqual([1, 0.5, 0]);
  });
  it("is flat for silence and for fewer samples than slices", () => {
    expect(peaksOf(new Float32Array(10), 2)).toEqual([0, 0]);
    expect(peaksOf(Float32Array.of(0.5), 2)).toEqual([0, 1]);
  });
});
