import {
  HISTORY_COUNTS,
  HISTORY_LATENCIES,
  HISTORY_PEAKS,
  type HistoryPoint,
  type StatsHistory,
} from "@mynah/protocol";
import { describe, expect, it } from "vitest";
import { Points } from "./points.ts";

const NAMES = [...HISTORY_COUNTS, ...HISTORY_PEAKS, ...HISTORY_LATENCIES] as const;
const point = (atMs: number, values: Partial<HistoryPoint> = {}): HistoryPoint => ({
  ...(Object.fromEntries(NAMES.map((name) => [name, 0])) as HistoryPoint),
  ...values,
  atMs,
});
const empty = (range: StatsHistory["range"], stepS: number): StatsHistory => ({
  ...{ range, stepS },
  points: Object.fromEntries(["atMs", ...NAMES].map((name) => [name, []])) as unknown as StatsHistory["points"],
});

describe("Points", () => {
  it("moves on with each new point, holds as many as the gateway does, and none twice", () => {
    const points = new Points(empty("5m", 1));
    for (let n = 1; n <= 320; n++) points.push(point(n, { delivered: n }));
    points.push(point(320, { delivered: 9 }));
    expect(points.length).toBe(300);
    expect([points.of("delivered")[0], points.of("delivered").at(-1)]).toEqual([21, 320]);
    expect(points.sum("delivered", 2)).toBe(639);
  });

  it("tells rates per second, and shares, over five seconds where a point is one, else as they are", () => {
    const [fine, coarse] = [new Points(empty("5m", 1)), new Points(empty("1h", 10))];
    for (const points of [fine, coarse])
      for (let n = 1; n <= 6; n++) points.push(point(n, { delivered: n === 6 ? 20 : 10, hits: 5, misses: 5 }));
    expect(fine.rate("delivered").at(-1)).toBe(12);
    expect(coarse.rate("delivered").at(-1)).toBe(2);
    expect(fine.share(["hits"], ["hits", "misses"]).at(-1)).toBe(50);
    expect(coarse.share(["stale"], ["stale"])).toEqual([null, null, null, null, null, null]);
  });
});
