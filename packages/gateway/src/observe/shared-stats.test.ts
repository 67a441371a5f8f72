import { describe, expect, it } from "vitest";
import { manualClock } from "../../test/support/manual-clock.ts";
import { EventBus } from "../core/events.ts";
import { SharedStats, type StatsSink } from "./shared-stats.ts";
import { countEvents } from "./stats.ts";

type Batch = Parameters<StatsSink["add"]>[0];

function rig() {
  const clock = manualClock();
  const events = new EventBus();
  const batches: Batch[] = [];
  const sink = { down: false, answerLost: false, reads: 0 };
  const shared = new SharedStats({
    counters: countEvents(events),
    clock,
    sink: {
      async add(batch) {
        if (sink.down) throw new Error("down");
        batches.push(batch);
        if (sink.answerLost) throw new Error("no answer");
      },
      async read() {
        sink.reads++;
        if (sink.down) throw new Error("down");
        return { hits: 41 };
      },
    },
  });
  const hit = (times = 1) => {
    for (let n = 0; n < times; n++)
      events.emit("segment.delivered", {
        requestId: "r",
        outcome: "hit",
        engine: "e",
        characters: 10,
        durationMs: 1.5,
        bytes: 100,
      });
  };
  return { clock, events, batches, sink, shared, hit };
}

describe("SharedStats", () => {
  it("sends what changed, in one batch a second, and nothing when nothing did", async () => {
    const { clock, batches, hit } = rig();
    await clock.advance(5_000);
    expect(batches).toEqual([]);
    hit(3);
    await clock.advance(1_000);
    hit(1);
    await clock.advance(5_000);
    expect(batches).toEqual([
      { number: 1, counts: { hits: 3, bytes_saved: 300, characters_saved: 30, audio_ms_saved: 4 } },
      { number: 2, counts: { hits: 1, bytes_saved: 100, characters_saved: 10, audio_ms_saved: 2 } },
    ]);
  });

  it("keeps what could not be sent, and sends the same batch again before a new one", async () => {
    const { clock, batches, sink, hit } = rig();
    sink.answerLost = true;
    hit(2);
    await clock.advance(1_000);
    hit(5);
    await clock.advance(1_000);
    expect(batches.map(({ number, counts }) => [number, counts.hits])).toEqual([
      [1, 2],
      [1, 2],
    ]);
    sink.answerLost = false;
    await clock.advance(2_000);
    expect(batches.slice(2).map(({ number, counts }) => [number, counts.hits])).toEqual([
      [1, 2],
      [2, 5],
    ]);
  });

  it("close() sends what is left, and gives up on a sink that is down", async () => {
    const { batches, shared, sink, hit, clock } = rig();
    await clock.advance(10);
    sink.down = true;
    hit(1);
    await clock.advance(1_000);
    sink.down = false;
    hit(2);
    await shared.close();
    expect(batches.map(({ counts }) => counts.hits)).toEqual([1, 2]);
    const other = rig();
    other.sink.down = true;
    other.hit();
    await other.shared.close();
    expect(other.batches).toEqual([]);
  });

  it("keeps the last sums while the sink is down", async () => {
    const { clock, sink, shared } = rig();
    await clock.advance(10);
    expect(shared.sums).toEqual({ hits: 41 });
    sink.down = true;
    await clock.advance(10_000);
    expect(shared.sums).toEqual({ hits: 41 });
    expect(sink.reads).toBeLessThan(6);
  });
});
