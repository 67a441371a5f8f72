import { afterAll, describe, expect, it } from "vitest";
import { standInEngine } from "../test/support/stand-in-engine.ts";
import { createTtsManager } from "./tts-manager.ts";

const engine = standInEngine();
const manager = await createTtsManager({ rateLimitPerMinute: 3 }, { engines: [engine] });
afterAll(() => manager.close());

describe("createTtsManager()", () => {
  it("speaks, remembers, counts and refuses", async () => {
    const ask = () => manager.synthesize({ text: "Library speech.", voice: "one", format: "wav", userId: "ann" });
    const first = await ask();
    expect(first).toMatchObject({
      fromCache: false,
      metadata: { format: "wav", engine: "stand-in", voice: "one", segments: 1 },
    });
    expect(first.metadata.durationMs).toBeCloseTo(300, 0);
    expect(first.latencyMs).toBeGreaterThan(0);
    await expect.poll(() => manager.getPerformanceMetrics().cache.totalCached).toBe(1);
    const second = await ask();
    expect(second.fromCache).toBe(true);
    expect(Buffer.from(second.audio).subarray(44)).toEqual(Buffer.from(first.audio).subarray(44));
    expect(manager.getPerformanceMetrics().cache).toMatchObject({
      hits: 1,
      misses: 1,
      hitRate: 0.5,
      totalRequests: 2,
      ttlSeconds: 3600,
    });
    await ask();
    await expect(ask()).rejects.toMatchObject({
      code: "rate_limit_exceeded",
      details: { retryAfterMs: expect.any(Number) },
    });
    expect(engine.calls).toBe(1);
  });

  it("closes its engines", async () => {
    const other = standInEngine();
    const closing = await createTtsManager({}, { engines: [other] });
    await closing.close();
    expect(other.closed).toBe(true);
  });
});
