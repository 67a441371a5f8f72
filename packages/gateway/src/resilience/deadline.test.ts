import { describe, expect, it } from "vitest";
import { manualClock, settled } from "../../test/support/manual-clock.ts";
import { deferred } from "../core/async.ts";
import { withDeadlines } from "./deadline.ts";

const never = new AbortController().signal;

function limits(clock: ReturnType<typeof manualClock>, signal = never) {
  return {
    clock,
    signal,
    firstMs: 100,
    betweenMs: 10,
    onLate: (waitedMs: number) => new Error(`late after ${waitedMs}`),
  };
}

describe("withDeadlines()", () => {
  it("passes on what comes in time", async () => {
    const clock = manualClock();
    async function* source() {
      yield 1;
      yield 2;
    }
    expect(await Array.fromAsync(withDeadlines(() => source(), limits(clock)))).toEqual([1, 2]);
  });

  it("throws when the first value is late, and aborts a source that would never answer", async () => {
    const clock = manualClock();
    let given: AbortSignal | undefined;
    async function* hanging(signal: AbortSignal): AsyncGenerator<number> {
      given = signal;
      await new Promise(() => {});
    }
    const pulled = withDeadlines(hanging, limits(clock)).next();
    pulled.catch(() => {});
    await clock.advance(99);
    expect(given?.aborted).toBe(false);
    await clock.advance(1);
    await expect(pulled).rejects.toThrow("late after 100");
    expect(given?.aborted).toBe(true);
  });

  it("holds the gap between values to its own deadline", async () => {
    const clock = manualClock();
    const gate = deferred();
    async function* stalling() {
      yield 1;
      await gate.promise;
      yield 2;
    }
    const values = withDeadlines(stalling, limits(clock));
    expect(await values.next()).toEqual({ done: false, value: 1 });
    const second = values.next();
    second.catch(() => {});
    await clock.advance(10);
    await expect(second).rejects.toThrow("late after 10");
  });

  it("throws the caller's reason at once when they leave, whatever the source does", async () => {
    const clock = manualClock();
    const caller = new AbortController();
    const values = withDeadlines(() => neverEnding(), limits(clock, caller.signal));
    const pulled = values.next();
    pulled.catch(() => {});
    await settled();
    caller.abort(new Error("hung up"));
    await expect(pulled).rejects.toThrow("hung up");
  });

  it("aborts the source when the consumer leaves early", async () => {
    let given: AbortSignal | undefined;
    async function* source(signal: AbortSignal) {
      given = signal;
      for (;;) yield 1;
    }
    for await (const _ of withDeadlines(source, limits(manualClock()))) break;
    expect(given?.aborted).toBe(true);
  });
});
async function* neverEnding(): AsyncGenerator<number> {
  await new Promise(() => {});
}
