import { getEventListeners } from "node:events";
import { describe, expect, it } from "vitest";
import { manualClock, settled } from "../../test/support/manual-clock.ts";
import { type Deferred, deferred } from "../core/async.ts";
import type { SynthesisChunk } from "../core/ports.ts";
import { LooseAttempt } from "./attempt.ts";
import { hedged } from "./hedged.ts";
import type { SpokenSegment } from "./segment.ts";

function said(
  engine: string,
  chunks: AsyncIterableIterator<SynthesisChunk> = (async function* () {})(),
): SpokenSegment {
  return { engine, voice: "one", characters: 1, outcome: "miss", chunks, timing: {} };
}

/** One engine's turn, answered by the test; rejects when it is cancelled, as attempts do. */
function turn() {
  const answer: Deferred<SpokenSegment> = deferred<SpokenSegment>();
  let own: AbortSignal | undefined;
  return {
    ...answer,
    get started() {
      return own !== undefined;
    },
    get cancelled() {
      return own?.aborted ?? false;
    },
    start({ signal }: { signal: AbortSignal }) {
      own = signal;
      signal.addEventListener("abort", () => answer.reject(signal.reason), { once: true });
      return answer.promise;
    },
  };
}

function race({ may = true } = {}) {
  const clock = manualClock();
  const caller = new AbortController();
  const [first, second] = [turn(), turn()];
  const secondFailed: unknown[] = [];
  const won = hedged({
    clock,
    delayMs: 100,
    signal: caller.signal,
    first: (options) => first.start(options),
    second: (options) => second.start(options),
    onDelay: () => may,
    onSecondFailed: (error) => secondFailed.push(error),
  });
  won.catch(() => {});
  return { clock, caller, first, second, secondFailed, won };
}

describe("hedged()", () => {
  it("asks nobody else when the first speaks, or fails, in time", async () => {
    const quick = race();
    quick.first.resolve(said("first"));
    expect(await quick.won).toMatchObject({ engine: "first" });
    const failing = race();
    const error = new Error("broken");
    failing.first.reject(error);
    await expect(failing.won).rejects.toBe(error);
    for (const { clock, second } of [quick, failing]) {
      await clock.advance(200);
      expect(second.started).toBe(false);
    }
  });

  it("hears whoever is first; the other is cancelled, and that is no failure of it", async () => {
    for (const [winner, loser] of [
      ["first", "second"],
      ["second", "first"],
    ] as const) {
      const one = race();
      await one.clock.advance(100);
      one[winner].resolve(said(winner));
      expect(await one.won).toMatchObject({ engine: winner });
      await settled();
      expect([one[winner].cancelled, one[loser].cancelled]).toEqual([false, true]);
      expect(one.secondFailed).toEqual([]);
    }
  });

  it("waits for the one that is left when the other fails, and tells of the second's failure", async () => {
    const one = race();
    await one.clock.advance(100);
    const error = new Error("second is broken");
    one.second.reject(error);
    await settled();
    expect(one.secondFailed).toEqual([error]);
    one.first.resolve(said("first"));
    expect(await one.won).toMatchObject({ engine: "first" });
    const other = race();
    await other.clock.advance(100);
    other.first.reject(new Error("first is broken"));
    await settled();
    other.second.resolve(said("second"));
    expect(await other.won).toMatchObject({ engine: "second" });
  });

  it("rejects with the first one's failure when both fail", async () => {
    const one = race();
    await one.clock.advance(100);
    one.second.reject(new Error("second"));
    one.first.reject(new Error("first"));
    await expect(one.won).rejects.toThrow("first");
  });

  it("asks nobody else where that may not be, or for a caller that left", async () => {
    const forbidden = race({ may: false });
    await forbidden.clock.advance(100);
    forbidden.first.resolve(said("first"));
    expect(await forbidden.won).toMatchObject({ engine: "first" });
    const left = race();
    left.caller.abort(new Error("left"));
    await expect(left.won).rejects.toThrow("left");
    await left.clock.advance(100);
    for (const { second } of [forbidden, left]) expect(second.started).toBe(false);
  });
});

describe("LooseAttempt", () => {
  function loose() {
    const caller = new AbortController();
    const one = turn();
    return { caller, one, attempt: new LooseAttempt((options) => one.start(options), { signal: caller.signal }) };
  }
  const listeners = ({ signal }: AbortController): number => getEventListeners(signal, "abort").length;

  it("ends with its caller, also with one that left before", async () => {
    const { caller, one } = loose();
    caller.abort(new Error("left"));
    expect(one.cancelled).toBe(true);
    const late = turn();
    const attempt = new LooseAttempt((options) => late.start(options), {
      signal: AbortSignal.abort(new Error("left")),
    });
    expect(late.cancelled).toBe(true);
    late.reject(new Error("left"));
    await expect(attempt.spoken).rejects.toThrow("left");
  });

  it("let go, it goes on without its caller, to the end of its audio", async () => {
    const { caller, one, attempt } = loose();
    const closing = new AbortController();
    const over = attempt.letGo(closing.signal);
    caller.abort(new Error("left"));
    expect(one.cancelled).toBe(false);
    let pulled = 0;
    one.resolve(
      said(
        "first",
        (async function* () {
          for (; pulled < 3; pulled++) yield {};
        })(),
      ),
    );
    await over;
    expect(pulled).toBe(3);
    expect([listeners(caller), listeners(closing)]).toEqual([0, 0]);
  });

  it("let go, it is ended by what it was let go until, and fails nobody", async () => {
    for (const early of [true, false]) {
      const { one, attempt } = loose();
      const closing = new AbortController();
      if (early) closing.abort(new Error("stopping"));
      const over = attempt.letGo(closing.signal);
      closing.abort(new Error("stopping"));
      await over;
      expect(one.cancelled).toBe(true);
    }
  });

  it("leaves no listener on its caller's signal when it failed or was cancelled", async () => {
    const failed = loose();
    failed.one.reject(new Error("broken"));
    const cancelled = loose();
    cancelled.attempt.cancel(new Error("lost"));
    await settled();
    expect([listeners(failed.caller), listeners(cancelled.caller)]).toEqual([0, 0]);
  });
});
