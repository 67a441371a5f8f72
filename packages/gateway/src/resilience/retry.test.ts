import { describe, expect, it } from "vitest";
import { manualClock } from "../../test/support/manual-clock.ts";
import { isDroppedConnection, retriedOnce } from "./retry.ts";

const { signal } = new AbortController();
const dropped = Object.assign(new Error("other side closed"), { code: "UND_ERR_SOCKET" });

type Script = { readonly afterMs?: number; readonly mayRetry?: () => boolean };

function calls(script: (readonly (number | Error)[])[], { afterMs = 0, mayRetry = () => true }: Script = {}) {
  const clock = manualClock();
  const seen = { starts: 0, retries: 0 };
  async function* start(): AsyncGenerator<number> {
    const call = script[seen.starts++]!;
    if (afterMs > 0) await clock.sleep(afterMs, signal);
    for (const step of call) {
      if (step instanceof Error) throw step;
      yield step;
    }
  }
  const options = { clock, signal, mayRetry, withinMs: 250, onRetry: () => void seen.retries++, random: () => 0.5 };
  const heard = Array.fromAsync(retriedOnce(start, options));
  heard.catch(() => {});
  return { heard, seen, clock };
}

describe("retriedOnce()", () => {
  it("starts once more after a failure that came at once and before anything else", async () => {
    const { heard, seen, clock } = calls([[dropped], [1, 2]]);
    await clock.advance(50);
    expect([await heard, seen]).toEqual([[1, 2], { starts: 2, retries: 1 }]);
  });

  it("does so only once", async () => {
    const { heard, clock } = calls([[dropped], [dropped], [1]]);
    await clock.advance(1_000);
    await expect(heard).rejects.toBe(dropped);
  });

  it.each([
    ["after the first value", [[1, dropped]], {}],
    ["when the failure took its time", [[dropped]], { afterMs: 300 }],
    ["for a failure of another kind", [[dropped]], { mayRetry: () => false }],
  ])("never %s", async (_, script, options) => {
    const { heard, seen, clock } = calls(script, options);
    await clock.advance(1_000);
    await expect(heard).rejects.toBe(dropped);
    expect(seen).toEqual({ starts: 1, retries: 0 });
  });
});

describe("isDroppedConnection()", () => {
  it("finds it among the causes, and nothing else", () => {
    const wrapped = new Error("fetch failed", { cause: new Error("inner", { cause: dropped }) });
    expect(isDroppedConnection(wrapped)).toBe(true);
    expect(isDroppedConnection(Object.assign(new Error("x"), { code: "ECONNREFUSED" }))).toBe(false);
    expect(isDroppedConnection("ECONNRESET")).toBe(false);
  });
});
