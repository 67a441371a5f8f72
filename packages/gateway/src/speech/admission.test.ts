import { afterEach, describe, expect, it } from "vitest";
import { type RigOptions, speechRig, utterance } from "../../test/support/speech-rig.ts";
import { standInEngine } from "../../test/support/stand-in-engine.ts";
import { collect } from "../core/async.ts";
import { systemClock } from "../core/clock.ts";
import type { Window } from "../core/quota.ts";
import { MemoryRateLimiter } from "../limits/memory-rate-limiter.ts";

const { signal } = new AbortController();
const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

function rig(windows: readonly Window[], options: Partial<RigOptions> = {}) {
  const allowance = { user: windows, tenant: [] };
  const limiter = new MemoryRateLimiter({ clock: systemClock, allowanceOf: () => allowance });
  const made = speechRig({ engines: [standInEngine()], limiter, ...options });
  closing.push(made.close);
  let requests = 0;
  return {
    ...made,
    say: (text: string) => made.speak(utterance(text), { signal, requestId: String(requests++) }),
    left: async () => (await limiter.peek({ user: "tester" }, { signal })).map(({ remaining }) => remaining),
  };
}

async function heard(result: Awaited<ReturnType<ReturnType<typeof rig>["say"]>>): Promise<number> {
  if (!result.admitted) throw new Error(`refused by ${result.quota.window.name}`);
  return (await collect(result.speech.audio)).byteLength;
}

const minute: Window = { name: "minute", limit: 5, lengthMs: 60_000 };
const characters: Window = { name: "characters", unit: "characters", limit: 40, lengthMs: 60_000 };
const streams: Window = { name: "streams", unit: "streams", limit: 1, lengthMs: 0 };

describe("admit()", () => {
  it("charges characters for what is made, and nothing for what is stored", async () => {
    const { say, left } = rig([minute, characters]);
    await heard(await say("Twenty characters ok"));
    expect(await left()).toEqual([4, 20]);
    await expect.poll(async () => (await say("Twenty characters ok")).admitted).toBe(true);
    await expect.poll(async () => (await left())[1]).toBe(20);
    const refused = await say("These would be one too many.");
    expect(refused).toMatchObject({ admitted: false, quota: { window: { name: "characters" } } });
    expect((await say("Twenty characters ok")).admitted).toBe(true);
  });

  it("refuses a text that no waiting would let through, and charges nothing", async () => {
    const { say, left } = rig([minute, characters]);
    await expect(say("x".repeat(41))).rejects.toMatchObject({ code: "text_too_long" });
    expect(await left()).toEqual([5, 40]);
  });

  it("charges a request and no characters to whoever wants only what is stored", async () => {
    const { speak, left } = rig([minute, characters, streams]);
    const only = { ...utterance("x".repeat(41)), cache: { read: true, write: true, onlyIfCached: true } };
    await expect(speak(only, { signal, requestId: "only" })).rejects.toMatchObject({ code: "not_cached" });
    expect(await left()).toEqual([4, 40, 1]);
    await expect(speak(only, { signal, requestId: "free", countHits: false })).rejects.toMatchObject({
      code: "not_cached",
    });
    expect(await left()).toEqual([4, 40, 1]);
  });

  it("gives back what an engine failed to say", async () => {
    const { say, left } = rig([minute, characters], { engines: [standInEngine({ failAfterBytes: 0 })] });
    await expect(say("Nobody will say this")).rejects.toMatchObject({ code: "engines_unavailable" });
    await expect.poll(left).toEqual([4, 40]);
  });

  it("gives back what broke off in the middle", async () => {
    const { say, left } = rig([minute, characters], {
      engines: [standInEngine({ failAfterBytes: 9_600, chunkMs: 5 })],
    });
    const result = await say("Half of this is heard.");
    await expect(heard(result)).rejects.toMatchObject({ code: "engine_failed" });
    await expect.poll(left).toEqual([4, 40]);
  });

  it("counts answers at a time, until they are over", async () => {
    const { say } = rig([streams]);
    const first = await say("The first answer.");
    expect(await say("The second answer.")).toMatchObject({ admitted: false, quota: { window: { name: "streams" } } });
    await heard(first);
    await heard(await say("The second answer."));
  });

  it("lets stored answers pass uncounted where they are not to be counted", async () => {
    const { say, left } = rig([minute], { countHits: false });
    await heard(await say("Said before."));
    expect(await left()).toEqual([4]);
    await expect
      .poll(async () => {
        const result = await say("Said before.");
        return result.admitted && result.speech.fromCache;
      })
      .toBe(true);
    const [before] = await left();
    for (let n = 0; n < 10; n++) expect((await say("Said before.")).admitted).toBe(true);
    expect(await left()).toEqual([before]);
  });
});
