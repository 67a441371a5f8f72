import { describe, expect, it } from "vitest";
import { manualClock, settled } from "../../test/support/manual-clock.ts";
import { voicedEngine, voices } from "../../test/support/voiced-engine.ts";
import { deferred } from "../core/async.ts";
import { VoiceCatalogue } from "./voice-catalogue.ts";

const { signal } = new AbortController();
const never = () => new Promise<never>(() => {});

function catalogue(...engines: ReturnType<typeof voicedEngine>[]) {
  const clock = manualClock();
  const failed: string[] = [];
  const onListFailed = (engine: string) => failed.push(engine);
  return { clock, failed, voices: new VoiceCatalogue({ engines, aliases: {}, clock, onListFailed }) };
}
const idsOf = async (list: Promise<{ id: string }[]>) => (await list).map(({ id }) => id);

describe("lists of engines", () => {
  it("are asked once for any number of callers, and believed for five minutes", async () => {
    const engine = voicedEngine("a", "ann en-US female");
    const { clock, voices: all } = catalogue(engine);
    await Promise.all(Array.from({ length: 20 }, async () => all.resolve({ voice: "ann" }, { signal })));
    await clock.advance(299_000);
    await all.list({ signal });
    expect(engine.state.asked).toBe(1);
  });

  it("that are old are used while the new one is fetched: no request waits", async () => {
    const engine = voicedEngine("a", "ann en-US female");
    const { clock, voices: all } = catalogue(engine);
    const first = await all.resolve({ voice: "ann" }, { signal });
    await clock.advance(301_000);
    const gate = deferred();
    engine.state.list = async () => {
      await gate.promise;
      return voices("a", "ann en-US female", "bea en-US female");
    };
    expect(await all.resolve({ voice: "ann" }, { signal })).toBe(first);
    expect(engine.state.asked).toBe(2);
    await expect(all.resolve({ voice: "bea" }, { signal })).rejects.toMatchObject({ code: "voice_not_found" });
    gate.resolve();
    await settled();
    expect(await all.resolve({ voice: "bea" }, { signal })).toMatchObject([{ voice: "bea" }]);
    expect(await all.resolve({ voice: "ann" }, { signal })).not.toBe(first);
  });

  it("that say the same again change nothing: the very same candidates are given", async () => {
    const engine = voicedEngine("a", "ann en-US female");
    const { clock, voices: all } = catalogue(engine);
    const first = await all.resolve({ voice: "ann" }, { signal });
    await clock.advance(301_000);
    await all.list({ signal });
    await settled();
    expect(engine.state.asked).toBe(2);
    expect(await all.resolve({ voice: "ann" }, { signal })).toBe(first);
  });

  it("are kept when their engine cannot be asked, which is told once and tried again in half a minute", async () => {
    const engine = voicedEngine("a", "ann en-US female");
    const { clock, failed, voices: all } = catalogue(engine);
    await all.list({ signal });
    engine.state.list = async () => Promise.reject(new Error("down"));
    for (const ms of [301_000, 31_000, 31_000]) {
      await clock.advance(ms);
      expect(await idsOf(all.list({ signal }))).toEqual(["ann"]);
      await settled();
    }
    expect(engine.state.asked).toBe(4);
    expect(failed).toEqual(["a"]);
    engine.state.list = async () => voices("a", "bea en-US");
    await clock.advance(31_000);
    await all.list({ signal });
    await settled();
    expect(await idsOf(all.list({ signal }))).toEqual(["bea"]);
  });

  it("that hang delay the first requests by a second, later ones by nothing, and are given up after fifteen", async () => {
    const hanging = voicedEngine("slow");
    let told: AbortSignal | undefined;
    hanging.state.list = (listSignal) => {
      told = listSignal;
      return never();
    };
    const { clock, failed, voices: all } = catalogue(hanging, voicedEngine("quick", "ann en-US female"));
    let answered = 0;
    const first = Promise.resolve(all.resolve({ voice: "ann" }, { signal })).then((candidates) => {
      answered++;
      return candidates;
    });
    await clock.advance(999);
    expect(answered).toBe(0);
    await clock.advance(1);
    expect((await first)[0]).toMatchObject({ engine: { name: "quick" }, voice: "ann" });
    await all.resolve({ voice: "alloy" }, { signal });
    await all.list({ signal });
    expect(hanging.state.asked).toBe(1);
    expect(failed).toEqual([]);
    await clock.advance(14_000);
    expect(failed).toEqual(["slow"]);
    expect(told?.aborted).toBe(true);
  });

  it("that hang do not delay who names another engine", async () => {
    const hanging = voicedEngine("slow");
    hanging.state.list = never;
    const { voices: all } = catalogue(hanging, voicedEngine("quick", "ann en-US female"));
    expect(await all.resolve({ voice: "ann", model: "quick" }, { signal })).toHaveLength(1);
    expect(await all.resolve({ voice: "quick/ann" }, { signal })).toHaveLength(1);
  });

  it("are waited for as long as told", async () => {
    const slow = voicedEngine("slow");
    const gate = deferred();
    slow.state.list = async () => {
      await gate.promise;
      return voices("slow", "ann");
    };
    const { clock, voices: all } = catalogue(slow);
    const list = all.list({ signal, waitMs: 10_000 });
    await clock.advance(9_000);
    gate.resolve();
    expect(await idsOf(list)).toEqual(["ann"]);
  });

  it("stop to be waited for when the caller leaves, and to be asked when the catalogue is closed", async () => {
    const hanging = voicedEngine("slow");
    let told: AbortSignal | undefined;
    hanging.state.list = (listSignal) => {
      told = listSignal;
      return never();
    };
    const { voices: all, failed } = catalogue(hanging);
    const leaving = new AbortController();
    const waiting = all.resolve({ voice: "ann" }, { signal: leaving.signal });
    leaving.abort(new Error("gone"));
    await expect(waiting).rejects.toThrow("gone");
    expect(told?.aborted).toBe(false); // it is everybody's list
    all.close();
    await settled();
    expect(told?.aborted).toBe(true);
    expect(failed).toEqual([]);
    await all.list({ signal });
    expect(hanging.state.asked).toBe(1);
  });

  it.each([
    ["no list", { voices: [] }],
    ["nothing", undefined],
    ["something that is no JSON", [1n]],
  ])("that are %s count as failed", async (_, answer) => {
    const engine = voicedEngine("a");
    engine.state.list = async () => answer as never;
    const { failed, voices: all } = catalogue(engine);
    expect(await all.list({ signal })).toEqual([]);
    expect(failed).toEqual(["a"]);
  });

  it("are cleaned of what is no voice, and of what comes twice", async () => {
    const engine = voicedEngine("a");
    const odd: unknown[] = [null, 5, { id: "" }, { id: 7, name: "x", language: "en" }, { id: "x".repeat(1_000) }];
    odd.push({ id: "s", name: "s", language: "en", styles: "calm" });
    engine.state.list = async () => [...(odd as never[]), ...voices("someone-else", "ann en-US", "ann de-DE")];
    const { voices: all } = catalogue(engine);
    expect(await all.list({ signal })).toEqual([{ id: "ann", name: "ann", language: "en-US", engine: "a" }]);
  });
});
