import { describe, expect, it } from "vitest";
import { manualClock, settled } from "../../test/support/manual-clock.ts";
import { FairQueue, type Turn } from "./fair-queue.ts";

const { signal } = new AbortController();

function queue(options: Partial<ConstructorParameters<typeof FairQueue>[0]> = {}) {
  const clock = manualClock();
  const full = (retryAfterMs: number) => new Error(`full, ${retryAfterMs}`);
  const fair = new FairQueue({ clock, maxConcurrent: 1, maxQueued: 100, maxWaitMs: 10_000, onFull: full, ...options });
  const order: string[] = [];
  const turns: Turn[] = [];
  const enter = (tenant: string, name: string, how: object = {}) =>
    fair.enter(tenant, { signal, ...how }).then((turn) => {
      order.push(name);
      turns.push(turn);
    });
  return { clock, fair, order, turns, enter };
}

describe("FairQueue", () => {
  it("lets tenants take turns, whoever has more waiting, and interactive work before warming", async () => {
    const { order, turns, enter } = queue();
    const all = [enter("big", "b1"), enter("big", "w1", { priority: "warming" })];
    for (const name of ["b2", "b3", "b4"]) all.push(enter("big", name));
    all.push(enter("small", "s1"), enter("small", "s2"));
    for (let n = 0; n < all.length; n++) {
      await settled();
      turns[n]!.release();
      turns[n]!.release(); // twice is once
    }
    await Promise.all(all);
    expect(order).toEqual(["b1", "b2", "s1", "b3", "s2", "b4", "w1"]);
  });

  it("runs no more than it may, and refuses beyond its bounds", async () => {
    const { fair, enter, turns, clock } = queue({ maxConcurrent: 2, maxQueued: 1 });
    await Promise.all([enter("a", "1"), enter("a", "2")]);
    const third = enter("a", "3");
    await expect(enter("b", "4")).rejects.toThrow("full, 1000");
    expect([fair.running, fair.queued]).toEqual([2, 1]);
    const late = expect(third).rejects.toThrow("full");
    await clock.advance(10_000);
    await late;
    expect(fair.queued).toBe(0);
    for (const turn of turns) turn.release();
    expect(fair.running).toBe(0);
  });

  it("lets go whoever leaves the line", async () => {
    const { fair, enter, turns } = queue();
    await enter("a", "1");
    const leaving = new AbortController();
    const reason = new Error("left");
    const gone = enter("a", "2", { signal: leaving.signal });
    leaving.abort(reason);
    await expect(gone).rejects.toBe(reason);
    turns[0]!.release();
    expect([fair.queued, fair.running]).toEqual([0, 0]);
  });

  it("pauses and lets fewer in when it is told that it was too much, and recovers", async () => {
    const { fair, enter, turns, clock, order } = queue({ maxConcurrent: 4 });
    await Promise.all(["1", "2", "3", "4"].map((name) => enter("a", name)));
    for (const turn of turns) turn.release({ overloadedForMs: 3_000 });
    expect(fair.places).toBe(2);
    const waiting = ["5", "6", "7"].map((name) => enter("a", name));
    await clock.advance(2_999);
    expect(order).toHaveLength(4);
    await clock.advance(1);
    expect(order).toEqual(["1", "2", "3", "4", "5", "6"]);
    for (let n = 4; n < 7; n++) {
      turns[n]!.release();
      await settled();
    }
    await Promise.all(waiting);
    for (let n = 0; n < 13; n++) (await fair.enter("a", { signal })).release();
    expect(fair.places).toBe(4);
  });
});
