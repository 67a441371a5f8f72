import { describe, expect, it } from "vitest";
import { parseCacheStatus } from "./cache-outcome.ts";
import { parseServerTiming } from "./server-timing.ts";

describe("parseCacheStatus", () => {
  it.each([
    ["mynah; hit", { state: "hit", stored: false }],
    ["mynah; hit; ttl=-12", { state: "stale", stored: false }],
    ["mynah; fwd=miss; stored", { state: "miss", stored: true }],
    ["mynah;fwd=uri-miss", { state: "miss", stored: false }],
    ["mynah; fwd=miss; collapsed", { state: "coalesced", stored: false }],
    ['mynah; fwd=partial; detail="2/3"', { state: "partial", stored: false, detail: "2/3" }],
    ["mynah; fwd=request", { state: "bypass", stored: false }],
    ['"mynah"; fwd=miss; detail="a, b; \\"hit\\""', { state: "miss", stored: false, detail: 'a, b; "hit"' }],
    ["mynah", { state: "unknown", stored: false }],
    ["", { state: "unknown", stored: false }],
  ])("reads %s", (header, outcome) => {
    expect(parseCacheStatus(header)).toEqual(outcome);
  });

  it("ignores what other caches on the way say", () => {
    const header = 'CloudFront; hit; detail="mynah; hit", mynah; fwd=miss; stored, ExampleCDN; hit';
    expect(parseCacheStatus(header)).toEqual({ state: "miss", stored: true });
  });

  it("is unknown without the header", () => {
    expect(parseCacheStatus(null).state).toBe("unknown");
  });
});

describe("parseServerTiming", () => {
  it("reads names, durations and descriptions, and leaves out what has no duration", () => {
    const header = 'limit;dur=0.2, cache; dur=1.5;desc="memory, then Redis", engine;desc=flite;dur=51, note';
    expect(parseServerTiming(header)).toEqual([
      { name: "limit", durationMs: 0.2 },
      { name: "cache", durationMs: 1.5, description: "memory, then Redis" },
      { name: "engine", durationMs: 51, description: "flite" },
    ]);
    expect(parseServerTiming(null)).toEqual([]);
  });
});
