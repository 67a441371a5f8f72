import { getEventListeners } from "node:events";
import { describe, expect, it } from "vitest";
import { settled } from "../../test/support/manual-clock.ts";
import { deferred } from "../core/async.ts";
import type { SynthesisChunk } from "../core/ports.ts";
import { SharedSynthesis } from "./shared-synthesis.ts";

const never = new AbortController().signal;
const bytes = (...values: number[]): SynthesisChunk => ({ audio: Uint8Array.from(values) });

/** A synthesis that the test feeds by hand, so that every race is forced and none is slept for. */
function gated() {
  const queue: SynthesisChunk[] = [];
  let wake = deferred();
  let ended = false;
  let failure: unknown;
  let signal: AbortSignal | undefined;
  let starts = 0;
  const poke = () => {
    wake.resolve();
    wake = deferred();
  };
  return {
    get signal() {
      return signal!;
    },
    get starts() {
      return starts;
    },
    give(...values: number[]) {
      queue.push(bytes(...values));
      poke();
    },
    end() {
      ended = true;
      poke();
    },
    fail(error: unknown) {
      failure = error;
      poke();
    },
    async *start(given: AbortSignal): AsyncGenerator<SynthesisChunk> {
      signal = given;
      starts++;
      given.addEventListener("abort", poke);
      for (;;) {
        given.throwIfAborted();
        if (failure !== undefined) throw failure;
        const chunk = queue.shift();
        if (chunk) yield chunk;
        else if (ended) return;
        else await wake.promise;
      }
    },
  };
}

async function read(shared: SharedSynthesis, signal = never): Promise<number[]> {
  const heard: number[] = [];
  for await (const { audio } of shared.read(signal)) heard.push(...(audio ?? []));
  return heard;
}

function share(source: ReturnType<typeof gated>, options: { maxBytes?: number; finishAnyway?: () => boolean } = {}) {
  return new SharedSynthesis({ maxBytes: 100, start: (signal) => source.start(signal), ...options });
}

