import { describe, expect, it } from "vitest";
import { cachePolicyOf } from "./cache-control.ts";

describe("cachePolicyOf()", () => {
  it.each([
    [undefined, { read: true, write: true, onlyIfCached: false }],
    ["", { read: true, write: true, onlyIfCached: false }],
    ["no-cache", { read: false, write: true, onlyIfCached: false }],
    ["No-Store", { read: false, write: false, onlyIfCached: false }],
    ["only-if-cached", { read: true, write: true, onlyIfCached: true }],
    ["max-age=60", { read: true, write: true, onlyIfCached: false, maxAgeMs: 60_000 }],
    ['only-if-cached , max-age="0"', { read: true, write: true, onlyIfCached: true, maxAgeMs: 0 }],
    ["max-age=soon, x-unknown=1", { read: true, write: true, onlyIfCached: false }],
  ])("%s", (header, policy) => {
    expect(cachePolicyOf(header)).toEqual(policy);
  });
});
