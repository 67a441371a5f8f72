import fc from "fast-check";
import { afterEach, describe, expect, it } from "vitest";
import { type ManualClock, manualClock } from "../../../test/support/manual-clock.ts";
import { EventBus } from "../../core/events.ts";
import { History } from "./history.ts";
import { bucketOf, LATENCY_BUCKETS, quantileMs } from "./latency-buckets.ts";
import { Ring } from "./ring.ts";
import { ROW_LENGTH } from "./row.ts";

const QUIET = { sockets: 0, utterances: 0, syntheses: 0, memoryBytes: 0, redisDown: 0 };
let closing: History | undefined;
afterEach(() => closing?.close());

function start(clock: ManualClock = manualClock()) {
  const events = new EventBus();
  const peaks = { ...QUIET };
  const ticks: string[][] = [];
  const history = new History({
    events,
    clock,
    peaksNow: () => peaks,
    prices: new Map([["cloud", 100]]),
    onTick: (points) => ticks.push(Object.keys(points)),
  });
  closing = history;
  return { events, clock, peaks, ticks, history };
}

function deliver(events: EventBus, segments: { hit?: number; miss?: number; coalesced?: number; stale?: number }) {
  events.emit("speech.delivered", {
    ...{ requestId: "r", subject: "ann", engine: "cloud", format: "mp3", fromCache: false },
    segments: { hit: 0, miss: 0, coalesced: 0, stale: 0, ...segments },
    ...{ bytes: 500, characters: 20, firstAudioMs: 1, latencyMs: 2 },
  });
}

describe("History", () => {
  it("tells each second of five minutes, ten seconds of an hour, minute of a day, and no more", async () => {
    const { events, clock, history } = start();
    const begunMs = clock.now();
    const begunBytes = history.bytes;
    for (let minute = 0; minute < 7; minute++) {
      deliver(events, { hit: 1 });
      await clock.advance(60_000);
    }
    const [fine, middle, coarse] = (["5m", "1h", "24h"] as const).map((range) => history.read(range));
    expect([fine, middle, coarse].map((read) => read!.points.atMs.length)).toEqual([300, 42, 7]);
    expect([fine, middle, coarse].map((read) => read!.stepS)).toEqual([1, 10, 60]);
    expect(coarse!.points.delivered).toEqual([1, 1, 1, 1, 1, 1, 1]);
    expect(coarse!.points.atMs[0]).toBe(begunMs + 60_000);
    expect(fine!.points.atMs.at(-1)).toBe(begunMs + 420_000);
    // Of seven minutes only the last five are kept by the second: five of seven answers.
    expect(fine!.points.delivered.reduce((sum, count) => sum + count, 0)).toBe(5);
    expect(history.bytes).toBe(begunBytes);
    expect(begunBytes).toBeLessThan(1_000_000);
  });

  it("tells utterances by what they are made of, segments, and what was saved in money", async () => {
    const { events, clock, history } = start();
    deliver(events, { hit: 2 });
    deliver(events, { hit: 1, miss: 1 });
    deliver(events, { coalesced: 1 });
    deliver(events, { miss: 1, coalesced: 1 });
    const segment = { requestId: "r", characters: 20_000, durationMs: 900, bytes: 4_000 };
    events.emit("segment.delivered", { ...segment, engine: "cloud", outcome: "hit" });
    events.emit("segment.delivered", { ...segment, engine: "free", outcome: "coalesced", bytes: undefined });
    events.emit("segment.delivered", { ...segment, engine: "cloud", outcome: "miss" });
    events.emit("speech.refused", { requestId: "r", subject: "bob", window: "minute", latencyMs: 1 });
    await clock.advance(1_000);
    const { points } = history.read("5m");
    const last = Object.fromEntries(Object.entries(points).map(([name, values]) => [name, values.at(-1)]));
    expect(last).toMatchObject({
      ...{ delivered: 4, utteranceHits: 1, utterancePartials: 1, utteranceShared: 1, utteranceMisses: 1 },
      ...{ hits: 1, misses: 1, coalesced: 1, stale: 0, refused: 1, failed: 0 },
      ...{ sentBytes: 2_000, savedBytes: 4_000, savedCharacters: 40_000, savedMoney: 2 },
    });
  });

  it("keeps the highest of what goes up and down, and adds latencies up before it takes a quantile of them", async () => {
    const { events, clock, peaks, history } = start();
    const timings = { limitMs: 0, cacheMs: 0, engineMs: 0, transcodeMs: 0 };
    const started = { requestId: "r", engine: "cloud", timings };
    for (let second = 0; second < 10; second++) {
      peaks.sockets = second === 4 ? 7 : 1;
      // Nine quick seconds and a slow one: the quantiles of ten seconds are not those of any one of them.
      for (let n = 0; n < 10; n++)
        events.emit("speech.started", { ...started, outcome: "hit", firstAudioMs: second === 9 ? 500 : 2 });
      await clock.advance(1_000);
    }
    const { points } = history.read("1h");
    expect(points.sockets).toEqual([7]);
    expect(points.hitP50[0]).toBeGreaterThan(1.4);
    expect(points.hitP50[0]).toBeLessThan(2.8);
    expect(points.hitP95[0]).toBeGreaterThan(350);
    expect(points.missP50).toEqual([null]);
  });

  it("ticks once a second with the points that are complete, and no longer once it is closed", async () => {
    const { clock, ticks, history } = start();
    await clock.advance(60_000);
    expect(ticks).toHaveLength(60);
    expect(ticks[0]).toEqual(["5m"]);
    expect(ticks[9]).toEqual(["5m", "1h"]);
    expect(ticks[59]).toEqual(["5m", "1h", "24h"]);
    history.close();
    await clock.advance(5_000);
    expect(ticks).toHaveLength(60);
  });
});

describe("Ring", () => {
  it("keeps the last rows, oldest first, in the memory that it began with", () => {
    const ring = new Ring(3);
    const { bytes } = ring;
    for (let n = 1; n <= 8; n++) ring.push(new Float64Array(ROW_LENGTH).fill(n), n * 1000);
    expect([...ring.rows()].map(({ row, atMs }) => [row[0], row.length, atMs])).toEqual([
      [6, ROW_LENGTH, 6000],
      [7, ROW_LENGTH, 7000],
      [8, ROW_LENGTH, 8000],
    ]);
    expect(ring.bytes).toBe(bytes);
  });
});

describe("quantileMs()", () => {
  it("is within a fifth of the truth for what one bucket holds, at any latency from 0.1 ms to 10 s", () => {
    fc.assert(
      fc.property(fc.double({ min: 0.1, max: 10_000, noNaN: true }), (ms) => {
        const counts = Array.from({ length: LATENCY_BUCKETS }, () => 0);
        counts[bucketOf(ms)] = 10;
        const told = quantileMs(counts, 0.5)!;
        expect(told / ms).toBeGreaterThan(0.8);
        expect(told / ms).toBeLessThan(1.25);
      }),
    );
  });

  it("is null when nothing was counted, and counts nonsense and eternities without falling over", () => {
    expect(
      quantileMs(
        Array.from({ length: LATENCY_BUCKETS }, () => 0),
        0.5,
      ),
    ).toBeNull();
    expect(bucketOf(Number.NaN)).toBe(0);
    expect(bucketOf(-1)).toBe(0);
    expect(bucketOf(Number.POSITIVE_INFINITY)).toBe(LATENCY_BUCKETS - 1);
  });
});