describe("SharedSynthesis", () => {
  it("gives early, late and latest readers the same whole audio from one start", async () => {
    const source = gated();
    const shared = share(source);
    const early = read(shared);
    source.give(1, 2);
    await settled();
    const late = read(shared);
    source.give(3);
    source.end();
    expect(await early).toEqual([1, 2, 3]);
    expect(await late).toEqual([1, 2, 3]);
    expect(await read(shared)).toEqual([1, 2, 3]);
    expect(source.starts).toBe(1);
    expect((await shared.finished).audio).toEqual(Uint8Array.of(1, 2, 3));
  });

  it("lets each reader go at its own pace", async () => {
    const source = gated();
    const shared = share(source);
    const slow = shared.read(never);
    const fast = read(shared);
    for (let value = 0; value < 20; value++) source.give(value);
    source.end();
    expect(await fast).toHaveLength(20);
    expect((await slow.next()).value?.audio).toEqual(Uint8Array.of(0));
  });

  it("goes on while one of two readers is left, whoever started it", async () => {
    const source = gated();
    const shared = share(source);
    const starter = new AbortController();
    const first = read(shared, starter.signal);
    const second = read(shared);
    source.give(1);
    await settled();
    starter.abort(new Error("hung up"));
    await expect(first).rejects.toThrow("hung up");
    expect(source.signal.aborted).toBe(false);
    source.give(2);
    source.end();
    expect(await second).toEqual([1, 2]);
  });

  it("cancels when the last reader leaves", async () => {
    const source = gated();
    const shared = share(source);
    const caller = new AbortController();
    const reading = read(shared, caller.signal);
    source.give(1);
    await settled();
    caller.abort(new Error("hung up"));
    await expect(reading).rejects.toThrow("hung up");
    expect(source.signal.aborted).toBe(true);
    expect(shared.joinable).toBe(false);
    await expect(shared.finished).rejects.toThrow("every listener left");
  });

  it("cancels when the last reader returns without ever having pulled", async () => {
    const source = gated();
    const shared = share(source);
    await shared.read(never).return?.();
    expect(source.signal.aborted).toBe(true);
  });

  it("finishes without readers when the rest is worth having", async () => {
    const source = gated();
    const shared = share(source, { finishAnyway: () => true });
    await shared.read(never).return?.();
    source.give(1);
    source.end();
    expect((await shared.finished).audio).toEqual(Uint8Array.of(1));
  });

  it("counts a reader from read(), not from its first pull", async () => {
    const source = gated();
    const shared = share(source);
    const patient = shared.read(never);
    const hasty = new AbortController();
    shared.read(hasty.signal);
    hasty.abort();
    expect(source.signal.aborted).toBe(false);
    source.give(7);
    expect((await patient.next()).value?.audio).toEqual(Uint8Array.of(7));
  });

  it("passes the failure on to every reader and to none cleanly", async () => {
    const source = gated();
    const shared = share(source);
    const readers = [read(shared), read(shared)];
    source.give(1);
    source.fail(new Error("engine died"));
    for (const reader of readers) await expect(reader).rejects.toThrow("engine died");
    expect(shared.joinable).toBe(false);
  });

  it("fails when more comes than it may hold", async () => {
    const source = gated();
    const shared = share(source, { maxBytes: 2 });
    const reading = read(shared);
    source.give(1, 2, 3);
    await expect(reading).rejects.toMatchObject({ code: "engine_failed" });
  });

  it("fails when nothing comes", async () => {
    const source = gated();
    const shared = share(source);
    const reading = read(shared);
    source.end();
    await expect(reading).rejects.toMatchObject({ code: "engine_no_audio" });
  });

  it("holds as much as it may, and no byte more", async () => {
    const source = gated();
    const shared = share(source, { maxBytes: 3 });
    const reading = read(shared);
    source.give(1, 2);
    source.give(3);
    source.end();
    expect(await reading).toEqual([1, 2, 3]);
  });

  it("passes words on, with audio and without, and keeps all of them; what is empty is nobody's", async () => {
    const one = { text: "one", startMs: 0, endMs: 10 };
    const two = { text: "two", startMs: 10, endMs: 20 };
    const chunks: SynthesisChunk[] = [
      {},
      { audio: new Uint8Array() },
      { audio: Uint8Array.of(1), words: [one] },
      { words: [two] },
    ];
    const shared = new SharedSynthesis({
      maxBytes: 100,
      async *start() {
        yield* chunks;
      },
    });
    const heard: SynthesisChunk[] = [];
    for await (const chunk of shared.read(never)) heard.push(chunk);
    expect(heard).toEqual(chunks.slice(2));
    expect(await shared.finished).toEqual({ audio: Uint8Array.of(1), words: [one, two] });
  });

  it("gives a reader that left nothing more, though there is more", async () => {
    const source = gated();
    const shared = share(source);
    const stays = read(shared);
    const leaves = shared.read(never);
    source.give(1);
    source.give(2);
    await leaves.next();
    await leaves.return?.();
    expect(await leaves.next()).toEqual({ done: true, value: undefined });
    source.end();
    expect(await stays).toEqual([1, 2]);
  });

  it("leaves no listener on a caller's signal that lives on", async () => {
    const source = gated();
    const shared = share(source);
    const caller = new AbortController();
    const reading = read(shared, caller.signal);
    source.give(1);
    await settled();
    source.give(2);
    await settled();
    expect(getEventListeners(caller.signal, "abort")).toHaveLength(2); // one counts it, one wakes it: not one per chunk
    source.end();
    await reading;
    expect(getEventListeners(caller.signal, "abort")).toHaveLength(0);
    caller.abort(); // must not reach a synthesis that is done
    expect(source.signal.aborted).toBe(false);
    expect(shared.joinable).toBe(true);
  });
});
